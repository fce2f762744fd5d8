"""Sessions that append through a journal, each its next append when the last is durable."""

import asyncio
import gc
import itertools
import time
from typing import Any
from uuid import uuid4

from benchmarks.store.speech import appends
from events.journal import Journal
from events.postgres import PostgresStore
from events.store import Append

_APPENDS_A_BATCH = 400


async def burst(store: PostgresStore, *, sessions: int, events: int, count: int) -> dict[str, Any]:
    """Let sessions append at once.

    Args:
        store: where to.
        sessions: how many write at once, each to a new stream.
        events: events in an append.
        count: appends of each session.

    Returns:
        Events a second, latencies in milliseconds, CPU of this process in microseconds an event.
    """
    name = uuid4().hex
    work = [appends(f"session-{name}-{n}", count, events=events) for n in range(sessions)]
    latencies: list[float] = []
    journal = Journal(store)
    await journal.start()
    # What is to be written lies ready, as in no server: it is not for the collector to look through again and again.
    gc.collect()
    gc.freeze()
    began, cpu = time.perf_counter(), time.process_time()
    await asyncio.gather(*(_session(journal, mine, latencies) for mine in work))
    took, cpu = time.perf_counter() - began, time.process_time() - cpu
    gc.unfreeze()
    await journal.close()
    latencies.sort()
    written = sessions * count * events
    return {
        "events": written,
        "per_s": written / took,
        "p50_ms": 1000 * latencies[len(latencies) // 2],
        "p99_ms": 1000 * latencies[int(len(latencies) * 0.99)],
        "cpu_us": 1e6 * cpu / written,
        "streams": [work[0][0].stream, work[-1][0].stream],
    }


async def _session(journal: Journal, mine: list[Append], latencies: list[float]) -> None:
    for append in mine:
        began = time.perf_counter()
        await journal.append(append)
        latencies.append(time.perf_counter() - began)


async def interleaved(store: PostgresStore, *, sessions: int, length: int) -> list[str]:
    """Write sessions of one length that lie among one another, quickly, and return their streams."""
    name = uuid4().hex
    work = [appends(f"session-{name}-{n}", length // 10, events=10) for n in range(sessions)]
    journal = Journal(store)
    await journal.start()
    for batch in itertools.batched(itertools.chain.from_iterable(zip(*work, strict=True)), _APPENDS_A_BATCH):
        await asyncio.gather(*map(journal.append, batch))
    await journal.close()
    return [mine[0].stream for mine in work]
