"""Dead letters: messages nobody will handle. Counted, logged by type alone, and answered if someone asked."""

import logging
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import pykka
from pykka._envelope import Envelope
from pykka.messages import _ActorStop

logger = logging.getLogger(__name__)

Reason = Literal["stopped", "expired"]


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A message that was not handled."""

    kind: str
    """Type of the message; its content stays out."""
    reason: Reason
    urn: str
    """Of the actor it was for; empty where that is not known any more."""


counts: Counter[str] = Counter()
"""Dead letters since the process started, by the type of the message."""

reasons: Counter[Reason] = Counter()
"""The same by reason."""

_listeners: dict[Callable[[DeadLetter], None], None] = {}


def listen(listener: Callable[[DeadLetter], None]) -> Callable[[], None]:
    """Have a function called for each dead letter, on the thread where it dies; return what ends that."""
    _listeners[listener] = None
    return lambda: _listeners.pop(listener, None) and None


def bury(envelope: Envelope[Any], reason: Reason = "stopped", urn: str = "") -> None:
    """Count an envelope as a dead letter; a request to stop is granted instead.

    A waiting asker gets `pykka.ActorDeadError`, or `pykka.Timeout` where the message had expired.
    """
    if isinstance(envelope.message, _ActorStop):
        if envelope.reply_to is not None:
            envelope.reply_to.set(None)
        return
    kind = type(envelope.message).__name__
    counts[kind] += 1
    reasons[reason] += 1
    logger.debug("dead letter (%s): %s", reason, kind)
    if envelope.reply_to is not None:
        envelope.reply_to.set_exception(_error(kind, reason))
    for listener in list(_listeners):
        try:
            listener(DeadLetter(kind, reason, urn))
        except Exception:
            logger.exception("a listener for dead letters failed")


def _error(kind: str, reason: Reason) -> tuple[type[Exception], Exception, None]:
    if reason == "expired":
        return pykka.Timeout, pykka.Timeout(f"{kind} was not handled in time"), None
    return pykka.ActorDeadError, pykka.ActorDeadError(f"the actor stopped before handling {kind}"), None
