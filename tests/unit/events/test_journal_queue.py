"""The journal's queue: who waits in line, who gives up, and what becomes of them when it closes."""

import asyncio
from collections.abc import Coroutine

import pytest

from events.journal import Journal, JournalClosedError, JournalFullError
from tests.unit.events.memory import MemoryStore, a_journal, an_append, held, soon
from tests.unit.events.test_journal import memory

__all__ = ["memory"]  # fixtures


@pytest.mark.parametrize("bounds", [{"max_queued": 2}, {"max_queued_bytes": 400}])
async def test_a_full_queue_refuses_to_submit_and_makes_append_wait_in_line(
    memory: MemoryStore, bounds: dict[str, int]
) -> None:
    async with a_journal(memory, **bounds) as journal:
        first = await held(memory, journal)
        queued = [journal.submit(an_append("a", expected=n)) for n in range(2)]
        with pytest.raises(JournalFullError):
            journal.submit(an_append("a"))
        waiting = [asyncio.create_task(journal.append(an_append("a", expected=2 + n))) for n in range(5)]
        await soon(lambda: len(journal._waiting_for_room) == 5)
        with pytest.raises(JournalFullError):
            journal.submit(an_append("a"))
        assert not any(task.done() for task in waiting)
        memory.go.set()
        landed = await asyncio.gather(first, *queued, *waiting)
    assert [appended.stream_position for appended in landed] == [1, 1, 2, 3, 4, 5, 6, 7]


async def test_one_who_stops_waiting_for_room_holds_up_nobody(memory: MemoryStore) -> None:
    async with a_journal(memory, max_queued=1) as journal:
        await held(memory, journal)
        journal.submit(an_append("a"))
        impatient, patient = (asyncio.create_task(journal.append(an_append("a"))) for _ in range(2))
        await soon(lambda: len(journal._waiting_for_room) == 2)
        impatient.cancel()
        memory.go.set()
        assert (await patient).stream_position == 2
        with pytest.raises(asyncio.CancelledError):
            await impatient


async def test_giving_up_on_a_result_does_not_take_the_append_back(memory: MemoryStore) -> None:
    async with a_journal(memory) as journal:
        await held(memory, journal)
        journal.submit(an_append("a")).cancel()
        memory.go.set()
        assert (await journal.append(an_append("a"))).stream_position == 2


async def test_closing_commits_what_is_queued_and_takes_nothing_more(memory: MemoryStore) -> None:
    async with a_journal(memory, max_queued=2) as journal:
        await held(memory, journal)
        queued = [journal.submit(an_append("a")) for _ in range(2)]
        waiting = asyncio.create_task(journal.append(an_append("a")))
        await soon(lambda: len(journal._waiting_for_room) == 1)
        closing: Coroutine[None, None, None] = journal.close()
        closed = asyncio.create_task(closing)
        with pytest.raises(JournalClosedError):
            await waiting
        memory.go.set()
        await closed
        assert [future.result().stream_position for future in queued] == [1, 2]
        with pytest.raises(JournalClosedError):
            journal.submit(an_append("a"))
    assert len(memory.ids("a")) == 2


async def test_before_it_is_started_it_takes_nothing(memory: MemoryStore) -> None:
    with pytest.raises(JournalClosedError):
        await Journal(memory).append(an_append())


async def test_whoever_waits_for_a_journal_that_is_stopped_by_force_is_told(memory: MemoryStore) -> None:
    journal = Journal(memory)
    await journal.start()
    in_flight = await held(memory, journal)
    queued = journal.submit(an_append("a"))
    closing = asyncio.create_task(journal.close())
    await asyncio.sleep(0)
    closing.cancel()
    await asyncio.gather(closing, return_exceptions=True)
    for future in (in_flight, queued):
        with pytest.raises(JournalClosedError):
            await asyncio.wait_for(future, 60)
