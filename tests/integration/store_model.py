"""A model of the event store: what it should hold and say, in lists and dictionaries."""

from dataclasses import dataclass, field

from events.catalogue import Event, SpeechStarted, TranscriptionReceived
from events.envelope import NewEvent
from events.selection import Selection
from events.store import (
    ANY,
    Append,
    Appended,
    StoreError,
    StreamErasedError,
    WrongExpectedPositionError,
)

STREAMS = ("session-a", "session-b", "session-c", "counter-1")
TENANTS = {"session-a": "t1", "session-b": "t2", "session-c": "t1", "counter-1": "t2"}


@dataclass
class Kept:
    """An event as the model keeps it."""

    stream: str
    stream_position: int
    position: int
    new: NewEvent


@dataclass
class Model:
    """What the store should hold."""

    streams: dict[str, list[Kept]] = field(default_factory=dict)
    recorded: dict[str, list[bytes]] = field(default_factory=dict)
    erased: set[str] = field(default_factory=set)
    snapshots: dict[str, int] = field(default_factory=dict)
    done: list[tuple[Append, Appended]] = field(default_factory=list)

    @property
    def everything(self) -> list[Kept]:
        return sorted((kept for said in self.streams.values() for kept in said), key=lambda kept: kept.position)

    def at(self, stream: str) -> int:
        return len(self.streams.get(stream, ()))

    def selected(self, selection: Selection, after: int, upto: int | None = None) -> list[Kept]:
        """Say which events a selection means, after a position and up to another."""
        return [
            kept
            for kept in self.everything
            if kept.position > after
            and (upto is None or kept.position <= upto)
            and (selection.stream is None or kept.stream == selection.stream)
            and (selection.names is None or kept.stream.startswith(selection.names))
            and (selection.tenant is None or TENANTS[kept.stream] == selection.tenant)
            and (not selection.types or type(kept.new.event).__name__ in selection.types)
            and (selection.correlation_id is None or kept.new.correlation_id == selection.correlation_id)
        ]

    def judge(self, append: Append) -> type[StoreError] | None:
        """Say how an append of new events should be refused, None if it should not."""
        if append.expected not in (ANY, self.at(append.stream)):
            return WrongExpectedPositionError
        personal = bool(append.recordings) or any(isinstance(new.event, TranscriptionReceived) for new in append.events)
        return StreamErasedError if personal and append.stream in self.erased else None

    def keep(self, append: Append, landed: Appended) -> None:
        said = self.streams.setdefault(append.stream, [])
        assert landed.stream_position == len(said) + len(append.events)
        behind = len(append.events)
        for new in append.events:
            behind -= 1
            said.append(Kept(append.stream, landed.stream_position - behind, landed.position - behind, new))
        self.recorded.setdefault(append.stream, []).extend(chunk.data for chunk in append.recordings)
        self.done.append((append, landed))


class Text:
    """A state that is a text."""

    fingerprint = b"text"

    def encode(self, state: str) -> bytes:
        return state.encode()

    def decode(self, data: bytes) -> str:
        return data.decode()


def an_event(kind: str, number: int) -> Event:
    if kind == "clear":
        return SpeechStarted(phrase=number, sample_start=160 * number)
    return TranscriptionReceived(
        phrase=number, provider="p", model="m", text=f"frase {number}", confidence=0.5, latency_ms=1.5, cost_usd=0.0
    )
