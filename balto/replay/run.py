"""One run of a session to be told, compared or run again: its events and its audio, from the ledger or from a file."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from actors.values import SAMPLE_RATE
from events.catalogue import AudioReceived, Event, RecordingsExpired, SessionStarted, SubjectErased
from events.envelope import RecordedEvent, UnknownEvent
from events.sealing import MasterKeys
from events.sessionfile import Damage, read_session_file
from events.store import EventStore, RecordingChunk

CAME_REDACTED: Final = "the session came in redacted: what was said and heard is not in this ledger"

MOST_TOLD: Final = 5
"""Places of one kind of damage that are named; of more the number is told."""


class NoRunError(Exception):
    """There is no such session; the message is one line."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """A session as it was recorded, or as a replay heard it again."""

    name: str
    """How people called it: a stream, or a file."""
    stream: str
    tenant: str
    recorded: tuple[RecordedEvent, ...]
    audio: tuple[RecordingChunk, ...] = ()
    """The client's bytes, as far as they are there; a replay has none of its own."""
    damage: tuple[Damage, ...] = field(default=())

    @property
    def events(self) -> list[Event]:
        """The events without their envelopes."""
        return [each.event for each in self.recorded]

    @property
    def started(self) -> SessionStarted | None:
        """What the session began with; None where that is missing."""
        return next((each.event for each in self.recorded if isinstance(each.event, SessionStarted)), None)


async def run_of_stream(store: EventStore, stream: str, *, name: str | None = None) -> Run:
    """Return the run that a stream of the ledger holds.

    Raises:
        NoRunError: there is no such stream.
        StoreError: it cannot be read.
    """
    recorded = [event async for event in store.read_stream(stream)]
    if not recorded:
        raise NoRunError(f"there is no stream {stream} (`balto sessions` lists the sessions)")
    audio = [chunk async for chunk in store.read_recording(stream)]
    damage = [Damage("redacted", CAME_REDACTED)] if came_redacted(recorded) else []
    return _run(name or stream, stream, recorded[0].tenant, recorded, audio, damage)


def came_redacted(recorded: Sequence[RecordedEvent]) -> bool:
    """Tell whether what is sealed was left out of a stream of the ledger before it came in: nobody erased it here."""
    return any(each.erased for each in recorded) and not any(isinstance(each.event, SubjectErased) for each in recorded)


def run_of_file(path: Path, *, passphrase: str | None = None, own: MasterKeys | None = None) -> Run:
    """Return the run that an exported session holds; raises as `events.sessionfile.read_session_file`."""
    file = read_session_file(path, passphrase=passphrase, own=own)
    return _run(path.name, file.stream, file.tenant, file.events, file.audio, file.damage)


def _run(
    name: str,
    stream: str,
    tenant: str,
    recorded: Sequence[RecordedEvent],
    audio: Sequence[RecordingChunk],
    damage: Sequence[Damage] = (),
) -> Run:
    found = [*damage, *_unknown(recorded), *_erased(recorded)]
    # Audio that was taken away on purpose is not missing, and a replay never had any.
    if not any(each.kind in ("erased", "redacted") for each in found) and stream.startswith("session-"):
        found += missing_audio(recorded, audio)
    return Run(
        name=name, stream=stream, tenant=tenant, recorded=tuple(recorded), audio=tuple(audio), damage=tuple(found)
    )


def _unknown(recorded: Sequence[RecordedEvent]) -> Iterator[Damage]:
    places: dict[tuple[str, int], list[int]] = {}
    for each in recorded:
        if isinstance(each.event, UnknownEvent):
            places.setdefault((each.type, each.schema_version), []).append(each.stream_position)
    for (name, version), at in places.items():
        where = ", ".join(map(str, at[:MOST_TOLD])) + (
            f" and {len(at) - MOST_TOLD} more" if len(at) > MOST_TOLD else ""
        )
        what = "event" if len(at) == 1 else "events"
        yield Damage("unknown_type", f"{what} {where}: {name} version {version} is not known to this program")


def _erased(recorded: Sequence[RecordedEvent]) -> Iterator[Damage]:
    erasure = next((each for each in recorded if isinstance(each.event, SubjectErased)), None)
    if erasure is not None:
        day = erasure.occurred_at.date()
        yield Damage("erased", f"the session was erased on {day}: what was said and heard is gone, numbers are left")
    for each in recorded:
        if isinstance(each.event, RecordingsExpired):
            yield Damage("erased", f"the audio expired on {each.occurred_at.date()}")


def missing_audio(recorded: Sequence[RecordedEvent], audio: Sequence[RecordingChunk]) -> Iterator[Damage]:
    """Yield what is missing of the bytes that events tell of, one line a gap."""
    received = [each.event for each in recorded if isinstance(each.event, AudioReceived)]
    told = [event for event in received if event.byte_end > event.byte_start]
    if told and not audio:
        yield Damage("missing_audio", f"no audio is there: {told[-1].byte_end} bytes were received")
        return
    there = sorted((chunk.byte_start, chunk.byte_start + len(chunk.data)) for chunk in audio)
    for start, end in _holes(there, told[-1].byte_end if told else 0):
        lost = [event for event in told if event.byte_start < end and event.byte_end > start]
        first, last = lost[0].sample_start / SAMPLE_RATE, lost[-1].sample_end / SAMPLE_RATE
        yield Damage("missing_audio", f"bytes {start} to {end} of the audio are missing ({first:.2f}–{last:.2f} s)")


def _holes(there: Sequence[tuple[int, int]], end: int) -> Iterator[tuple[int, int]]:
    at = 0
    for start, stop in [*there, (end, end)]:
        if start > at:
            yield at, start
        at = max(at, stop)
