"""How far behind the ledger the read models are, event by event, while it is written to at a steady pace."""

import asyncio
import json
import time
from bisect import bisect_left
from contextlib import AsyncExitStack
from typing import Any, Final

import asyncpg

from benchmarks.projections.children import Child
from projections.projection import standard

_REACHED: Final = "SELECT min(position) FROM projections.checkpoints WHERE name = ANY ($1)"
_LOOK_S: Final = 0.002
_WARM_UP_S: Final = 1.0

type Seen = tuple[int, float]
"""A position that all read models had reached, and when that was first seen."""


async def measure(dsn: str, *, rate: int, seconds: float) -> dict[str, Any]:
    """Write at a rate while a projector follows; time from when a writer is told to when all read models show it.

    Returns:
        Milliseconds, over events; what is shown before its writer is told counts as 0.
    """
    async with AsyncExitStack() as stack:
        connection = await asyncpg.connect(dsn)
        stack.push_async_callback(connection.close)
        projector = await stack.enter_async_context(Child.running("benchmarks.projections.node", dsn, "live"))
        await projector.line()
        writer = await stack.enter_async_context(
            Child.running("benchmarks.projections.writer", dsn, "7", "1", f"{rate}")
        )
        await writer.line()
        seen: list[Seen] = []
        last: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        watching = asyncio.create_task(_watch(connection, seen, last))
        began = time.monotonic()
        await asyncio.sleep(_WARM_UP_S + seconds)
        told = json.loads(await writer.finish())
        last.set_result(max(position for position, _, _ in told))
        await asyncio.wait_for(watching, 60)
    return _summary(told, seen, began + _WARM_UP_S)


async def _watch(connection: asyncpg.Connection, seen: list[Seen], last: asyncio.Future[int]) -> None:
    """Note when each position was reached, until the last one is."""
    names = [projection.name for projection in standard()]
    while not (last.done() and seen and seen[-1][0] >= last.result()):
        position = await connection.fetchval(_REACHED, names)
        if not seen or position > seen[-1][0]:
            seen.append((position, time.monotonic()))
        await asyncio.sleep(_LOOK_S)


def _summary(told: list[tuple[int, int, float]], seen: list[Seen], since: float) -> dict[str, Any]:
    positions = [position for position, _ in seen]
    lags: list[float] = []
    for position, events, at in told:
        if at >= since:
            shown = seen[bisect_left(positions, position)][1]
            lags += [1000 * max(0.0, shown - at)] * events
    lags.sort()
    took = max(at for _, _, at in told) - since
    return {
        "events": len(lags),
        "per_s": len(lags) / took,
        "p50_ms": lags[len(lags) // 2],
        "p99_ms": lags[int(len(lags) * 0.99)],
        "read_models": len(standard()),
    }
