"""Partitions of the events: made ahead, out of readers' way, and exactly-once across their borders."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace

import asyncpg
import pytest

from events.journal import Journal
from events.partitions import ensure_ahead, list_partitions
from events.postgres import PostgresStore
from events.store import Append, Appended, StoreError, WrongExpectedPositionError
from events.verify import verify
from tests.events_at_hand import new_event

SIZE = 10


@pytest.fixture
async def owner(postgres_url: str) -> AsyncIterator[asyncpg.Connection]:
    """A connection to a ledger whose partitions, from the second on, hold ten events."""
    connection = await asyncpg.connect(postgres_url)
    await connection.execute(
        f"""
        DROP TABLE events_from_0;
        UPDATE head SET partition_size = {SIZE}, partitioned_to = 0;
        SELECT ensure_partitions(0);
        """
    )
    yield connection
    await connection.close()


def an_append(stream: str, count: int = 1, expected: int = -1) -> Append:
    return Append(stream=stream, tenant="t", events=[new_event() for _ in range(count)], expected=expected)


async def test_partitions_are_made_before_the_head_comes_to_them(
    owner: asyncpg.Connection, store: PostgresStore, postgres_url: str
) -> None:
    for number in range(47):
        await store.append(an_append(f"s-{number % 3}"))
        partitions = await list_partitions(owner)
        assert partitions[-1].end > number + 1 + SIZE // 2
    assert [(p.first, p.end) for p in partitions] == [(n, n + SIZE) for n in range(0, 60, SIZE)]
    assert [p.events for p in partitions] == [9, 10, 10, 10, 8, 0]
    assert [r.position async for r in store.read_all()] == list(range(1, 48))
    assert [r.stream_position async for r in store.read_stream("s-0", backwards=True)] == list(range(16, 0, -1))
    assert (await verify(postgres_url, batch=7)).whole


async def test_an_append_larger_than_a_partition_finds_its_place(
    owner: asyncpg.Connection, store: PostgresStore, postgres_url: str
) -> None:
    assert await store.append(an_append("long", 95)) == Appended(stream_position=95, position=95)
    assert [r.stream_position async for r in store.read_stream("long", after=8)] == list(range(9, 96))
    assert (await verify(postgres_url, batch=30)).whole


async def test_partitions_can_be_made_far_ahead_and_by_many_at_once(
    owner: asyncpg.Connection, store: PostgresStore, postgres_url: str
) -> None:
    others = [await asyncpg.connect(postgres_url) for _ in range(3)]
    ends = await asyncio.gather(*[ensure_ahead(other, ahead=100) for other in others])
    for other in others:
        await other.close()
    assert set(ends) == {110}
    assert await ensure_ahead(owner) == 110
    assert len(await list_partitions(owner)) == 11


@pytest.mark.parametrize("expected", [-1, 7])
async def test_an_append_repeated_across_a_border_is_found(
    owner: asyncpg.Connection, store: PostgresStore, expected: int
) -> None:
    await store.append(an_append("s", 7))
    append = an_append("s", 6, expected)  # positions 8 to 13, over the border at 10
    landed = await store.append(append)
    for _ in range(3):
        assert await store.append(append) == landed == Appended(stream_position=13, position=13)
        await store.append(an_append("s", 9))
    assert [r.stream_position async for r in store.read_stream("s")] == list(range(1, 41))


@pytest.mark.parametrize("later", [0, 4, 30])
async def test_an_append_that_repeats_only_in_part_is_refused_however_far_back_that_is(
    owner: asyncpg.Connection, store: PostgresStore, later: int
) -> None:
    append = an_append("s", 2)
    await store.append(append)
    for _ in range(later):
        await store.append(an_append("s"))
    head = await store.last_position()
    with pytest.raises(StoreError):
        await store.append(replace(append, events=[new_event(), *append.events]))
    with pytest.raises(WrongExpectedPositionError):
        await store.append(replace(append, events=[*append.events, new_event()]))
    assert await store.last_position() == head


async def test_the_journal_writes_over_borders_exactly_once_while_connections_are_killed(
    owner: asyncpg.Connection, store: PostgresStore, postgres_url: str
) -> None:
    journal = Journal(store)
    await journal.start()

    async def write(stream: str) -> list[Appended]:
        return [await journal.append(an_append(stream, 2)) for _ in range(12)]

    async def kill() -> None:
        position = 0
        while position < 160:
            # Often, but leaving time for something to be written in between.
            if await owner.fetchval("SELECT position FROM head") >= position + 20:
                await owner.fetch(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                    " WHERE datname = current_database() AND pid <> pg_backend_pid()"
                )
                position += 20

    killing = asyncio.create_task(kill())
    landed = await asyncio.gather(*[write(f"s-{n}") for n in range(8)])
    await killing
    await journal.close()
    for appended in landed:
        assert [one.stream_position for one in appended] == list(range(2, 26, 2))
    found = await verify(postgres_url, batch=50)
    assert (found.whole, found.events) == (True, 8 * 24)


async def test_partitions_are_made_while_a_reader_stands_in_the_middle_of_a_transaction(
    owner: asyncpg.Connection, store: PostgresStore
) -> None:
    await store.append(an_append("s", 3))
    async with owner.transaction():
        assert await owner.fetchval("SELECT count(*) FROM events") == 3
        await store.append(an_append("s", 40))
    assert await store.last_position() == 43


@pytest.mark.parametrize("change", ["UPDATE {} SET elapsed_us = 1", "DELETE FROM {}", "TRUNCATE {}"])
async def test_a_partition_refuses_changes_by_its_own_name(
    owner: asyncpg.Connection, store: PostgresStore, change: str
) -> None:
    await store.append(an_append("s", 20))
    for partition in await list_partitions(owner):
        with pytest.raises(asyncpg.RestrictViolationError, match="append-only"):
            await owner.execute(change.format(partition.name))
    assert await store.last_position() == 20


async def test_reading_a_stream_looks_at_its_own_partitions_only(
    owner: asyncpg.Connection, store: PostgresStore
) -> None:
    for number in range(12):
        await store.append(an_append(f"s-{number}", 5))
    plan = await owner.fetch(
        """
        EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, SUMMARY OFF)
        SELECT e.position FROM streams s
         CROSS JOIN LATERAL (SELECT * FROM events e WHERE e.stream_id = s.id
                                AND e.position BETWEEN s.first_pos AND s.last_pos ORDER BY e.position LIMIT 10) e
         WHERE s.name = 's-7'
        """
    )
    lines = [row[0] for row in plan]
    scans = [line for line in lines if "on events_from_" in line]
    assert len(scans) >= 6
    assert [line for line in scans if "never executed" not in line] == [
        line for line in scans if " events_from_30 " in line or " events_from_40 " in line
    ]
