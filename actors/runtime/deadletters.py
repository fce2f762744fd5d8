"""Dead letters: messages to actors that have stopped. Counted, logged by type alone, and answered if someone asked."""

import logging
from collections import Counter
from typing import Any

import pykka
from pykka._envelope import Envelope

logger = logging.getLogger(__name__)

counts: Counter[str] = Counter()
"""Dead letters since the process started, by the type of the message."""


def bury(envelope: Envelope[Any]) -> None:
    """Count an envelope as a dead letter; a waiting asker gets `pykka.ActorDeadError`."""
    kind = type(envelope.message).__name__
    counts[kind] += 1
    logger.debug("dead letter: %s", kind)
    if envelope.reply_to is not None:
        error = pykka.ActorDeadError(f"the actor stopped before handling {kind}")
        envelope.reply_to.set_exception((pykka.ActorDeadError, error, None))
