"""Counters that write at a steady pace until told to stop.

`python -m benchmarks.projections.writer DSN SEED WRITERS RATE`; the rate is in events a second, of all together. Each
writer is a journal on connections of its own. At the end the process prints when it was told of each append, as
[position of its last event, number of events, monotonic seconds].
"""

import asyncio
import json
import random
import sys
import time
from typing import Final

from benchmarks.projections.sessions import appends, sessions
from benchmarks.store.speech import MASTERS
from events.journal import Journal
from events.postgres import PostgresStore

COUNTERS: Final = 16
"""Of each writer."""

type Told = tuple[int, int, float]


async def _counter(journal: Journal, seed: int, rate: float, stop: asyncio.Event, told: list[Told]) -> None:
    rng = random.Random(seed)
    source = sessions(seed)
    due = time.monotonic() + rng.random() * 0.1
    while True:
        for append in appends(next(source), rng):
            if stop.is_set():
                return
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            due = max(due, time.monotonic() - 1.0) + len(append.events) / rate
            landed = await journal.append(append)
            told.append((landed.position, len(append.events), time.monotonic()))


async def main() -> None:
    """Write until standard input ends."""
    dsn, seed, writers, rate = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), float(sys.argv[4])
    stores = [await PostgresStore.connect(dsn, masters=MASTERS, max_readers=1) for _ in range(writers)]
    journals = [Journal(store) for store in stores]
    stop = asyncio.Event()
    told: list[Told] = []
    for journal in journals:
        await journal.start()
    async with asyncio.TaskGroup() as tasks:
        for n in range(writers * COUNTERS):
            each = rate / (writers * COUNTERS)
            tasks.create_task(_counter(journals[n % writers], 1000 * seed + n, each, stop, told))
        print("writing", flush=True)
        await asyncio.to_thread(sys.stdin.read)
        stop.set()
    for journal, store in zip(journals, stores, strict=True):
        await journal.close()
        await store.close()
    print(json.dumps(told), flush=True)


if __name__ == "__main__":
    asyncio.run(main())
