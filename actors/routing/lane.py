"""One engine's record in the routing: its circuit, its latencies, and the probes that close the circuit again."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Final

from actors.routing.attempts import NoAnswerError
from actors.routing.breaker import Breaker
from actors.routing.hedging import Latencies
from actors.runtime.clock import Clock

logger = logging.getLogger(__name__)

TICK_S: Final = 1e-6
"""Resolution of the clock. Who sleeps to a moment by it sleeps so much longer, or might wake before it for ever."""
_PROBE_OVERTIME_S: Final = 15.0
"""Probes keep a deadline of their own; one that does not is stopped then."""

Probe = Callable[[], Awaitable[None]]
"""Asks an engine for next to nothing; raises `NoAnswerError` where it isn't well."""


class Lane:
    """Shared by all races that an engine takes part in.

    Args:
        name: of the engine, as events have it.
        model: the same.
        clock: that the circuit is timed by.
        probe: with which an open circuit is closed again, in the background. Without one it never opens.
    """

    def __init__(self, name: str, model: str, clock: Clock, probe: Probe | None = None) -> None:
        self.name = name
        self.model = model
        self.breaker = Breaker()
        self.latencies = Latencies()
        self._clock = clock
        self._probe = probe
        self._probing: asyncio.Task[None] | None = None

    def succeeded(self, seconds: float) -> None:
        """Note an answer, and how long it took."""
        self.latencies.add(seconds)
        # What was under way when the circuit opened doesn't close it: the probe will.
        if not self.breaker.is_open:
            self.breaker.succeed()

    def failed(self, code: str, retry_after_s: float | None = None) -> None:
        """Note an error; it may open the circuit."""
        if self._probe is None or not self.breaker.fail(code, self._now_s(), retry_after_s):
            return
        logger.warning("%s is left alone (%s) until a probe finds it well", self.name, code)
        self._probing = asyncio.ensure_future(self._until_well(self._probe))

    async def close(self) -> None:
        """Stop probing."""
        if self._probing is not None:
            self._probing.cancel()
            await asyncio.wait([self._probing])

    def _now_s(self) -> float:
        return self._clock.monotonic_us() / 1e6

    async def _until_well(self, probe: Probe) -> None:
        while (due := self.breaker.probe_at_s) is not None:
            rest = due - self._now_s()
            if rest > 0:
                await asyncio.sleep(rest + TICK_S)
                continue
            try:
                async with asyncio.timeout(_PROBE_OVERTIME_S):
                    await probe()
            except NoAnswerError as error:
                self.breaker.stay_open(self._now_s(), error.retry_after_s)
            except Exception as error:
                # Whatever a library raises, probing goes on: nothing else would ever close the circuit.
                logger.warning("a probe of %s failed: %s", self.name, type(error).__name__)
                self.breaker.stay_open(self._now_s(), None)
            else:
                self.breaker.succeed()
                logger.warning("%s is well again", self.name)
