"""A recorded session as replay reads it: its events in their time, its audio, and what of either is missing."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from actors.session.ports import AudioFormat
from balto.replay.hearing import NothingHeardError, heard
from balto.replay.run import Run, came_redacted, missing_audio
from events.catalogue import Event, RecordingsExpired, SessionEnded, SessionStarted, SubjectErased
from events.envelope import RecordedEvent, UnknownEvent
from events.store import EventStore, RecordingChunk


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
    form: AudioFormat | None = None
    """What the audio is, where it is not what the client sent: of a damaged recording, what could be decoded."""
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
    if came_redacted(events):
        raise NotReplayableError(f"session {_short(stream)} came in redacted: there are no words and no audio to hear")
    if any(event.erased or isinstance(event.event, SubjectErased) for event in events):
        raise NotReplayableError(f"session {_short(stream)} was erased: nothing of what was said is left to hear again")
    moments = [Moment(event.event, event.elapsed_us) for event in events]
    audio, form, holes = _audio(events, list(chunks), stream)
    return Recorded(
        stream=stream,
        tenant=first.tenant,
        position=events[-1].stream_position,
        began=first.occurred_at,
        started=started,
        moments=moments,
        audio=audio,
        form=form,
        remarks=(*_unknown(events), *holes, *_without_an_end(moments)),
    )


def _audio(
    events: Sequence[RecordedEvent], chunks: Sequence[RecordingChunk], stream: str
) -> tuple[bytes, AudioFormat | None, list[str]]:
    """Return the audio in one piece, what it is where that is not what the client sent, and a line for each flaw."""
    if not chunks:
        expired = any(isinstance(event.event, RecordingsExpired) for event in events)
        why = "was deleted when it had been kept for its time" if expired else "is not there"
        raise NotReplayableError(f"the audio of session {_short(stream)} {why}: only its events can be told again")
    missing = [damage.message for damage in missing_audio(events, chunks)]
    if not missing:
        return b"".join(chunk.data for chunk in chunks), None, []
    run = Run(name=_short(stream), stream=stream, tenant=events[0].tenant, recorded=tuple(events), audio=tuple(chunks))
    try:
        pcm = heard(run, missing.append)
    except NothingHeardError as error:
        raise NotReplayableError(str(error)) from error
    missing.append("what is left of the audio is heard as samples, with silence for what is missing")
    return pcm.tobytes(), AudioFormat(encoding="pcm_s16le"), missing


def _unknown(events: Sequence[RecordedEvent]) -> list[str]:
    kinds = Counter((event.type, event.schema_version) for event in events if isinstance(event.event, UnknownEvent))
    return [
        f"{count} × {name} version {version}: this program does not know it, and leaves it out"
        for (name, version), count in kinds.items()
    ]


def _without_an_end(moments: Sequence[Moment]) -> list[str]:
    ended = any(isinstance(m.event, SessionEnded) for m in moments)
    return [] if ended else ["the recording has no end: it is heard to its last byte"]


def _short(stream: str) -> str:
    return stream.removeprefix("session-")
