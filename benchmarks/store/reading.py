"""What readers wait for: the live tail, catching up, one session, and the verification of everything."""

import asyncio
import statistics
import time
from collections.abc import Sequence
from typing import Any
from uuid import uuid4

from benchmarks.store.speech import appends
from events.journal import Journal
from events.postgres import PostgresStore
from events.subscription import Subscription, subscribe
from events.verify import verify
from events.watch import Watch


class Tail:
    """Notes when each global position was first seen by a subscriber."""

    def __init__(self, subscription: Subscription) -> None:
        self._subscription = subscription
        self._more = asyncio.Event()
        self._seen: dict[int, float] = {}

    async def follow(self) -> None:
        """Follow until cancelled."""
        async for event in self._subscription:
            self._seen[event.position] = time.perf_counter()
            self._more.set()

    async def seen(self, position: int) -> float:
        """Wait for an event and return when it arrived."""
        async with asyncio.timeout(10):
            while position not in self._seen:
                self._more.clear()
                await self._more.wait()
        return self._seen[position]


async def tail(store: PostgresStore, dsn: str, *, events: int) -> dict[str, Any]:
    """Append one event at a time and measure from when the writer knows it durable to its arrival at a subscriber.

    Returns:
        Milliseconds. An event that the subscriber has before the writer is told counts as 0.
    """
    after_commit: list[float] = []
    from_start: list[float] = []
    journal = Journal(store)
    await journal.start()
    async with Watch(dsn) as watch:
        follower = Tail(subscribe(store, watch, after=await store.last_position()))
        following = asyncio.create_task(follower.follow())
        stream = f"tail-{uuid4().hex}"
        # The first one takes as long as the watch needs to begin to listen.
        for n, append in enumerate(appends(stream, events + 1, events=1)):
            began = time.perf_counter()
            landed = await journal.append(append)
            durable = time.perf_counter()
            arrived = await follower.seen(landed.position)
            if n:
                after_commit.append(1000 * max(0.0, arrived - durable))
                from_start.append(1000 * (arrived - began))
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)
    await journal.close()
    return {
        "p50_ms": statistics.median(after_commit),
        "p99_ms": sorted(after_commit)[int(len(after_commit) * 0.99)],
        "since_submitted_p50_ms": statistics.median(from_start),
    }


async def catch_up(store: PostgresStore, *, limit: int) -> dict[str, Any]:
    """Read from the beginning into dicts of the events' data; for comparison with the seals left closed, and typed."""
    began = time.perf_counter()
    count = sum([1 async for _ in store.read_raw(limit=limit)])
    dicts = count / (time.perf_counter() - began)
    began = time.perf_counter()
    closed = sum([1 async for _ in store.read_raw(limit=limit, open_sealed=False)]) / (time.perf_counter() - began)
    began = time.perf_counter()
    typed = sum([1 async for _ in store.read_all(limit=limit // 4)])
    took = time.perf_counter() - began
    return {"events": count, "per_s": dicts, "closed_per_s": closed, "typed_per_s": typed / took}


async def session(store: PostgresStore, *, streams: Sequence[str], times: int) -> dict[str, Any]:
    """Read whole sessions, one after the other, in turn; milliseconds each."""
    took: list[float] = []
    length = 0
    for n in range(times):
        began = time.perf_counter()
        length = len([event async for event in store.read_stream(streams[n % len(streams)])])
        took.append(1000 * (time.perf_counter() - began))
    return {"events": length, "p50_ms": statistics.median(took), "p99_ms": sorted(took)[int(times * 0.99)]}


async def whole(dsn: str) -> dict[str, Any]:
    """Verify the store and return events a second.

    Raises:
        RuntimeError: it is not whole, and a figure for it would mean nothing.
    """
    began = time.perf_counter()
    verification = await verify(dsn)
    took = time.perf_counter() - began
    if not verification.whole:
        raise RuntimeError(f"the store is not whole: {verification.flaws}")
    return {"events": verification.events, "per_s": verification.events / took}
