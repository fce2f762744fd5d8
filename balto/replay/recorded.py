"""A recorded session as replay reads it: its events in their time, its audio, and what of either is missing."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, NamedTuple

from events.catalogue import AudioReceived, Event, RecordingsExpired, SessionEnded, SessionStarted, SubjectErased
from events.envelope import RecordedEvent, UnknownEvent
from events.store import EventStore, RecordingChunk

_RAW: Final = frozenset({"pcm_s16le", "wav"})
"""Encodings in which a hole can be filled with silence of its length."""


class NotReplayableError(Exception):
    """A session cannot be heard again; the message is one clear line that says why."""


class Moment(NamedTuple):
    """An event, and when it happened in its session."""

    event: Event
    elapsed_us: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """All that a replay needs of a session."""

    stream: str
    tenant: str
    position: int
    """In its stream, of the last event."""
    began: datetime
    """UTC."""
    started: SessionStarted
    moments: Sequence[Moment]
    audio: bytes = field(repr=False)
    """From the session's first byte on."""
    remarks: tuple[str, ...] = ()
    """What is missing, a line each."""

    @property
    def ended(self) -> SessionEnded | None:
        """The end, if the recording has one."""
        return next((m.event for m in reversed(self.moments) if isinstance(m.event, SessionEnded)), None)


async def read_session(store: EventStore, stream: str) -> Recorded:
    """Read a session from the ledger.

    Raises:
        NotReplayableError: there is no such session, or nothing of it can be heard.
        StoreError: the ledger is away.
    """
    events = [event async for event in store.read_stream(stream)]
    chunks = [chunk async for chunk in store.read_recording(stream)]
    return recorded_of(events, chunks, stream)


def recorded_of(events: Sequence[RecordedEvent], chunks: Iterable[RecordingChunk], stream: str) -> Recorded:
    """Put a session together from its events, in order, and the chunks of its recording.

    Raises:
        NotReplayableError: it is no session, or nothing of it can be heard.
    """
    if not events:
        raise NotReplayableError(f"there is no session {_short(stream)} (`balto sessions` lists them)")
    first = events[0]
    started = first.event
    if not isinstance(started, SessionStarted):
        raise NotReplayableError(f"{stream} is no session's stream")
    if any(event.erased or isinstance(event.event, SubjectErased) for event in events):
        raise NotReplayableError(f"session {_short(stream)} was erased: nothing of what was said is left to hear again")
    moments = [Moment(event.event, event.elapsed_us) for event in events]
    audio, holes = _joined(moments, chunks, stream)
    return Recorded(
        stream=stream,
        tenant=first.tenant,
        position=events[-1].stream_position,
        began=first.occurred_at,
        started=started,
        moments=moments,
        audio=audio,
        remarks=(*_unknown(moments), *holes, *_without_an_end(moments)),
    )


def _joined(moments: Sequence[Moment], chunks: Iterable[RecordingChunk], stream: str) -> tuple[bytes, list[str]]:
    """Return the audio in one piece, and a line for each hole in it."""
    whole = max((m.event.byte_end for m in moments if isinstance(m.event, AudioReceived)), default=0)
    audio, remarks = bytearray(), list[str]()
    raw = _is_raw(moments)
    skipped = 0

    def hole(start: int, end: int) -> None:
        nonlocal skipped
        remarks.append(
            f"bytes {start} to {end} of the recording are missing: "
            + ("silence stands for them" if raw else "what follows is heard as if it came next")
        )
        if raw:
            audio.extend(bytes(end - start))
        else:
            skipped += end - start

    for chunk in chunks:
        at = len(audio) + skipped
        if chunk.byte_start > at:
            hole(at, chunk.byte_start)
            at = chunk.byte_start
        audio += chunk.data[at - chunk.byte_start :]
    if not audio:
        expired = any(isinstance(m.event, RecordingsExpired) for m in moments)
        why = "was deleted when it had been kept for its time" if expired else "was never recorded"
        raise NotReplayableError(f"the audio of session {_short(stream)} {why}: only its events can be told again")
    if len(audio) + skipped < whole:
        hole(len(audio) + skipped, whole)
    return bytes(audio), remarks


def _is_raw(moments: Sequence[Moment]) -> bool:
    kinds = {getattr(m.event, "encoding", None) for m in moments if type(m.event).__name__ == "AudioFormatDetected"}
    return bool(kinds) and kinds <= _RAW


def _unknown(moments: Sequence[Moment]) -> list[str]:
    kinds = Counter(
        f"{m.event.type_name} version {m.event.version}" for m in moments if isinstance(m.event, UnknownEvent)
    )
    return [f"{count} × {kind}: this program does not know it, and leaves it out" for kind, count in kinds.items()]


def _without_an_end(moments: Sequence[Moment]) -> list[str]:
    ended = any(isinstance(m.event, SessionEnded) for m in moments)
    return [] if ended else ["the recording has no end: it is heard to its last byte"]


def _short(stream: str) -> str:
    return stream.removeprefix("session-")
