"""What a session is given: its journal, engines, client and limits, all as arguments."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol
from uuid import UUID

from actors.audio.pacing import Pace
from actors.llm.understanding import Understanding
from actors.runtime.clock import Clock
from actors.session.inputs import Began, Policy, Resources
from actors.session.purse import BottomlessPurse, Purse
from actors.session.state import SessionState
from actors.stt.live import LiveEars
from actors.stt.transcriber import Transcriber
from actors.values import VadSettings
from events.catalogue import EndReason, Event
from events.envelope import RecordedEvent
from events.journal import EventWriter
from events.store import RecordingChunk

Goodbye = EndReason | Literal["taken_over", "gap"]
"""Why a connection is closed: its session is over, another connection took it, or bytes are missing."""


class Outbox(Protocol):
    """The way to the client. Neither method blocks or raises when the client is gone."""

    def publish(self, event: Event) -> None:
        """An event of the session is durable: tell the client, if it is one for clients."""
        ...

    def close(self, reason: Goodbye) -> None:
        """Write what is queued, then close the connection."""
        ...


class FlowWindow:
    """How many bytes of a client may be under way in a session before its socket stops reading.

    Args:
        limit: bytes that are not durable yet.
    """

    def __init__(self, limit: int = 1 << 20) -> None:
        self._limit = limit
        self._used = 0
        self._room = asyncio.Event()
        self._room.set()

    @property
    def used(self) -> int:
        """Bytes under way."""
        return self._used

    def take(self, size: int) -> bool:
        """Take room for a frame of `size` bytes if there is some; return whether there was."""
        if self._used >= self._limit:
            return False
        self._used += size
        return True

    async def acquire(self, size: int) -> None:
        """Wait until there is room, then take it for a frame of `size` bytes. One frame may overshoot the limit."""
        if self._used >= self._limit:
            self._room.clear()
            await self._room.wait()
        self._used += size

    def release(self, size: int) -> None:
        """Give `size` bytes back: the session is through with them."""
        self._used -= size
        if self._used < self._limit:
            self._room.set()

    def open(self) -> None:
        """Let every waiter through for good: the session is over and discards what still comes."""
        self._limit = 1 << 62
        self._room.set()


@dataclass(frozen=True, slots=True, kw_only=True)
class Recalled:
    """What the ledger knows of a session."""

    started: RecordedEvent | None
    """The first event of its stream; None where there is no such stream."""
    state: SessionState
    """The fold of all of it."""
    ended: Event | None
    """Its `SessionEnded`, if it has ended."""
    elapsed_us: int
    """Of the last event."""


class SessionMemory(Protocol):
    """What a session is rebuilt from. Both readings raise `StoreError` where the ledger is away."""

    async def recall(self, stream: str) -> Recalled:
        """Read what is known of a session."""
        ...

    def recording(self, stream: str, from_byte: int) -> AsyncIterator[RecordingChunk]:
        """Yield the recorded bytes in order, from the chunk that holds `from_byte`."""
        ...

    async def keep(self, stream: str, position: int, state: SessionState) -> None:
        """Keep a state whose last event is at `position` of the ledger, so that later less is folded. Never raises."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionServices:
    """What all sessions of a process share."""

    journal: EventWriter
    transcribers: Sequence[Transcriber]
    """In order of preference, as `Policy.transcribers` names them."""
    understandings: Sequence[Understanding]
    policy: Policy
    clock: Clock
    memory: SessionMemory
    new_id: Callable[[], UUID]
    sample_resources: Callable[[], Resources | None]
    """Gives the present readings; None where they say nothing, as in a replay."""
    stt_budget_s: float
    llm_budget_s: float
    streaming: LiveEars | None = None
    """Hears phrases while they are said, as `Policy.streaming` names it; None where that is not wanted."""
    grace_s: float = 60.0
    """How long a session waits for a lost connection to come back."""
    purse: Purse = field(default_factory=BottomlessPurse)
    """What counters may spend."""
    pace: Pace | None = None
    """When audio is listened to; None for as soon as it comes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AudioFormat:
    """What the client says it sends."""

    encoding: str = "auto"
    sample_rate: int = 16_000
    channels: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionSpec:
    """What is particular to one session."""

    session_id: str
    tenant: str
    counter_id: str
    protocol: int
    audio: AudioFormat
    vad: VadSettings
    settings: dict[str, Any]
    versions: dict[str, str]
    resumable: bool = False
    """Whether the client counts its bytes, so that a lost connection can be taken up where it broke."""

    @property
    def stream(self) -> str:
        """Name of the session's stream."""
        return f"session-{self.session_id}"

    def began(self) -> Began:
        """Return the first input of the session."""
        return Began(
            session_id=self.session_id,
            counter_id=self.counter_id,
            protocol=self.protocol,
            encoding=self.audio.encoding,
            settings=self.settings,
            versions=self.versions,
        )
