"""Who takes part in a race: an engine that may be asked, and how far asking it is."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from actors.routing.attempts import AttemptReason
from actors.routing.lane import Lane


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Entrant[T]:
    """An engine that may be asked, in the order of preference."""

    lane: Lane
    ask: Callable[[float], Awaitable[T]]
    """Takes the seconds that are left."""
    cost_usd: float = 0.0
    """What a call may cost that is cancelled."""
    free: bool = False
    """Whether asking it needs no budget of hedges: it runs on this machine."""
    not_before_s: float = 0.0
    """Since the start of the race, for a free one: it comes sooner only when all before it have failed."""
    patience_s: float | None = None
    """After which a silent call is given up. None for not before the deadline."""


@dataclass(slots=True, kw_only=True, eq=False)
class Running[T]:
    """An entrant whose turn has come."""

    entrant: Entrant[T]
    number: int
    why: AttemptReason
    gate: asyncio.Future[bool] | None = None
    """Until the call is on record; how long that takes is not the engine's fault."""
    call: asyncio.Future[T] | None = None
    asked_at: float = 0.0
    """By the race's own clock, seconds since its start."""

    @property
    def asked(self) -> bool:
        """Whether the engine has been asked."""
        return self.call is not None

    @property
    def tasks(self) -> list[asyncio.Future[bool] | asyncio.Future[T]]:
        """What is waited for."""
        return [task for task in (self.gate, self.call) if task is not None]
