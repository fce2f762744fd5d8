"""Projectors that are killed at random moments while sessions are written: is anything missed, or applied twice?"""

import asyncio
import random
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Final

import asyncpg
from rich.progress import Progress, TaskID

from benchmarks.projections.children import Child
from benchmarks.projections.node import TALLY
from projections.database import open_pool
from projections.projection import standard
from projections.projector import Projector

WRITERS: Final = 8
_ROLES: Final = ("live", "live", "rebuild")
"""Two that keep the read models up, of which one waits for the other, and one that rebuilds them all the time."""
_LONGEST_S: Final = 0.7
"""After a projector is at work it is killed within so many seconds."""
_MISCOUNTED: Final = """
SELECT coalesce(sum(greatest(e.events - coalesce(t.events, 0), 0)), 0)::bigint AS missed,
       coalesce(sum(greatest(coalesce(t.events, 0) - coalesce(e.events, 0), 0)), 0)::bigint AS doubled,
       count(*) FILTER (WHERE t.positions IS DISTINCT FROM e.positions) AS others
  FROM (SELECT stream_id, count(*) AS events, sum(position) AS positions FROM events GROUP BY stream_id) e
  FULL JOIN projections.tally t USING (stream_id)
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What is wrong in the end: all 0 where nothing is."""

    kills: int
    takeovers: int
    """Rebuilds whose rows took over while all this went on."""
    events: int
    missed: int
    doubled: int
    rows_other: int
    """Rows of all read models that are not, byte for byte, as a rebuild makes them."""
    not_compared: int
    """Read models that could not be compared with their rebuild."""
    rows: int


async def ordeal(dsn: str, *, kills: int, rate: int, seed: int, progress: Progress, task: TaskID) -> Verdict:
    """Kill projectors so many times while 8 writers write, let what is left be folded, and judge."""
    pool = await open_pool(dsn, max_size=2)
    async with AsyncExitStack() as stack:
        stack.push_async_callback(pool.close)
        projector = Projector(pool, [*standard(), TALLY])
        await projector.install()
        writers = [
            await stack.enter_async_context(
                Child.running("benchmarks.projections.writer", dsn, f"{100 + n}", f"{WRITERS // 2}", f"{rate / 2}")
            )
            for n in range(2)
        ]
        for writer in writers:
            await writer.line()
        # Each role's processes die one after the other; roles don't wait for one another.
        share = [kills // 3 + (n < kills % 3) for n in range(3)]
        async with asyncio.TaskGroup() as roles:
            for n, (role, times) in enumerate(zip(_ROLES, share, strict=True)):
                rng = random.Random(seed * 10 + n)
                roles.create_task(_die_often(dsn, role, times, rng, lambda: progress.advance(task)))
        for writer in writers:
            await writer.finish()
        await projector.catch_up()
        return await _judge(pool, projector, kills)


async def _die_often(dsn: str, role: str, times: int, rng: random.Random, died: Callable[[], None]) -> None:
    for _ in range(times):
        child = await Child.start("benchmarks.projections.node", dsn, role)
        try:
            await child.line()
            await asyncio.sleep(rng.random() * _LONGEST_S)
        finally:
            await child.kill()
        died()


async def _judge(pool: asyncpg.Pool, projector: Projector, kills: int) -> Verdict:
    compared = await projector.verify()
    async with pool.acquire() as connection:
        (counted,) = await connection.fetch(_MISCOUNTED, timeout=600)
        takeovers = await connection.fetchval("SELECT sum(generation - 1) FROM projections.checkpoints")
        events = await connection.fetchval("SELECT position FROM head")
    return Verdict(
        kills=kills,
        takeovers=takeovers,
        events=events,
        missed=counted["missed"],
        doubled=counted["doubled"] + (counted["others"] if not counted["missed"] + counted["doubled"] else 0),
        rows_other=sum(one.missing + one.extra for one in compared),
        not_compared=sum(one.not_compared is not None for one in compared),
        rows=sum(one.rows for one in compared),
    )
