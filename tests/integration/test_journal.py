"""The journal on a real PostgreSQL whose connections are killed under it."""

import asyncio
from dataclasses import replace

import asyncpg

from events.journal import Journal
from events.postgres import PostgresStore
from events.store import Append, Appended, RecordingChunk
from tests.events_at_hand import new_event

KILL_WRITERS = """
SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
 WHERE datname = current_database() AND pid <> pg_backend_pid()
"""


def an_append(stream: str, number: int) -> Append:
    chunk = RecordingChunk(byte_start=2 * number, data=number.to_bytes(2))
    return Append(stream=stream, tenant="t", events=[new_event(), new_event()], recordings=[chunk])


async def test_sessions_that_write_at_once_are_committed_in_few_transactions(
    store: PostgresStore, postgres_url: str
) -> None:
    journal = Journal(store)
    await journal.start()
    appends = {f"s-{n}": [an_append(f"s-{n}", number) for number in range(5)] for n in range(40)}
    landed = await asyncio.gather(
        *[journal.submit(append) for number in range(5) for append in (appends[stream][number] for stream in appends)]
    )
    await journal.close()
    assert sorted(appended.stream_position for appended in landed) == sorted([2, 4, 6, 8, 10] * 40)
    for stream, written in appends.items():
        read = [event.event_id async for event in store.read_stream(stream)]
        assert read == [event.event_id for append in written for event in append.events]
        recorded = b"".join([chunk.data async for chunk in store.read_recording(stream)])
        assert recorded == b"".join(number.to_bytes(2) for number in range(5))
    connection = await asyncpg.connect(postgres_url)
    try:
        transactions = await connection.fetchval("SELECT count(DISTINCT recorded_at) FROM events")
    finally:
        await connection.close()
    assert transactions <= 2
    assert [event.position async for event in store.read_all()] == list(range(1, 401))


async def test_what_was_in_flight_when_its_connection_was_killed_is_written_exactly_once(
    store: PostgresStore, postgres_url: str
) -> None:
    journal = Journal(store)
    await journal.start()
    killer = await asyncpg.connect(postgres_url)
    killed = 0
    writing = True

    async def kill() -> None:
        nonlocal killed
        position = 0
        while writing:
            # Often, but leaving time for something to be written in between.
            if await killer.fetchval("SELECT position FROM head") >= position + 30:
                killed += await killer.fetchval(KILL_WRITERS)
                position += 30

    async def write(stream: str) -> list[Appended]:
        return [await journal.append(replace(an_append(stream, number), expected=2 * number)) for number in range(15)]

    killing = asyncio.create_task(kill())
    try:
        landed = await asyncio.gather(*[write(f"s-{n}") for n in range(10)])
    finally:
        writing = False
        await killing
        await killer.close()
        await journal.close()
    assert killed > 0
    for appended in landed:
        assert [one.stream_position for one in appended] == list(range(2, 32, 2))
    assert [event.position async for event in store.read_all()] == list(range(1, 301))
    assert sorted(one.position for appended in landed for one in appended) == sorted(
        {event.position async for event in store.read_all() if event.stream_position % 2 == 0}
    )


async def test_an_answer_lost_after_the_commit_is_found_out_by_asking_again(
    store: PostgresStore, postgres_url: str
) -> None:
    """The commit goes through while the connection that should tell of it is taken away."""
    journal = Journal(store)
    await journal.start()
    blocker = await asyncpg.connect(postgres_url)
    try:
        append = an_append("s", 0)
        async with blocker.transaction():
            await blocker.execute("LOCK TABLE head")
            result = journal.submit(append)
            waiting = (
                "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
            )
            while not await blocker.fetchval(waiting):
                await blocker.execute("SELECT pg_stat_clear_snapshot()")
            await blocker.fetchval(KILL_WRITERS)
        assert await result == await store.append(append) == Appended(stream_position=2, position=2)
    finally:
        await blocker.close()
        await journal.close()
