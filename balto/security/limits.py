"""Limits on how often and how much at once: a token bucket for each caller, and a turnstile for heavy work."""

import asyncio
import contextlib
from collections import Counter, OrderedDict
from collections.abc import AsyncIterator
from typing import Final, Protocol

from actors.runtime.clock import Clock

_MAX_CALLERS: Final = 10_000


class Buckets(Protocol):
    """Where a rate limiter keeps its buckets: the tokens of each caller, and when they were counted."""

    def __len__(self) -> int: ...

    def locked(self) -> contextlib.AbstractContextManager[object]:
        """Keep everybody else out for the length of the block."""
        ...

    def get(self, caller: str) -> tuple[float, int] | None:
        """Return a caller's tokens and when they were counted, in monotonic microseconds; None for a stranger."""
        ...

    def put(self, caller: str, tokens: float, now_us: int) -> None:
        """Keep them; whoever came longest ago may be forgotten for it."""
        ...


class OwnBuckets:
    """Buckets of this process alone.

    Args:
        max_callers: that are remembered, those seen last.
    """

    def __init__(self, max_callers: int) -> None:
        self._max_callers = max_callers
        self._buckets: OrderedDict[str, tuple[float, int]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._buckets)

    def locked(self) -> contextlib.AbstractContextManager[object]:
        """As `Buckets.locked`: there is nobody else."""
        return contextlib.nullcontext()

    def get(self, caller: str) -> tuple[float, int] | None:
        """As `Buckets.get`."""
        return self._buckets.get(caller)

    def put(self, caller: str, tokens: float, now_us: int) -> None:
        """As `Buckets.put`."""
        self._buckets[caller] = (tokens, now_us)
        self._buckets.move_to_end(caller)
        if len(self._buckets) > self._max_callers:
            self._buckets.popitem(last=False)


class RateLimiter:
    """One token bucket for each caller; a bucket holds `burst` tokens and gains `per_minute` of them a minute.

    The buckets of the callers seen longest ago are forgotten first, so memory is bounded.

    Args:
        per_minute: tokens gained in a minute.
        burst: tokens that a bucket holds at most, and at first.
        clock: asked for monotonic time.
        max_callers: buckets kept, where they are this process's own.
        buckets: kept elsewhere, for processes that limit together.
    """

    def __init__(
        self,
        *,
        per_minute: float,
        burst: int,
        clock: Clock,
        max_callers: int = _MAX_CALLERS,
        buckets: Buckets | None = None,
    ) -> None:
        self._per_us = per_minute / 60e6
        self._burst = float(burst)
        self._clock = clock
        self._buckets: Buckets = OwnBuckets(max_callers) if buckets is None else buckets

    def take(self, caller: str) -> float:
        """Take a token and return 0, or take none and return the seconds until there is one."""
        with self._buckets.locked():
            tokens = self._fill(caller)
            if tokens >= 1:
                self._keep(caller, tokens - 1)
                return 0.0
            self._keep(caller, tokens)
            return (1 - tokens) / self._per_us / 1e6

    def wait_s(self, caller: str) -> float:
        """Return the seconds until there is a token, 0 where there is one; takes none."""
        with self._buckets.locked():
            tokens = self._fill(caller)
        return 0.0 if tokens >= 1 else (1 - tokens) / self._per_us / 1e6

    def give_back(self, caller: str) -> None:
        """Return a token: what it was taken for turned out to be harmless."""
        with self._buckets.locked():
            self._keep(caller, min(self._burst, self._fill(caller) + 1))

    def __len__(self) -> int:
        return len(self._buckets)

    def _fill(self, caller: str) -> float:
        now = self._clock.monotonic_us()
        tokens, since = self._buckets.get(caller) or (self._burst, now)
        return min(self._burst, tokens + (now - since) * self._per_us)

    def _keep(self, caller: str, tokens: float) -> None:
        self._buckets.put(caller, tokens, self._clock.monotonic_us())


class KeyGuard:
    """Slows down who tries many keys, and nobody who shows a good one.

    Only a key that turned out to be unknown is charged, to the address that showed it. An address that has tried too
    many has its keys refused unlooked, but for those that opened something lately: a shop's counters behind one address
    go on working while somebody there guesses.

    Args:
        wrong: counts the unknown keys of an address.
        max_known: hashes of good keys remembered, those seen last.
    """

    def __init__(self, wrong: RateLimiter, *, max_known: int = _MAX_CALLERS) -> None:
        self._wrong = wrong
        self._max_known = max_known
        self._known: OrderedDict[str, None] = OrderedDict()
        self._shut: OrderedDict[str, None] = OrderedDict()

    def wait_s(self, caller: str, key_sha256: str) -> float:
        """Return 0 where a key may be looked up, or the seconds until one of this caller may be."""
        if key_sha256 in self._known:
            return 0.0
        wait_s = self._wrong.wait_s(caller)
        if not wait_s:
            self._shut.pop(caller, None)
        return wait_s

    def opened(self, key_sha256: str) -> None:
        """Remember a key that turned out to be good."""
        _remember(self._known, key_sha256, self._max_known)

    def missed(self, caller: str, key_sha256: str) -> bool:
        """Charge a caller for a key that turned out to be unknown.

        Returns:
            Whether a spell of refusals begins with it, which is worth one line in the log.
        """
        self._known.pop(key_sha256, None)
        self._wrong.take(caller)
        if not self._wrong.wait_s(caller) or caller in self._shut:
            return False
        _remember(self._shut, caller, _MAX_CALLERS)
        return True


def _remember(known: OrderedDict[str, None], name: str, most: int) -> None:
    known[name] = None
    known.move_to_end(name)
    if len(known) > most:
        known.popitem(last=False)


class Busy(Exception):  # noqa: N818 - a state of the server, not a fault
    """So many are inside and waiting that no more are let in."""


class Turnstile:
    """Lets a few in at a time, a few more wait, and turns the rest away.

    Args:
        inside: at the same time.
        waiting: beside them.
        each: of one caller inside, by default as many as there is room for. A caller who may not have all of the room
            may not have more than half of all places either, waiting included.
    """

    def __init__(self, *, inside: int, waiting: int, each: int | None = None) -> None:
        self._room = asyncio.Semaphore(inside)
        self._most = inside + waiting
        self._each = inside if each is None else each
        self._most_of_one = self._most if each is None else max(each, self._most // 2)
        self._lines: dict[str, asyncio.Semaphore] = {}
        self._present: Counter[str] = Counter()

    @property
    def present(self) -> int:
        """How many are inside or waiting."""
        return self._present.total()

    @contextlib.asynccontextmanager
    async def passed(self, caller: str = "") -> AsyncIterator[None]:
        """Be inside for the length of the block.

        Args:
            caller: who, where each may have only a part of the room.

        Raises:
            Busy: too many are waiting already.
        """
        if self._present.total() >= self._most or self._present[caller] >= self._most_of_one:
            raise Busy
        self._present[caller] += 1
        try:
            async with self._lines.setdefault(caller, asyncio.Semaphore(self._each)), self._room:
                yield
        finally:
            self._present[caller] -= 1
            if not self._present[caller]:
                del self._present[caller], self._lines[caller]
