"""Draining: what a mailbox and whoever drains it agree on."""

from collections.abc import Callable
from typing import Protocol

TURN_CHECK_MASK = 3
"""The clock is looked at before a fourth of the messages, and after every fourth mailbox of a turn."""


class Park(Exception):  # noqa: N818 - control flow, not an error
    """Raised by `Mailbox.get` to leave Pykka's actor loop when there is nothing more to do in this turn."""


class Drained(Protocol):
    """What a dispatcher drains."""

    def run(self, turn_ends: float) -> None:
        """Drain until empty, held, stopped or the time `turn_ends`; never two at once."""
        ...


class Dispatcher(Protocol):
    """Decides where and when a mailbox with messages is drained."""

    clock: Callable[[], float]
    """Monotonic seconds, which deadlines and metrics are in."""

    serial: bool
    """Whether one thread drains all of its mailboxes."""

    def schedule(self, mailbox: Drained) -> None:
        """See to it that `mailbox.run()` is called soon, never by two threads at once. Any thread may call."""
        ...
