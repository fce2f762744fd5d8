"""What a session is given: its journal, engines, client and limits, all as arguments."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol
from uuid import UUID

from actors.llm.understanding import Understanding
from actors.runtime.clock import Clock
from actors.session.inputs import Began, Policy, Resources
from actors.stt.transcriber import Transcriber
from actors.values import VadSettings
from events.catalogue import EndReason, Event
from events.journal import EventWriter


class Outbox(Protocol):
    """The way to the client. Neither method blocks or raises when the client is gone."""

    def publish(self, event: Event) -> None:
        """An event of the session is durable: tell the client, if it is one for clients."""
        ...

    def close(self, reason: EndReason) -> None:
        """The session is over: write what is queued, then close the connection."""
        ...


class FlowWindow:
    """How many bytes of a client may be under way in a session before its socket stops reading.

    Args:
        limit: bytes.
    """

    def __init__(self, limit: int = 1 << 20) -> None:
        self._limit = limit
        self._used = 0
        self._room = asyncio.Event()
        self._room.set()

    async def acquire(self, size: int) -> None:
        """Wait until less than the limit is under way, then take `size` bytes. One frame may overshoot the limit."""
        await self._room.wait()
        self._used += size
        if self._used >= self._limit:
            self._room.clear()

    def release(self, size: int) -> None:
        """Give `size` bytes back: the session has worked through them."""
        self._used -= size
        if self._used < self._limit:
            self._room.set()

    def open(self) -> None:
        """Let every waiter through for good: the session is over and discards what still comes."""
        self._limit = 1 << 62
        self._room.set()


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionServices:
    """What all sessions of a process share."""

    journal: EventWriter
    transcribers: Sequence[Transcriber]
    """In order of preference, as `Policy.transcribers` names them."""
    understandings: Sequence[Understanding]
    policy: Policy
    clock: Clock
    new_id: Callable[[], UUID]
    sample_resources: Callable[[], Resources]
    stt_budget_s: float
    llm_budget_s: float


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
