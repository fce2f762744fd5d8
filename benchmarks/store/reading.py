"""What readers wait for: the live tail, catching up, one session, and the check of the chain."""

import asyncio
import statistics
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from typing import Any
from uuid import uuid4

import asyncpg
import orjson

from benchmarks.store.speech import appends
from events.journal import Journal
from events.postgres import PostgresStore
from events.sql import statement

_PAGE = 5000
_POLL_S = 0.05
CHANNEL = "balto_events"


class Tail:
    """Notes when each global position was first seen by a reader that listens and then reads."""

    def __init__(self, store: PostgresStore, listener: asyncpg.Connection, after: int) -> None:
        self._store = store
        self._listener = listener
        self._after = after
        self._told = asyncio.Event()
        self.seen: dict[int, float] = {}
        self.more = asyncio.Event()

    async def follow(self) -> None:
        """Follow until cancelled."""
        await self._listener.add_listener(CHANNEL, lambda *_: self._told.set())
        while True:
            with suppress(TimeoutError):  # the fallback of every follower: to look again after a while
                await asyncio.wait_for(self._told.wait(), _POLL_S)
            self._told.clear()
            async for event in self._store.read_all(after=self._after):
                self._after = event.position
                self.seen[event.position] = time.perf_counter()
                self.more.set()


async def tail(store: PostgresStore, dsn: str, *, events: int) -> dict[str, Any]:
    """Append one event at a time and measure from its durability, as the writer is told, to its arrival at a reader.

    Returns:
        Milliseconds. An event that the reader has before the writer is told counts as 0.
    """
    listener = await asyncpg.connect(dsn)
    follower = Tail(store, listener, await store.last_position())
    following = asyncio.create_task(follower.follow())
    journal = Journal(store)
    await journal.start()
    after_commit: list[float] = []
    from_start: list[float] = []
    try:
        await asyncio.sleep(0.1)  # for LISTEN itself to take effect
        for append in appends(f"tail-{uuid4().hex}", events, events=1):
            began = time.perf_counter()
            landed = await journal.append(append)
            durable = time.perf_counter()
            async with asyncio.timeout(10):
                while landed.position not in follower.seen:
                    follower.more.clear()
                    await follower.more.wait()
            after_commit.append(1000 * max(0.0, follower.seen[landed.position] - durable))
            from_start.append(1000 * (follower.seen[landed.position] - began))
    finally:
        following.cancel()
        await journal.close()
        await listener.close()
    return {
        "p50_ms": statistics.median(after_commit),
        "p99_ms": sorted(after_commit)[int(len(after_commit) * 0.99)],
        "since_submitted_p50_ms": statistics.median(from_start),
    }


async def catch_up(store: PostgresStore, dsn: str, *, limit: int) -> dict[str, Any]:
    """Read from the beginning into dicts of the events' data, and, for comparison, into typed events."""
    began = time.perf_counter()
    count = 0
    async for page in _pages(store, dsn, limit):
        count += len(page)
    dicts = count / (time.perf_counter() - began)
    began = time.perf_counter()
    typed = sum([1 async for _ in store.read_all(limit=limit // 4)])
    return {
        "events": count,
        "per_s": dicts,
        "typed_per_s": typed / (time.perf_counter() - began),
        "through": "read_pages" if hasattr(store, "read_pages") else "the statement of read_all and orjson",
    }


async def _pages(store: PostgresStore, dsn: str, limit: int) -> AsyncIterator[Sequence[Any]]:
    if hasattr(store, "read_pages"):
        async for page in store.read_pages(limit=limit, page=_PAGE):
            yield page
        return
    connection = await asyncpg.connect(dsn)
    await connection.set_type_codec("jsonb", schema="pg_catalog", encoder=bytes, decoder=_loads, format="binary")
    after = 0
    try:
        while limit > 0:
            rows = await connection.fetch(statement("read_all"), after, min(limit, _PAGE), [], None, None)
            page = [dict(row) for row in rows]
            if not page:
                return
            yield page
            after = page[-1]["position"]
            limit -= len(page)
    finally:
        await connection.close()


def _loads(data: bytes) -> Any:
    return orjson.loads(data[1:])


async def session(store: PostgresStore, *, streams: Sequence[str], times: int) -> dict[str, Any]:
    """Read whole sessions, one after the other, in turn; milliseconds each."""
    took: list[float] = []
    length = 0
    for n in range(times):
        began = time.perf_counter()
        length = len([event async for event in store.read_stream(streams[n % len(streams)])])
        took.append(1000 * (time.perf_counter() - began))
    return {"events": length, "p50_ms": statistics.median(took), "p99_ms": sorted(took)[int(times * 0.99)]}
