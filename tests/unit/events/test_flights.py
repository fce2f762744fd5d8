"""The journal's flights: flushes side by side, and the order of each stream."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace

import pytest

from events.prepared import PreparedAppend
from events.store import Appended, Lane, StoreUnavailableError, WrongExpectedPositionError
from tests.unit.events.memory import MemoryStore, Outcome, a_journal, an_append, held, soon


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


async def test_who_waits_for_room_goes_on_when_all_that_queued_was_refused(memory: MemoryStore) -> None:
    lane = Lane()
    async with a_journal(memory, max_queued=2) as journal:
        memory.go.clear()
        first = journal.submit(replace(an_append("s", expected=7), lane=lane))
        await memory.busy.wait()
        behind = [journal.submit(replace(an_append("s"), lane=lane)) for _ in range(2)]
        waiting = asyncio.create_task(journal.append(an_append("other")))
        await asyncio.sleep(0)
        memory.go.set()
        refused = await asyncio.gather(first, *behind, return_exceptions=True)
        assert [type(error) for error in refused] == [WrongExpectedPositionError] * 3
        assert (await asyncio.wait_for(waiting, 60)).stream_position == 1


async def test_a_flush_that_alone_is_never_answered_fails_alone_after_the_patience(memory: MemoryStore) -> None:
    original = memory.append_group
    others: list[asyncio.Future[Appended]] = []

    async def never_for_s(group: Sequence[PreparedAppend]) -> list[Outcome]:
        if any(append.stream == "s" for append in group):
            others.append(journal.submit(an_append("other")))  # so that something waits whenever this one fails
            raise StoreUnavailableError("too slow")
        return await original(group)

    memory.append_group = never_for_s  # type: ignore[method-assign,assignment]
    async with a_journal(memory, flights=2, patience_s=0.3) as journal:
        with pytest.raises(StoreUnavailableError):
            await journal.append(an_append("s"))
        assert len(others) > 1
        assert [landed.stream_position for landed in await asyncio.gather(*others)] == [*range(1, len(others) + 1)]


async def test_a_patient_append_flies_with_the_next_that_is_not_and_in_its_order(memory: MemoryStore) -> None:
    async with a_journal(memory, company_s=3600) as journal:
        patient = [journal.submit(replace(an_append(stream), patient=True)) for stream in ("s", "t")]
        for _ in range(20):
            await asyncio.sleep(0)
        assert not memory.flushes
        prompt = journal.submit(an_append("s"))
        assert [(await done).stream_position for done in (*patient, prompt)] == [1, 1, 2]
        assert [{append.stream for append in flush} for flush in memory.flushes] == [{"s", "t"}]


async def test_a_patient_append_without_company_flies_alone_after_a_while(memory: MemoryStore) -> None:
    async with a_journal(memory, company_s=0.01) as journal:
        await journal.append(an_append("s"))
        assert (await asyncio.wait_for(journal.submit(replace(an_append("s"), patient=True)), 60)).stream_position == 2


async def test_a_closing_journal_waits_for_no_company(memory: MemoryStore) -> None:
    async with a_journal(memory, company_s=3600) as journal:
        done = journal.submit(replace(an_append("s"), patient=True))
    assert done.done()
    assert (await done).stream_position == 1


async def test_who_waits_for_room_is_not_kept_waiting_by_the_patient(memory: MemoryStore) -> None:
    async with a_journal(memory, max_queued=1, company_s=3600) as journal:
        first = journal.submit(replace(an_append("s"), patient=True))
        assert (await asyncio.wait_for(journal.append(an_append("t")), 60)).stream_position == 1
        assert (await first).stream_position == 1
