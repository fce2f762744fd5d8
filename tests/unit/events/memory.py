"""A store in memory and a journal on it, for tests of the journal alone."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

from events.journal import Journal
from events.prepared import PreparedAppend
from events.store import ANY, Append, Appended, StoreError, WrongExpectedPositionError
from tests.events_at_hand import new_event

type Outcome = Appended | WrongExpectedPositionError


class MemoryStore:
    """Keeps streams in lists by the contract of `append_group`, and lets a test hold, fail or refuse a flush."""

    def __init__(self) -> None:
        self.flushes: list[list[PreparedAppend]] = []
        self.streams: dict[str, list[Any]] = {}
        self.position = 0
        self.failures: list[Exception] = []
        self.failures_after: list[Exception] = []
        self.refuse: Callable[[PreparedAppend], bool] = lambda _: False
        self.go = asyncio.Event()
        self.go.set()
        self.busy = asyncio.Event()

    async def append_group(self, appends: Sequence[PreparedAppend]) -> list[Outcome]:
        self.busy.set()
        await self.go.wait()
        self.flushes.append(list(appends))
        if self.failures:
            raise self.failures.pop(0)
        if any(map(self.refuse, appends)):
            raise StoreError("refused")
        outcomes = [self._append(append) for append in appends]
        if self.failures_after:
            raise self.failures_after.pop(0)
        return outcomes

    def _append(self, append: PreparedAppend) -> Outcome:
        stream = self.streams.setdefault(append.stream, [])
        ids = [row[0] for row in append.rows]
        for at, (stored, position) in enumerate(stream):
            if stored == ids[0]:
                return Appended(stream_position=at + len(ids), position=position + len(ids) - 1)
        if append.expected not in (ANY, len(stream)):
            return WrongExpectedPositionError(append.stream, append.expected, len(stream))
        for event_id in ids:
            self.position += 1
            stream.append((event_id, self.position))
        return Appended(stream_position=len(stream), position=self.position)

    def ids(self, stream: str) -> list[Any]:
        return [event_id for event_id, _ in self.streams[stream]]


@asynccontextmanager
async def a_journal(memory: MemoryStore, **bounds: Any) -> AsyncIterator[Journal]:
    # One flight, where a test does not ask for more: what queues is then known to the append.
    journal = Journal(memory, **{"flights": 1} | bounds)
    await journal.start()
    try:
        yield journal
    finally:
        memory.go.set()
        await journal.close()


async def held(memory: MemoryStore, journal: Journal) -> asyncio.Future[Appended]:
    """Get the writer to hang in a flush of one append, so that what is submitted next queues."""
    memory.go.clear()
    first = journal.submit(an_append("first"))
    await memory.busy.wait()
    return first


def an_append(stream: str = "s", count: int = 1, expected: int = ANY, tenant: str = "t") -> Append:
    return Append(stream=stream, tenant=tenant, events=[new_event() for _ in range(count)], expected=expected)


async def soon(condition: Callable[[], bool]) -> None:
    while not condition():  # noqa: ASYNC110 - what is waited for sets no event
        await asyncio.sleep(0)
