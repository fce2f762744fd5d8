"""Readings of the process and the machine at the moment of a phrase, and the event loop's lag."""

import asyncio
import contextlib
import time
from collections import deque
from statistics import median
from typing import Final, Self

import psutil

from actors.session.inputs import Resources

_BEAT_S: Final = 0.1
_FRESH_NS: Final = 100_000_000
_WINDOW: Final = 50
"""Beats that decide on overload: the last five seconds."""
_TOO_LATE_MS: Final = 250.0


class ResourceMonitor:
    """Samples CPU and memory by psutil, and how late the loop wakes a sleeper (its lag).

    Readings younger than 100 ms are given again: phrases that end together share one, and a CPU share over less time
    would be noise.
    """

    def __init__(self) -> None:
        self._process = psutil.Process()
        self._lag_ms = 0.0
        self._lags: deque[float] = deque(maxlen=_WINDOW)
        self._beat: asyncio.Task[None] | None = None
        self._taken_ns = 0
        self._last = Resources(
            cpu_percent=0.0, system_cpu_percent=0.0, rss_bytes=0, system_memory_percent=0.0, loop_lag_ms=0.0
        )

    async def __aenter__(self) -> Self:
        self._process.cpu_percent()
        psutil.cpu_percent()
        self._beat = asyncio.create_task(self._watch(), name="loop-lag")
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._beat is not None:
            self._beat.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._beat

    def sample(self) -> Resources:
        """Return the present readings."""
        now = time.monotonic_ns()
        if now - self._taken_ns >= _FRESH_NS:
            self._taken_ns = now
            self._last = Resources(
                cpu_percent=self._process.cpu_percent(),
                system_cpu_percent=psutil.cpu_percent(),
                rss_bytes=self._process.memory_info().rss,
                system_memory_percent=psutil.virtual_memory().percent,
                loop_lag_ms=self._lag_ms,
            )
        return self._last

    def overload(self) -> str | None:
        """Return why no further session should be taken, in Portuguese, or None.

        The loop is overloaded while it woke late most of the time in the last five seconds; when the spell is over the
        window forgets it, so the door opens again by itself.
        """
        if len(self._lags) < _WINDOW or median(self._lags) < _TOO_LATE_MS:
            return None
        return "servidor sobrecarregado"

    async def _watch(self) -> None:
        while True:
            due = time.monotonic() + _BEAT_S
            await asyncio.sleep(_BEAT_S)
            self._lag_ms = max(0.0, (time.monotonic() - due) * 1000)
            self._lags.append(self._lag_ms)
