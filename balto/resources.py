"""Readings of the process and the machine at the moment of a phrase, and the event loop's lag."""

import asyncio
import contextlib
import os
import time
from typing import Final, Self

import psutil

from actors.audio.actor import AudioActor
from actors.audio.examiner import ExaminerActor
from actors.runtime import metrics
from actors.session.actor import SessionActor
from actors.session.inputs import Resources
from actors.vad.actor import VadActor
from balto.admission import Load, LoadWindow

_BEAT_S: Final = 0.2
"""Twenty-five in the window of the load; each is a wake-up, which costs more than what it does."""
_SLOWEST_BEAT_S: Final = 0.8
"""Well within what the window of the load needs to have been watched."""
_FRESH_NS: Final = 100_000_000
_PROMPT: Final = (SessionActor, AudioActor, VadActor, ExaminerActor)
"""Actors that wait for nobody outside: where their messages wait, it is for this process."""


class ResourceMonitor:
    """Samples CPU and memory by psutil, and how late the loop wakes a sleeper (its lag).

    Readings younger than 100 ms are given again: phrases that end together share one, and a CPU share over less time
    would be noise.
    """

    def __init__(self) -> None:
        self._process = psutil.Process()
        self._lag_ms = 0.0
        self._load = LoadWindow(time.monotonic)
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
        """Return the present readings; those before where the machine gives none, as without a free file handle."""
        now = time.monotonic_ns()
        if now - self._taken_ns >= _FRESH_NS:
            self._taken_ns = now
            with contextlib.suppress(OSError, psutil.Error):
                self._last = self._read()
        return self._last

    def _read(self) -> Resources:
        return Resources(
            cpu_percent=self._process.cpu_percent(),
            system_cpu_percent=psutil.cpu_percent(),
            rss_bytes=self._process.memory_info().rss,
            system_memory_percent=psutil.virtual_memory().percent,
            loop_lag_ms=self._lag_ms,
        )

    def overload(self) -> str | None:
        """Return why no further session should be taken, in Portuguese, or None; see `LoadWindow`."""
        return self._load.reason()

    async def _watch(self) -> None:
        processors = len(os.sched_getaffinity(0))
        beat_s, before = _BEAT_S, 0
        while True:
            began, used = time.monotonic(), time.process_time()
            await asyncio.sleep(beat_s)
            took = time.monotonic() - began
            self._lag_ms = max(0.0, (took - beat_s) * 1000)
            messages, waited_s = metrics.waits(_PROMPT)
            # Where no session says anything, nobody waits for the loop.
            beat_s = _BEAT_S if messages > before else min(2 * beat_s, _SLOWEST_BEAT_S)
            before = messages
            cpu_share = (time.process_time() - used) / (took * processors)
            self._load.add(Load(lag_ms=self._lag_ms, cpu_share=cpu_share, messages=messages, waited_s=waited_s))
