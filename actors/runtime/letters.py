"""What is in a mailbox: letters, which are Pykka's envelopes with a deadline and a context, and the runtime's own."""

from collections.abc import Mapping
from contextvars import Context
from dataclasses import dataclass
from typing import Any, Literal

import pykka
from pykka._envelope import Envelope
from pykka.messages import ProxyCall, ProxyGetAttr, ProxySetAttr, _ActorStop


class Letter(Envelope[Any]):
    """An envelope that says until when it is worth handling, and in which context its sender was.

    Args:
        message: what is sent.
        reply_to: where the answer goes.
        deadline: time on the dispatcher's clock, in seconds, from which on the message is not handled any more.
        context: the sender's context variables, which the handler sees: trace ids, fields of the log.
    """

    __slots__ = ("context", "deadline", "sent")

    def __init__(
        self,
        message: Any,
        reply_to: pykka.Future[Any] | None = None,
        deadline: float | None = None,
        context: Context | None = None,
    ) -> None:
        self.message = message
        self.reply_to = reply_to
        self.deadline = deadline
        self.context = context
        self.sent = 0.0
        """When it was put, where that is measured; else 0."""


@dataclass(frozen=True, slots=True)
class Start:
    """First message of every actor: run `on_start` where the dispatcher runs handlers."""


@dataclass(frozen=True, slots=True)
class Restarted:
    """First message of an actor's new instance: run `on_restart`."""

    error: BaseException


@dataclass(frozen=True, slots=True)
class Outcome:
    """What an async handler came to; handled as if its message had been, so that Pykka's own loop replies or fails."""

    value: Any
    error: BaseException | None
    cause: Any
    """The message whose handler it was."""
    stop: bool = False
    """Whether to stop now: the children have."""


@dataclass(frozen=True, slots=True)
class ReceiveTimeout:
    """Nothing has come for the actor's idle time: run `on_idle`."""


@dataclass(frozen=True, slots=True)
class ChildFailed:
    """Runtime → parent: a child stopped because a handler raised."""

    child: pykka.ActorRef[Any]
    actor_class: str
    error: str
    """Type of the exception; its text may quote what the child was handling and stays out."""
    escalated: bool = False
    """Whether the child's supervision asks the parent to fail too, unless the parent knows better."""


@dataclass(frozen=True, slots=True)
class ChildRestarting:
    """Runtime → parent: a child failed and is being restarted; what waits in its mailbox waits on."""

    child: pykka.ActorRef[Any]
    actor_class: str
    error: str
    message: Any
    """What it was handling, which will not be handled again; None where it failed in `on_start`."""


@dataclass(frozen=True, slots=True)
class LettersDied:
    """Runtime → parent: messages to a child were not handled, since it had stopped or they had expired."""

    actor_class: str
    kinds: Mapping[str, int]
    """How many, by the type of the message."""
    reason: Literal["stopped", "expired"]


SYSTEM_MESSAGES = frozenset(
    {_ActorStop, Start, Restarted, Outcome, ReceiveTimeout, ChildFailed, ChildRestarting, LettersDied}
)
"""The runtime's own. They pass every bound, since what they do frees the mailbox."""
NOT_TOLD = SYSTEM_MESSAGES | {ProxyCall, ProxyGetAttr, ProxySetAttr}
"""Messages that are not for `on_receive`."""
