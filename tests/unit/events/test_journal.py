"""The journal: what it merges, in which order, how much it lets wait, and what it says when the database is away."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace

import pytest

from events.codec import CodecError
from events.journal import EventWriter
from events.prepared import PreparedAppend
from events.store import (
    NO_STREAM,
    Appended,
    Lane,
    RecordingChunk,
    StoreError,
    StoreUnavailableError,
    WrongExpectedPositionError,
)
from tests.events_at_hand import new_event
from tests.unit.events.memory import MemoryStore, Outcome, a_journal, an_append, held


@pytest.fixture
def memory() -> MemoryStore:
    return MemoryStore()


async def test_it_is_what_sessions_write_with(memory: MemoryStore) -> None:
    async with a_journal(memory) as journal:
        writer: EventWriter = journal
        assert await writer.append(an_append()) == Appended(stream_position=1, position=1)
        assert await writer.submit(an_append()) == Appended(stream_position=2, position=2)


async def test_what_queued_while_a_flush_ran_is_one_flush_with_one_append_for_each_stream(memory: MemoryStore) -> None:
    async with a_journal(memory) as journal:
        await held(memory, journal)
        chunks = [RecordingChunk(byte_start=0, data=b"ab"), RecordingChunk(byte_start=2, data=b"c")]
        a1 = replace(an_append("a", 2), recordings=chunks[:1])
        b = an_append("b", 1)
        a2 = replace(an_append("a", 3), recordings=chunks[1:])
        futures = [journal.submit(append) for append in (a1, b, a2)]
        memory.go.set()
        assert await asyncio.gather(*futures) == [
            Appended(stream_position=2, position=3),
            Appended(stream_position=1, position=7),
            Appended(stream_position=5, position=6),
        ]
    _, flush = memory.flushes
    assert [(append.stream, len(append.rows)) for append in flush] == [("a", 5), ("b", 1)]
    assert flush[0].recordings == chunks
    assert memory.ids("a") == [event.event_id for append in (a1, a2) for event in append.events]


async def test_appends_of_a_stream_keep_their_order_over_many_flushes(memory: MemoryStore) -> None:
    async with a_journal(memory, max_flush_events=7) as journal:
        appends = [an_append(f"s-{n % 3}", 1 + n % 4) for n in range(60)]
        await asyncio.gather(*[journal.submit(append) for append in appends])
    for stream in ("s-0", "s-1", "s-2"):
        assert memory.ids(stream) == [
            e.event_id for append in appends if append.stream == stream for e in append.events
        ]
    assert all(sum(len(append.rows) for append in flush) <= 7 for flush in memory.flushes)
    assert len(memory.flushes) < len(appends)


async def test_appends_merged_into_one_are_answered_in_the_order_of_submission(memory: MemoryStore) -> None:
    told: list[int] = []
    async with a_journal(memory) as journal:
        await held(memory, journal)
        futures = [journal.submit(an_append("a", 1)) for _ in range(5)]
        for number, future in enumerate(futures):
            future.add_done_callback(lambda _, number=number: told.append(number))  # type: ignore[misc] # bound now
        memory.go.set()
        await asyncio.gather(*futures)
    assert told == [0, 1, 2, 3, 4]


async def test_positions_expected_one_after_the_other_are_merged_and_others_are_not(memory: MemoryStore) -> None:
    async with a_journal(memory) as journal:
        await held(memory, journal)
        futures = [
            journal.submit(append)
            for append in (
                an_append("a", 2, NO_STREAM),
                an_append("a", 1, 2),
                an_append("a", 1, 9),
                an_append("a", 1, 3),
            )
        ]
        memory.go.set()
        outcomes = await asyncio.gather(*futures, return_exceptions=True)
    assert outcomes[:2] == [Appended(stream_position=2, position=3), Appended(stream_position=3, position=4)]
    assert isinstance(outcomes[2], WrongExpectedPositionError)
    assert outcomes[3] == Appended(stream_position=4, position=5)
    assert [[len(append.rows) for append in flush] for flush in memory.flushes] == [[1], [3], [1], [1]]


async def test_what_a_stream_expects_behind_an_append_that_expects_nothing_is_still_checked(
    memory: MemoryStore,
) -> None:
    async with a_journal(memory) as journal:
        await held(memory, journal)
        futures = [journal.submit(append) for append in (an_append("a", 2), an_append("a", 1, 7), an_append("a", 1, 2))]
        memory.go.set()
        outcomes = await asyncio.gather(*futures, return_exceptions=True)
    assert [type(outcome) for outcome in outcomes] == [Appended, WrongExpectedPositionError, Appended]


async def test_a_conflict_refuses_only_those_of_a_merged_append_that_are_at_fault(memory: MemoryStore) -> None:
    async with a_journal(memory) as journal:
        await journal.append(an_append("a"))
        await held(memory, journal)
        wrong, anyhow, other = (
            journal.submit(an_append("a", 1, NO_STREAM)),
            journal.submit(an_append("a")),
            journal.submit(an_append("b")),
        )
        memory.go.set()
        with pytest.raises(WrongExpectedPositionError):
            await wrong
        assert (await anyhow).stream_position == 2
        assert (await other).stream_position == 1


@pytest.mark.parametrize("merged", [True, False])
async def test_once_an_owner_is_refused_nothing_later_of_its_own_is_written(memory: MemoryStore, merged: bool) -> None:
    lane = Lane()
    async with a_journal(memory) as journal:
        await journal.append(an_append("s"))
        await held(memory, journal)
        stale = journal.submit(replace(an_append("s", expected=0), lane=lane))
        # By chance what the stream is at: without the lane it would be taken.
        behind = journal.submit(replace(an_append("s", expected=1), lane=lane)) if merged else None
        memory.go.set()
        with pytest.raises(WrongExpectedPositionError):
            await stale
        if behind is not None:
            with pytest.raises(WrongExpectedPositionError):
                await behind
        with pytest.raises(WrongExpectedPositionError):
            await journal.append(replace(an_append("s", expected=1), lane=lane))
        assert (await journal.append(an_append("s", expected=1))).stream_position == 2


async def test_a_repetition_queued_behind_the_first_gives_the_same_result(memory: MemoryStore) -> None:
    async with a_journal(memory) as journal:
        await held(memory, journal)
        append = an_append("a", 2)
        futures = [journal.submit(append), journal.submit(an_append("a")), journal.submit(append)]
        memory.go.set()
        first, between, repeated = await asyncio.gather(*futures)
    assert first == repeated
    assert between.stream_position == 3
    assert len(memory.ids("a")) == 3


async def test_an_append_that_the_database_refuses_does_not_hurt_its_neighbours(memory: MemoryStore) -> None:
    memory.refuse = lambda append: append.tenant == "poison"
    async with a_journal(memory) as journal:
        await held(memory, journal)
        good, bad, later = (
            journal.submit(an_append("a")),
            journal.submit(an_append("b", tenant="poison")),
            journal.submit(an_append("c")),
        )
        memory.go.set()
        with pytest.raises(StoreError, match="refused"):
            await bad
        assert (await good).stream_position == (await later).stream_position == 1


async def test_an_event_that_cannot_be_kept_is_refused_at_once(memory: MemoryStore) -> None:
    async with a_journal(memory) as journal:
        with pytest.raises(CodecError):
            journal.submit(replace(an_append(), events=[replace(new_event(), elapsed_us=-1)]))
        with pytest.raises(ValueError, match="no event"):
            await journal.append(replace(an_append(), events=[]))
    assert memory.flushes == []


@pytest.mark.parametrize("written", [False, True])
async def test_a_flush_that_was_not_answered_is_sent_again_and_written_once(memory: MemoryStore, written: bool) -> None:
    failures: list[Exception] = [StoreUnavailableError("gone"), StoreUnavailableError("still gone")]
    if written:
        memory.failures_after = failures
    else:
        memory.failures = failures
    async with a_journal(memory) as journal:
        assert await journal.append(an_append("a", 2)) == Appended(stream_position=2, position=2)
    assert len(memory.flushes) == 3
    assert len(memory.ids("a")) == 2


async def test_when_patience_ends_everything_queued_fails_and_the_journal_goes_on_when_the_database_is_back(
    memory: MemoryStore,
) -> None:
    memory.failures = [StoreUnavailableError("gone") for _ in range(3)]
    async with a_journal(memory, patience_s=0.1) as journal:
        first = await held(memory, journal)
        queued = journal.submit(an_append("a"))
        memory.go.set()
        for future in (first, queued):
            with pytest.raises(StoreUnavailableError, match="gone"):
                await future
        with pytest.raises(StoreUnavailableError):
            await journal.append(an_append("a"))
        assert memory.streams == {}
        assert await journal.append(an_append("a")) == Appended(stream_position=1, position=1)


async def test_of_a_merged_append_that_was_refused_nothing_is_written_behind_one_that_failed(
    memory: MemoryStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    appends = [an_append("a", 1, NO_STREAM), an_append("a"), an_append("a")]
    original = memory.append_group

    async def away_for_the_second_alone(group: Sequence[PreparedAppend]) -> list[Outcome]:
        if [append.ids for append in group] == [{appends[1].events[0].event_id}]:
            raise StoreUnavailableError("gone")
        return await original(group)

    monkeypatch.setattr(memory, "append_group", away_for_the_second_alone)
    async with a_journal(memory, patience_s=0.0) as journal:
        await journal.append(an_append("a"))
        await held(memory, journal)
        wrong, lost, behind = map(journal.submit, appends)
        memory.go.set()
        with pytest.raises(WrongExpectedPositionError):
            await wrong
        for future in (lost, behind):
            with pytest.raises(StoreUnavailableError):
                await future
    assert len(memory.ids("a")) == 1
