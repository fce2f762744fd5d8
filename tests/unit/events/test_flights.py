"""The journal's flights: flushes side by side, and the order of each stream."""

import asyncio

import pytest

from tests.unit.events.memory import MemoryStore, a_journal, an_append, held, soon


@pytest.fixture
def memory() -> MemoryStore:
    return MemoryStore()


async def test_two_flights_share_the_streams_that_wait_and_keep_the_order_of_each(memory: MemoryStore) -> None:
    async with a_journal(memory, flights=2) as journal:
        memory.go.clear()
        rounds = [[an_append(f"s{n}") for n in range(20)] for _ in range(3)]
        futures = [journal.submit(append) for appends in rounds for append in appends]
        await soon(lambda: not any(future.done() for future in futures) and memory.busy.is_set())
        memory.go.set()
        await asyncio.gather(*futures)
        streams = [{append.stream for append in flush} for flush in memory.flushes]
        assert [len(flush) for flush in memory.flushes] == [10, 10]
        assert not streams[0] & streams[1]
        for n in range(20):
            assert memory.ids(f"s{n}") == [appends[n].events[0].event_id for appends in rounds]


async def test_what_waits_for_its_stream_lets_others_pass_and_flies_when_that_has_landed(memory: MemoryStore) -> None:
    async with a_journal(memory, flights=2) as journal:
        first = await held(memory, journal)
        behind, other = journal.submit(an_append("first")), journal.submit(an_append("other"))
        memory.go.set()
        assert (await first).stream_position == 1
        assert (await behind).stream_position == 2
        assert (await other).stream_position == 1
        flown = [[append.stream for append in flush] for flush in memory.flushes]
        assert sorted(flown) == [["first"], ["first"], ["other"]]
        assert flown[-1] == ["first"]
