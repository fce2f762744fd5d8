"""Draining: what a mailbox and whoever drains it agree on."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from actors.runtime.mailbox import Mailbox

TURN_CHECK_MASK = 3
"""The clock is looked at before a fourth of the messages, and after every fourth mailbox of a turn."""


class Park(Exception):  # noqa: N818 - control flow, not an error
    """Raised by `Mailbox.get` to leave Pykka's actor loop when there is nothing more to do in this turn."""


class Dispatcher(Protocol):
    """Decides where and when a mailbox with messages is drained."""

    clock: Callable[[], float]
    """Monotonic seconds, which deadlines and metrics are in."""

    serial: bool
    """Whether one thread drains all of its mailboxes."""

    def schedule(self, mailbox: "Mailbox") -> None:
        """See to it that `mailbox.run()` is called soon, never by two threads at once. Any thread may call."""
        ...
