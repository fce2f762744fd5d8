"""The contract of the event store, what can be appended to it, and its errors."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol, Self

from events.envelope import NewEvent, RecordedEvent

ANY: Final = -1
"""Expected position: append whatever the stream holds."""
NO_STREAM: Final = 0
"""Expected position: the stream must not exist yet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordingChunk:
    """A run of a client's bytes exactly as received, `byte_start` counted from the session's first byte."""

    byte_start: int
    data: bytes


class Lane:
    """One owner's way of writing to a stream: once an append of it is refused, so are all that come after.

    What an owner writes next was decided on what it had written before. Without this, a later append of an owner that
    has been replaced could by chance expect the very position at which its successor stands.
    """

    __slots__ = ("refused",)

    def __init__(self) -> None:
        self.refused: StoreError | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Append:
    """Events for one stream, appended together or not at all, with the recorded audio that belongs to them."""

    stream: str
    tenant: str
    events: Sequence[NewEvent]
    expected: int = ANY
    """Position of the stream's last event as the writer knows it, `NO_STREAM` or `ANY`."""
    recordings: Sequence[RecordingChunk] = field(default=())
    lane: Lane | None = None
    """Whose append it is, where that matters."""
    patient: bool = False
    """Whether nobody waits for it, so that it may wait a moment for others to be written with."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Appended:
    """Where an append landed. For a repeated append: where the first one had."""

    stream_position: int
    """Of the last event of the append."""
    position: int
    """Global position of the last event of the append."""


class StoreError(Exception):
    """Base of the store's errors. The driver's own error, if any, is its `__cause__`."""


class WrongExpectedPositionError(StoreError):
    """Another writer was there first: the stream is not where the append expected it."""

    def __init__(self, stream: str, expected: int, actual: int) -> None:
        super().__init__(f"stream {stream} is at position {actual}, expected {expected}")
        self.stream = stream
        self.expected = expected
        self.actual = actual

    def __reduce__(self) -> tuple[type[Self], tuple[str, int, int]]:
        return type(self), (self.stream, self.expected, self.actual)


class WrongTenantError(StoreError):
    """The stream is another tenant's."""

    def __init__(self, stream: str) -> None:
        super().__init__(f"stream {stream} is another tenant's")
        self.stream = stream


class StreamErasedError(StoreError):
    """Nothing personal is written to the stream any more: the subject of it was erased."""

    def __init__(self, stream: str) -> None:
        super().__init__(f"stream {stream} was erased")
        self.stream = stream


class StreamHeldError(StoreError):
    """What should be destroyed is on legal hold."""


class NoStreamError(StoreError):
    """There is no such stream."""


class StoreUnavailableError(StoreError):
    """The database could not be reached or did not answer in time. Retrying with the same event ids is safe."""


type Outcome = Appended | WrongExpectedPositionError | StreamErasedError | WrongTenantError
"""What became of an append in a group."""


class EventStore(Protocol):
    """An append-only store of streams with one dense global order."""

    async def append(self, append: Append) -> Appended:
        """Append events to one stream, durably, in one transaction with their recordings.

        Raises:
            WrongExpectedPositionError: the stream is elsewhere and these events are not its tail already.
            StreamErasedError: there are personal fields or recordings, and the stream was erased.
            WrongTenantError: the stream is another tenant's.
            StoreUnavailableError: nothing is known; retry with the same ids.
        """
        ...

    async def append_atomically(self, appends: Sequence[Append]) -> list[Appended]:
        """Append to several streams, all or nothing. Raises as `append`."""
        ...

    async def erase(self, stream: str, subject_erased: NewEvent) -> Appended:
        """Destroy for good what a stream holds of a person: its personal fields, everywhere, and its recordings.

        Repeated, it changes nothing and tells where the first time's event is.

        Args:
            stream: its name.
            subject_erased: a `SubjectErased`, appended in the same transaction.

        Raises:
            NoStreamError: there is no such stream.
            StreamHeldError: it is on legal hold.
            StoreUnavailableError: nothing is known; erase again.
        """
        ...

    def read_stream(
        self, stream: str, *, after: int = 0, limit: int | None = None, backwards: bool = False
    ) -> AsyncIterator[RecordedEvent]:
        """Yield a stream's events after a stream position in order (or, backwards, all from the last one)."""
        ...

    def read_all(
        self,
        *,
        after: int = 0,
        limit: int | None = None,
        types: Sequence[str] = (),
        stream_prefix: str | None = None,
        tenant: str | None = None,
    ) -> AsyncIterator[RecordedEvent]:
        """Yield events of every stream after a global position, in order, filtered where filters are given."""
        ...

    async def last_position(self) -> int:
        """Return the global position of the last event, 0 in an empty store."""
        ...

    async def stream_position(self, stream: str) -> int:
        """Return the position of a stream's last event, 0 for a stream that does not exist."""
        ...

    def read_recording(self, stream: str, *, from_byte: int = 0) -> AsyncIterator[RecordingChunk]:
        """Yield the recorded bytes of a stream in order, from the chunk that holds `from_byte`."""
        ...
