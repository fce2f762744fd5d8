"""Events for tests of the ledger, where it does not matter which."""

import itertools
import os
from datetime import UTC, datetime

from events.catalogue import Event, SpeechStarted
from events.envelope import NewEvent
from events.ids import RANDOM_BYTES, uuid7

START = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
_number = itertools.count(1)


def new_event(event: Event | None = None, *, occurred_at: datetime = START) -> NewEvent:
    """Wrap an event, or one more onset of speech, with a new id."""
    number = next(_number)
    return NewEvent(
        event_id=uuid7(1_772_443_800_000 + number, os.urandom(RANDOM_BYTES)),
        event=event or SpeechStarted(phrase=number, sample_start=160 * number),
        occurred_at=occurred_at,
        elapsed_us=number,
    )
