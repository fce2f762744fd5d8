"""The order of positions is that of commits: a live subscriber sees every committed event once, whatever happens."""

import asyncio
import sys
from pathlib import Path
from uuid import UUID

import asyncpg

from events.envelope import RecordedEvent
from events.postgres import PostgresStore
from events.subscribers import Subscriptions
from tests.integration.order_writer import APPENDS, SESSIONS

ROOT = Path(__file__).parents[2]
PROCESSES = 3
KILLED = 12

# At commit time, and by chance: wait, or take the whole transaction back.
TROUBLE = """
CREATE FUNCTION make_trouble() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF random() < 0.01 THEN
        RAISE EXCEPTION 'taken back' USING ERRCODE = 'serialization_failure';
    END IF;
    PERFORM pg_sleep(random() * 0.01) WHERE random() < 0.05;
    RETURN NULL;
END
$$;
CREATE CONSTRAINT TRIGGER trouble AFTER INSERT ON events DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION make_trouble();
"""


async def run_writer(url: str, seed: int) -> list[UUID]:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "tests.integration.order_writer",
        url,
        str(seed),
        stdout=asyncio.subprocess.PIPE,
        cwd=ROOT,
    )
    assert process.stdout is not None
    written = await process.stdout.read()
    assert await process.wait() == 0
    return [UUID(line) for line in written.decode().split()]


async def kill_writers(connection: asyncpg.Connection, writers: "asyncio.Future[list[list[UUID]]]") -> int:
    """Terminate a writing backend again and again while the ledger grows; say how many there were."""
    killed = 0
    while not writers.done():
        head = await connection.fetchval("SELECT position FROM head")
        if head > 150 * killed and killed < KILLED:
            killed += await connection.fetchval(
                "SELECT count(pg_terminate_backend(pid)) FROM (SELECT pid FROM pg_stat_activity"
                " WHERE datname = current_database() AND application_name = 'order writer' AND state <> 'idle'"
                " ORDER BY random() LIMIT 1) b"
            )
        await asyncio.sleep(0.005)
    return killed


async def test_a_live_subscriber_sees_every_committed_event_once_in_order_while_commits_wait_fail_and_die(
    store: PostgresStore, postgres_url: str
) -> None:
    trouble = await asyncpg.connect(postgres_url)
    await trouble.execute(TROUBLE)
    async with await Subscriptions.open(postgres_url, store, poll_s=0.1) as subscriptions:
        seen: list[RecordedEvent] = []

        async def watch() -> None:
            async for event in subscriptions.subscribe():
                seen.append(event)  # noqa: PERF401 # it has no end

        watching = asyncio.create_task(watch())
        writers = asyncio.gather(*(run_writer(postgres_url, seed) for seed in range(PROCESSES)))
        killed = await kill_writers(trouble, writers)
        acknowledged = [event_id for ids in await writers for event_id in ids]
        head = await store.last_position()
        while len(seen) < head:
            assert not watching.done()
            await asyncio.sleep(0.01)
        watching.cancel()
    await trouble.close()
    assert killed >= KILLED // 2
    assert [event.position for event in seen] == list(range(1, head + 1))
    assert sorted(event.event_id for event in seen) == sorted(acknowledged)
    assert len(acknowledged) >= PROCESSES * SESSIONS * APPENDS
    at: dict[str, int] = {}
    for event in seen:
        at[event.stream] = at.get(event.stream, 0) + 1
        assert event.stream_position == at[event.stream]
    assert seen == [event async for event in store.read_all()]
