"""How voices are spread: over the range that they have, the same at every counter, of those that were chosen."""

from functools import partial

import asyncpg

from balto.report.drawing import fitted
from projections.distributions import pitches
from projections.projector import Projector
from tests.integration.projections.script import Ledger, measured, started

FIT = partial(fitted, least=100.0, floor=0.0)


async def speak(ledger: Ledger, counter: str, *pitch: float, tenant: str = "100000") -> None:
    """Append a session whose phrases have these pitches."""
    stream = f"session-{counter}"
    await ledger.append(stream, tenant, started(counter, counter), *map(measured, range(len(pitch)), pitch))


async def test_the_range_is_that_of_the_voices_and_the_same_at_every_counter(
    ledger: Ledger, projector: Projector, pool: asyncpg.Pool
) -> None:
    await speak(ledger, "c1", 112.0, 118.0, 200.0)
    await speak(ledger, "c2", 480.0)
    await speak(ledger, "other", 900.0, tenant="200000")
    await projector.catch_up()
    low, high = await pitches(pool, FIT, tenant="100000")
    assert (low.low, low.high, high.low, high.high) == (100.0, 500.0, 100.0, 500.0)
    assert {100 + 10 * n: count for n, count in enumerate(low.counts) if count} == {110: 2, 200: 1}
    assert {100 + 10 * n: count for n, count in enumerate(high.counts) if count} == {480: 1}
    (alone,) = await pitches(pool, FIT, session_id="c1")
    assert (alone.low, alone.high, sum(alone.counts)) == (100.0, 220.0, 3)
    assert await pitches(pool, FIT, tenant="300000") == []
