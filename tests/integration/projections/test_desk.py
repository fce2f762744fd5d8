"""The desk: the connection on which what is new is folded by plans that are kept."""

import asyncio
import contextlib
from dataclasses import replace

import asyncpg
import pytest

from events.watch import Watch
from projections.desk import MOST, Desk, Seat
from projections.following import Follower
from projections.projection import standard
from projections.projector import Projector
from tests.integration.projections.conftest import all_rows
from tests.integration.projections.days import day
from tests.integration.projections.models import FRAGILE, TALLY, tally
from tests.integration.projections.script import Ledger

_LEFT = """
SELECT to_regclass('pg_temp.events')::text AS laid_out, current_setting('plan_cache_mode') AS mode,
       (SELECT count(*) FROM pg_prepared_statements WHERE name LIKE 'desk%') AS plans
"""


async def write(ledger: Ledger, sessions: int) -> int:
    """Write a day's sessions; return how many events they are."""
    script = day(7, sessions=sessions)
    for stream, tenant, at_us, event in script:
        await ledger.append(stream, tenant, event, at_us=at_us)
    return len(script)


async def test_a_few_events_and_many_make_the_same_rows(
    ledger: Ledger, projector: Projector, pool: asyncpg.Pool
) -> None:
    written = await write(ledger, 4)
    assert written <= MOST
    await projector.catch_up()
    at_desk = await all_rows(pool)
    for projection in standard():
        await projector.rebuild(projection.name)
    assert await all_rows(pool) == at_desk


async def test_plans_are_made_once_and_kept(ledger: Ledger, projector: Projector, pool: asyncpg.Pool) -> None:
    await projector.catch_up()
    follower = Follower(pool, batch=10, archive=None)
    head = await write(ledger, 2)
    async with follower.seated():
        await follower.follow(standard(), head, wait=True)
        async with follower._seat.taken() as desk:
            assert desk is not None
            planned = await desk.connection.fetchrow(
                "SELECT sum(generic_plans) AS kept, sum(custom_plans) AS made FROM pg_prepared_statements"
                " WHERE name LIKE 'desk%'"
            )
    assert planned is not None
    assert planned["kept"] >= head // 10
    assert planned["made"] == 0


async def test_a_connection_is_given_back_as_it_was(ledger: Ledger, pool: asyncpg.Pool) -> None:
    written = await write(ledger, 1)
    projector = Projector(pool, [TALLY])
    await projector.catch_up()
    assert await tally(pool) == written
    async with contextlib.AsyncExitStack() as stack:
        for connection in [await stack.enter_async_context(pool.acquire()) for _ in range(pool.get_size())]:
            left = await connection.fetchrow(_LEFT)
            assert left is not None
            assert tuple(left) == (None, "auto", 0)


async def test_a_desk_whose_connection_is_lost_is_made_anew(
    ledger: Ledger, pool: asyncpg.Pool, postgres_url: str
) -> None:
    projector = Projector(pool, [TALLY])
    await projector.install()
    other = await asyncpg.connect(postgres_url)
    async with Watch(postgres_url) as watch:
        running = asyncio.create_task(projector.run(watch=watch, poll_s=0.01))
        written = 0
        for _ in range(3):
            written += await write(ledger, 1)
            while await tally(other) < written:
                assert not running.done()
            assert await tally(other) == written
            ended = await other.fetchval(
                "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
                " WHERE datname = current_database() AND application_name = 'balto projections'"
            )
            assert ended > 0
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
    await other.close()


async def test_a_desk_whose_connection_the_pool_took_back_is_left_without_a_word(
    projector: Projector, pool: asyncpg.Pool
) -> None:
    await projector.install()
    seat = Seat(pool)
    async with seat.kept():
        async with seat.taken() as first:
            assert first is not None
            backend = await first.connection.fetchval("SELECT pg_backend_pid()")
        await pool.execute("SELECT pg_terminate_backend($1, 10000)", backend)
        async with asyncio.timeout(10):
            while not first.is_lost():  # noqa: ASYNC110 - told by another process
                await asyncio.sleep(0)
        with pytest.raises(asyncpg.InterfaceError):
            first.connection.is_closed()
        async with seat.taken() as second:
            assert second not in (None, first)


async def test_what_a_desk_cannot_fold_stops_that_read_model_alone(ledger: Ledger, pool: asyncpg.Pool) -> None:
    written = await write(ledger, 1)
    projector = Projector(pool, [FRAGILE, TALLY])
    await projector.catch_up()
    fragile, sound = await projector.status()
    assert (fragile.state, sound.position) == ("stopped", written)
    assert await tally(pool) == written


