"""The events that the benchmark writes: transcripts of one exact size."""

import os
import time
from datetime import UTC, datetime
from typing import Final

from events.catalogue import Event, TranscriptionReceived, Word
from events.codec import encode
from events.envelope import NewEvent
from events.ids import RANDOM_BYTES, uuid7
from events.sealing import MasterKeys
from events.store import Append

SIZE: Final = 600
"""Bytes of an event's data."""
MASTERS: Final = MasterKeys({1: bytes(range(32))})
"""What the stores of a benchmark seal with: sealing takes the time it takes, whatever the key."""
_SPOKEN: Final = "moça tem alguma coisa pra dor de garganta"
_WORDS: Final = tuple(
    Word(text=word, start_s=n / 4, end_s=n / 4 + 0.2, confidence=0.97) for n, word in enumerate(_SPOKEN.split()[:5])
)


def transcript(phrase: int) -> TranscriptionReceived:
    """Build an event whose data, encoded, are exactly `SIZE` bytes."""
    bare = _received(phrase, "")
    return _received(phrase, _SPOKEN + "." * (SIZE - len(encode(bare)) - len(_SPOKEN.encode())))


def appends(stream: str, count: int, *, events: int, start: int = 0) -> list[Append]:
    """Build consecutive appends of one session, each expecting the one before.

    Args:
        stream: the session.
        count: how many appends.
        events: events in each.
        start: the session's position so far.
    """
    return [
        Append(
            stream=stream,
            tenant="bench",
            events=[new_event(start + n * events + k + 1) for k in range(events)],
            expected=start + n * events,
        )
        for n in range(count)
    ]


def new_event(phrase: int) -> NewEvent:
    """Wrap a transcript as a session would."""
    return wrapped(transcript(phrase), elapsed_us=phrase * 1000)


def wrapped(event: Event, *, elapsed_us: int = 0) -> NewEvent:
    """Give an event an id and a time of now."""
    event_id = uuid7(time.time_ns() // 1_000_000, os.urandom(RANDOM_BYTES))
    return NewEvent(event_id=event_id, event=event, occurred_at=datetime.now(UTC), elapsed_us=elapsed_us)


def _received(phrase: int, text: str) -> TranscriptionReceived:
    return TranscriptionReceived(
        phrase=phrase,
        provider="local",
        model="whisper-base",
        text=text,
        words=_WORDS,
        confidence=0.93,
        latency_ms=412.5,
        cost_usd=0.0,
    )
