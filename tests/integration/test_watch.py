"""The watch where nobody waits for it: it hears nothing, and misses nothing for whoever comes."""

import asyncio
import math

import asyncpg

from events.catalogue import SpeechStarted
from events.postgres import PostgresStore
from events.store import Append
from events.watch import Watch
from tests.events_at_hand import new_event

_LAST = """
SELECT query FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'balto watch'
"""


async def write(store: PostgresStore) -> int:
    events = [new_event(SpeechStarted(phrase=1, sample_start=0))]
    return (await store.append(Append(stream="a", tenant="123456", events=events))).position


async def until(connection: asyncpg.Connection, statement: str) -> None:
    """Wait until the watch's last statement is one that begins so."""
    async with asyncio.timeout(60):
        while not (await connection.fetchval(_LAST) or "").startswith(statement):  # noqa: ASYNC110 - another process's
            await asyncio.sleep(0.005)


async def test_a_watch_that_nobody_waits_for_dozes_and_wakes_for_whoever_comes(
    store: PostgresStore, postgres_url: str
) -> None:
    connection = await asyncpg.connect(postgres_url)
    # A look by the clock would come too late: what is seen here was heard, or looked for on waking.
    async with Watch(postgres_url, poll_s=60, doze_after_s=0.0) as watch:
        await write(store)
        await until(connection, "UNLISTEN")
        first = await write(store)
        async with asyncio.timeout(60):
            assert await watch.beyond(first - 1) == first
        waiting = asyncio.ensure_future(watch.beyond(first))
        await asyncio.sleep(0.05)
        assert not waiting.done()
        second = await write(store)
        async with asyncio.timeout(60):
            assert await waiting == second
        await write(store)
        await until(connection, "UNLISTEN")
    await connection.close()


async def test_a_watch_that_may_not_doze_listens_on(store: PostgresStore, postgres_url: str) -> None:
    connection = await asyncpg.connect(postgres_url)
    async with Watch(postgres_url, poll_s=0.01, doze_after_s=math.inf) as watch:
        for _ in range(3):  # each is looked for anew, and nobody waits in between
            position = await write(store)
            await watch.beyond(position - 1)
        assert not (await connection.fetchval(_LAST)).startswith("UNLISTEN")
    await connection.close()


async def test_a_dozing_watch_whose_connection_is_lost_wakes_all_the_same(
    store: PostgresStore, postgres_url: str
) -> None:
    connection = await asyncpg.connect(postgres_url)
    async with Watch(postgres_url, poll_s=0.01, doze_after_s=0.0) as watch:
        await write(store)
        await until(connection, "UNLISTEN")
        await connection.execute(_LAST.replace("query", "pg_terminate_backend(pid)"))
        position = await write(store)
        async with asyncio.timeout(60):
            assert await watch.beyond(position - 1) == position
    await connection.close()