async def test_a_fold_that_the_database_does_not_take_stops_that_read_model_alone(
    ledger: Ledger, pool: asyncpg.Pool
) -> None:
    broken = replace(
        FRAGILE, folds=["INSERT INTO fragile SELECT nothing FROM events WHERE position > $1 AND position <= $2"]
    )
    written = await write(ledger, 1)
    projector = Projector(pool, [broken, TALLY])
    await projector.catch_up()
    stopped, sound = await projector.status()
    assert (stopped.state, sound.position) == ("stopped", written)
    assert await projector.catch_up() == 0
    assert await tally(pool) == written


async def test_a_desk_follows_what_is_rebuilt_and_folds_into_a_few_of_its_read_models(
    ledger: Ledger, projector: Projector, pool: asyncpg.Pool
) -> None:
    follower = Follower(pool, batch=MOST, archive=None)
    sessions = next(projection for projection in standard() if projection.name == "sessions")
    async with follower.seated():
        written = await write(ledger, 1)
        assert await follower.follow(standard(), None, wait=True) == (len(standard()) * written, written)
        await projector.rebuild("advice")
        more = await write(ledger, 1)
        assert await follower.follow([sessions], None, wait=False) == (more, written + more)
        assert await follower.follow([sessions], None, wait=False) == (0, written + more)
        # The others are behind it now: one after another is folded by itself, then all at the desk again.
        assert await follower.follow(standard(), None, wait=False) == ((len(standard()) - 1) * more, written + more)
        last = await write(ledger, 1)
        assert await follower.follow(standard(), None, wait=False) == (len(standard()) * last, written + more + last)
    at_desk = await all_rows(pool)
    for projection in standard():
        await projector.rebuild(projection.name)
    assert await all_rows(pool) == at_desk


async def test_what_is_to_be_skipped_is_not_folded_at_a_desk(ledger: Ledger, pool: asyncpg.Pool) -> None:
    projector = Projector(pool, [FRAGILE, TALLY])
    written = await write(ledger, 1)
    await projector.catch_up()
    stopped, _ = await projector.status()
    assert stopped.stopped_at is not None
    await projector.skip("fragile", stopped.stopped_at)
    await projector.catch_up()
    assert [one.position for one in await projector.status()] == [written, written]
    assert await pool.fetchval("SELECT count(*) FROM projections.fragile") == written - 1
    assert await tally(pool) == written


async def test_plans_are_made_anew_where_the_ledger_has_grown(
    ledger: Ledger, projector: Projector, pool: asyncpg.Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("projections.desk._REPLANNED_S", 0.0)
    follower = Follower(pool, batch=10, archive=None)
    await write(ledger, 1)
    async with follower.seated():
        await follower.follow(standard(), None, wait=True)
        await follower.follow(standard(), None, wait=True)
        async with follower._seat.taken() as desk:
            assert desk is not None
        first = desk._planned_at
        await write(ledger, 2)
        await follower.follow(standard(), None, wait=True)
        await follower.follow(standard(), None, wait=True)
        assert desk._planned_at > 1.5 * first > 0


async def test_a_role_that_may_make_no_temporary_table_folds_without_a_desk(
    ledger: Ledger, pool: asyncpg.Pool, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def refused(*_: object) -> Desk:
        async with pool.acquire() as connection, connection.transaction():
            await connection.execute("SET LOCAL ROLE pg_monitor")
            await connection.execute("CREATE TABLE projections.nothing ()")
        raise AssertionError("it was not refused")

    monkeypatch.setattr(Desk, "open", refused)
    written = await write(ledger, 1)
    projector = Projector(pool, [TALLY])
    await projector.catch_up()
    await projector.catch_up()
    assert await tally(pool) == written
    assert caplog.text.count("may not make temporary tables") == 1


async def test_a_desk_that_is_being_cleared_is_nobody_elses(
    ledger: Ledger, projector: Projector, pool: asyncpg.Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    await projector.catch_up()
    follower = Follower(pool, batch=10, archive=None)
    head = await write(ledger, 1)
    clearing, gone_on = asyncio.Event(), asyncio.Event()
    close = Desk.close

    async def slowly(desk: Desk) -> None:
        clearing.set()
        await gone_on.wait()
        await close(desk)

    monkeypatch.setattr(Desk, "close", slowly)
    first = asyncio.create_task(follower.follow(standard(), head, wait=True))
    await clearing.wait()
    async with follower.seated(), follower._seat.taken() as desk:
        assert desk is None
        gone_on.set()
    await first
