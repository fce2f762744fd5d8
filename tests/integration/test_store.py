"""The contract of the event store, on a real PostgreSQL."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace

import asyncpg
import pytest

from events.catalogue import PhraseCaptured, TranscriptionFailed, VadSnapshot
from events.envelope import RecordedEvent, UnknownEvent
from events.ids import phrase_id
from events.postgres import PostgresStore
from events.store import (
    NO_STREAM,
    Append,
    Appended,
    EventStore,
    RecordingChunk,
    StoreError,
    WrongExpectedPositionError,
)
from tests.events_at_hand import START, new_event

VAD = VadSnapshot(
    noise_floor_rms=80.0, threshold_rms=120.0, threshold_multiplier=1.5, min_energy=120.0, voiced_ratio=0.8, mode=3
)


def an_append(stream: str = "session-1", count: int = 1, tenant: str = "123456") -> Append:
    return Append(stream=stream, tenant=tenant, events=[new_event() for _ in range(count)])


async def everything(events: AsyncIterator[RecordedEvent]) -> list[RecordedEvent]:
    return [event async for event in events]


async def test_it_keeps_the_contract_of_an_event_store(store: PostgresStore) -> None:
    contract: EventStore = store
    assert await contract.last_position() == 0
    assert await contract.stream_position("never") == NO_STREAM


async def test_an_append_lands_behind_the_last_event_of_its_stream_and_of_the_store(store: PostgresStore) -> None:
    first = await store.append(replace(an_append("a", 2), expected=NO_STREAM))
    other = await store.append(an_append("b", 3))
    second = await store.append(replace(an_append("a"), expected=2))
    assert first == Appended(stream_position=2, position=2)
    assert other == Appended(stream_position=3, position=5)
    assert second == Appended(stream_position=3, position=6)
    assert await store.last_position() == 6
    assert await store.stream_position("a") == 3


@pytest.mark.parametrize("expected", [NO_STREAM, 1, 3])
async def test_an_append_that_expects_another_position_is_refused_and_leaves_nothing(
    store: PostgresStore, expected: int
) -> None:
    await store.append(an_append("a", 2))
    chunk = RecordingChunk(byte_start=0, data=b"abc")
    with pytest.raises(WrongExpectedPositionError) as refused:
        await store.append(replace(an_append("a"), expected=expected, recordings=[chunk]))
    assert (refused.value.stream, refused.value.expected, refused.value.actual) == ("a", expected, 2)
    assert await store.last_position() == 2
    assert [chunk async for chunk in store.read_recording("a")] == []


async def test_expecting_a_position_of_a_stream_that_does_not_exist_does_not_make_it(store: PostgresStore) -> None:
    with pytest.raises(WrongExpectedPositionError):
        await store.append(replace(an_append("a"), expected=4))
    assert await store.append(replace(an_append("a"), expected=NO_STREAM)) == Appended(stream_position=1, position=1)


@pytest.mark.parametrize("expected", [-1, 1])
async def test_a_repeated_append_gives_the_first_result_and_writes_nothing(store: PostgresStore, expected: int) -> None:
    await store.append(an_append("a"))
    append = replace(an_append("a", 3), expected=expected)
    first = await store.append(append)
    await store.append(an_append("a", 2))
    assert await store.append(append) == first == Appended(stream_position=4, position=4)
    assert await store.last_position() == 6


async def test_an_append_that_repeats_only_in_part_is_refused(store: PostgresStore) -> None:
    append = an_append("a", 2)
    await store.append(append)
    with pytest.raises(WrongExpectedPositionError):
        await store.append(replace(append, events=[*append.events, new_event()]))
    with pytest.raises(StoreError):
        await store.append(replace(append, events=[new_event(), *append.events]))
    assert await store.last_position() == 2


async def test_several_streams_are_appended_to_together_or_not_at_all(store: PostgresStore) -> None:
    email = replace(an_append("email-1"), expected=NO_STREAM)
    client = replace(an_append("client-1", 2), expected=NO_STREAM)
    landed = await store.append_atomically([email, client])
    assert landed == [Appended(stream_position=1, position=1), Appended(stream_position=2, position=3)]
    assert await store.append_atomically([email, client]) == landed

    with pytest.raises(WrongExpectedPositionError) as refused:
        await store.append_atomically([an_append("client-2"), replace(an_append("email-1"), expected=NO_STREAM)])
    assert refused.value.stream == "email-1"
    assert await store.stream_position("client-2") == 0
    assert await store.last_position() == 3


async def test_one_stream_twice_in_a_group_is_refused(store: PostgresStore) -> None:
    with pytest.raises(ValueError, match="one stream"):
        await store.append_atomically([an_append("a"), an_append("a")])


async def test_an_event_comes_back_as_it_was_written(store: PostgresStore) -> None:
    new = replace(
        new_event(PhraseCaptured(phrase=7, sample_start=160, sample_end=32_000, cut_reason="pause", vad=VAD)),
        correlation_id=phrase_id("session-1", 7),
        causation_id=new_event().event_id,
        elapsed_us=1_234_567,
    )
    await store.append(Append(stream="session-1", tenant="123456", events=[new]))
    (read,) = await everything(store.read_stream("session-1"))
    assert read.event == new.event
    assert (read.event_id, read.correlation_id, read.causation_id) == (
        new.event_id,
        new.correlation_id,
        new.causation_id,
    )
    assert (read.position, read.stream, read.stream_position, read.tenant) == (1, "session-1", 1, "123456")
    assert (read.type, read.schema_version, read.elapsed_us) == ("PhraseCaptured", 2, 1_234_567)
    assert read.occurred_at == START
    assert read.recorded_at.utcoffset() is not None


async def test_the_numbers_that_reports_need_are_typed_columns(store: PostgresStore, postgres_url: str) -> None:
    failed = TranscriptionFailed(phrase=2, provider="local", model="base", code="timeout", latency_ms=812.5)
    captured = PhraseCaptured(phrase=1, sample_start=160, sample_end=320, cut_reason="pause", vad=VAD)
    await store.append(Append(stream="s", tenant="t", events=[new_event(captured), new_event(failed)]))
    connection = await asyncpg.connect(postgres_url)
    try:
        rows = await connection.fetch(
            "SELECT phrase, sample_start, sample_end, latency_ms FROM events ORDER BY position"
        )
    finally:
        await connection.close()
    assert [tuple(row) for row in rows] == [(1, 160, 320, None), (2, None, None, 812.5)]


async def test_a_stream_is_read_from_any_position_either_way_and_over_many_pages(store: PostgresStore) -> None:
    for start in range(0, 5_000, 1_000):
        await store.append(an_append("long", 1_000))
        await store.append(an_append("other", 1))
        assert await store.stream_position("long") == start + 1_000
    forwards = [event.stream_position async for event in store.read_stream("long")]
    assert forwards == list(range(1, 5_001))
    assert [e.stream_position async for e in store.read_stream("long", after=4_997)] == [4_998, 4_999, 5_000]
    assert [e.stream_position async for e in store.read_stream("long", after=10, limit=2)] == [11, 12]
    assert [e.stream_position async for e in store.read_stream("long", backwards=True)] == forwards[::-1]
    assert [e.stream_position async for e in store.read_stream("long", backwards=True, limit=2)] == [5_000, 4_999]
    assert [e.position async for e in store.read_all()] == list(range(1, 5_006))


async def test_the_whole_store_is_read_in_order_and_filtered(store: PostgresStore) -> None:
    failed = TranscriptionFailed(phrase=2, provider="local", model="base", code="timeout", latency_ms=8.0)
    await store.append(an_append("session-1", 2, tenant="t1"))
    await store.append(Append(stream="session-2", tenant="t2", events=[new_event(failed)]))
    await store.append(an_append("counter_%", 1, tenant="t2"))

    async def positions(**filters: object) -> list[int]:
        return [event.position async for event in store.read_all(**filters)]  # type: ignore[arg-type]  # by name

    assert await positions() == [1, 2, 3, 4]
    assert await positions(after=2) == [3, 4]
    assert await positions(limit=3) == [1, 2, 3]
    assert await positions(limit=0) == []
    assert await positions(types=["TranscriptionFailed", "SpeechEnded"]) == [3]
    assert await positions(stream_prefix="session-") == [1, 2, 3]
    assert await positions(stream_prefix="counter_%") == [4]
    assert await positions(tenant="t2", types=["SpeechStarted"]) == [4]


async def test_many_writers_leave_no_gap_and_a_reader_that_follows_misses_nothing(postgres_url: str) -> None:
    stores = [await PostgresStore.connect(postgres_url) for _ in range(3)]
    total = 3 * 8 * 20
    seen: list[int] = []

    async def follow() -> None:
        while len(seen) < total:
            seen.extend([event.position async for event in stores[0].read_all(after=seen[-1] if seen else 0)])

    async def write(store: PostgresStore, name: str) -> None:
        for expected in range(20):
            await store.append(replace(an_append(name), expected=expected))

    try:
        async with asyncio.timeout(60), asyncio.TaskGroup() as tasks:
            tasks.create_task(follow())
            for number, store in enumerate(stores):
                for writer in range(8):
                    tasks.create_task(write(store, f"s-{number}-{writer}"))
    finally:
        for store in stores:
            await store.close()
    assert seen == list(range(1, total + 1))


async def test_of_writers_that_expect_the_same_position_one_wins(store: PostgresStore) -> None:
    appends = [replace(an_append("a"), expected=NO_STREAM) for _ in range(6)]
    outcomes = await asyncio.gather(*map(store.append, appends), return_exceptions=True)
    assert sum(isinstance(outcome, Appended) for outcome in outcomes) == 1
    assert sum(isinstance(outcome, WrongExpectedPositionError) for outcome in outcomes) == 5
    assert await store.last_position() == 1


async def test_recorded_bytes_come_back_in_order_from_the_chunk_that_holds_a_byte(store: PostgresStore) -> None:
    data = bytes(range(250)) * 20
    for start in range(0, len(data), 100):
        chunk = RecordingChunk(byte_start=start, data=data[start : start + 100])
        await store.append(replace(an_append("s"), recordings=[chunk]))
    await store.append(replace(an_append("other"), recordings=[RecordingChunk(byte_start=0, data=b"other")]))
    chunks = [chunk async for chunk in store.read_recording("s")]
    assert b"".join(chunk.data for chunk in chunks) == data
    assert [chunk.byte_start async for chunk in store.read_recording("s", from_byte=4_799)] == [4_700, 4_800, 4_900]
    assert [chunk.byte_start async for chunk in store.read_recording("s", from_byte=4_800)] == [4_800, 4_900]
    assert [chunk async for chunk in store.read_recording("s", from_byte=5_000)] == []


async def test_recorded_bytes_are_never_replaced(store: PostgresStore) -> None:
    for data in (b"first", b"later"):
        await store.append(replace(an_append("s"), recordings=[RecordingChunk(byte_start=0, data=data)]))
    assert [chunk.data async for chunk in store.read_recording("s")] == [b"first"]


async def test_types_and_versions_that_the_program_does_not_know_are_read_as_stored(
    store: PostgresStore, postgres_url: str
) -> None:
    connection = await asyncpg.connect(postgres_url)
    try:
        await connection.execute(
            """
            SELECT append_events(ARRAY[('s', 't', 0, 2, NULL, NULL, NULL)::new_append], ARRAY[
                (1, gen_random_uuid(), 'CustomerLeft', 1, now(), 0, NULL, NULL, NULL, NULL, NULL, NULL,
                 '{"way": "door"}', NULL)::new_event,
                (1, gen_random_uuid(), 'SpeechStarted', 9, now(), 0, NULL, NULL, NULL, NULL, NULL, NULL,
                 '{"when": 1}', NULL)::new_event
            ], '{}', false)
            """
        )
    finally:
        await connection.close()
    assert [read.event async for read in store.read_stream("s")] == [
        UnknownEvent("CustomerLeft", 1, {"way": "door"}),
        UnknownEvent("SpeechStarted", 9, {"when": 1}),
    ]
