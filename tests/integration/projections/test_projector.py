"""The projector: exactly once, alone where it stops, and unseen while it rebuilds."""

import asyncio
import random
from dataclasses import replace

import asyncpg
import pytest

from events.postgres import PostgresStore
from events.watch import Watch
from projections.database import open_pool
from projections.projection import standard
from projections.projector import Projector
from projections.status import ProjectionStoppedError, UnknownProjectionError
from tests.integration.projections.conftest import all_rows
from tests.integration.projections.days import day
from tests.integration.projections.locks import until_waiting
from tests.integration.projections.models import FRAGILE, TALLY, tally
from tests.integration.projections.script import Ledger


async def write(ledger: Ledger, seed: int) -> list[str]:
    """Append a day and return the types of its events in order."""
    events = day(seed, sessions=2)
    for stream, tenant, at_us, event in events:
        await ledger.append(stream, tenant, event, at_us=at_us)
    return [type(event).__name__ for *_, event in events]


async def test_projectors_at_once_fold_each_event_once(
    ledger: Ledger, store: PostgresStore, projector: Projector, pool: asyncpg.Pool
) -> None:
    written = len(await write(ledger, 1))
    crowd = [Projector(pool, [*standard(), TALLY], batch=3 + n) for n in range(4)]
    folded = await asyncio.gather(*(each.catch_up() for each in crowd))
    assert sum(folded) == written * (len(standard()) + 1)
    assert await tally(pool) == written
    together = await all_rows(pool)
    for projection in standard():
        await projector.rebuild(projection.name)
    assert await all_rows(pool) == together


async def test_projectors_running_while_events_are_written_fold_each_once(ledger: Ledger, pool: asyncpg.Pool) -> None:
    crowd = [Projector(pool, [TALLY], batch=7) for _ in range(3)]
    running = [asyncio.create_task(each.run(poll_s=0.001)) for each in crowd]
    written = len(await write(ledger, 2))
    while (await crowd[0].status())[0].lag:
        assert not any(task.done() for task in running)
    for task in running:
        task.cancel()
    await asyncio.gather(*running, return_exceptions=True)
    assert await tally(pool) == written


async def test_a_running_projector_is_woken_by_the_watch_and_need_not_poll(
    ledger: Ledger, pool: asyncpg.Pool, postgres_url: str
) -> None:
    async with Watch(postgres_url, poll_s=0.01) as watch:
        projector = Projector(pool, [TALLY])
        running = asyncio.create_task(projector.run(watch=watch, poll_s=3_600.0))
        written = len(await write(ledger, 2)) + len(await write(Ledger(ledger.store, ids=random.Random(2)), 3))
        while (await projector.status())[0].lag:
            assert not running.done()
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
    assert await tally(pool) == written


async def test_a_poisoned_read_model_stops_alone_just_before_the_event(ledger: Ledger, pool: asyncpg.Pool) -> None:
    types = await write(ledger, 3)
    poison = types.index("SessionEnded") + 1
    projector = Projector(pool, [FRAGILE, TALLY])
    await projector.catch_up()
    fragile, counted = await projector.status()
    assert (fragile.state, fragile.position, fragile.stopped_at) == ("stopped", poison - 1, poison)
    assert fragile.reason == "InvalidTextRepresentationError (22P02)"
    assert (counted.state, counted.lag) == ("live", 0)
    assert await pool.fetchval("SELECT count(*) FROM projections.fragile") == poison - 1
    assert await projector.catch_up() == 0


async def test_a_rebuild_that_fails_leaves_rows_and_checkpoint_as_they_were(ledger: Ledger, pool: asyncpg.Pool) -> None:
    types = await write(ledger, 3)
    poison = types.index("SessionEnded") + 1
    projector = Projector(pool, [FRAGILE])
    await projector.catch_up()
    (before,) = await projector.status()
    with pytest.raises(ProjectionStoppedError, match=f"stops at event {poison}:"):
        await projector.rebuild("fragile")
    (after,) = await projector.status()
    assert (after.rebuilt_to, after.rebuild_stopped_at, after.rebuild_reason) == (poison - 1, poison, before.reason)
    assert replace(after, rebuilt_to=None, rebuild_stopped_at=None, rebuild_reason=None) == before
    assert await pool.fetchval("SELECT count(*) FROM projections.fragile") == poison - 1


async def test_a_mended_read_model_is_rebuilt_when_next_caught_up(ledger: Ledger, pool: asyncpg.Pool) -> None:
    written = len(await write(ledger, 3))
    await Projector(pool, [FRAGILE]).catch_up()
    mended = replace(
        FRAGILE, folds=["INSERT INTO fragile SELECT position FROM events WHERE position > $1 AND position <= $2"]
    )
    projector = Projector(pool, [mended])
    assert (await projector.status())[0].state == "stopped"
    await projector.catch_up()
    (status,) = await projector.status()
    assert (status.state, status.lag, status.reason) == ("live", 0, None)
    assert await pool.fetchval("SELECT count(*) FROM projections.fragile") == written


async def test_a_projector_of_older_sql_leaves_newer_rows_alone(ledger: Ledger, pool: asyncpg.Pool) -> None:
    await write(ledger, 3)
    old = Projector(pool, [TALLY])
    await old.catch_up()
    wider = replace(TALLY, table=TALLY.table.replace("events bigint", "first bigint, events bigint"))
    new = Projector(pool, [wider])
    await new.catch_up()
    counted = await tally(pool)
    await write(ledger, 4)
    assert await old.catch_up() == 0
    assert (await old.status())[0].state == "outdated"
    assert await tally(pool) == counted
    assert await new.catch_up() > 0


async def test_a_missing_event_is_not_passed(ledger: Ledger, pool: asyncpg.Pool) -> None:
    written = len(await write(ledger, 5))
    await pool.execute("ALTER TABLE events DISABLE TRIGGER USER")
    await pool.execute("DELETE FROM events WHERE position = 10")
    projector = Projector(pool, [TALLY])
    assert await projector.catch_up() == 9
    (status,) = await projector.status()
    assert (status.position, status.stopped_at, status.reason) == (9, 10, "an event is missing from the ledger")
    assert status.lag == written - 9


async def test_readers_see_the_old_rows_until_a_rebuild_is_done(
    ledger: Ledger, store: PostgresStore, pool: asyncpg.Pool, postgres_url: str
) -> None:
    written = len(await write(ledger, 6))
    await Projector(pool, [TALLY]).catch_up()
    # The mended fold waits for a lock that this test holds, and counts double, so that old and new rows differ.
    slow = replace(
        TALLY,
        folds=[
            "SELECT pg_advisory_xact_lock(77) WHERE $1::bigint < $2::bigint",
            TALLY.folds[0].replace("count(*)", "2 * count(*)"),
        ],
    )
    holder = await asyncpg.connect(postgres_url)
    await holder.execute("SELECT pg_advisory_lock(77)")
    rebuilding = asyncio.create_task(Projector(pool, [slow]).catch_up())
    await until_waiting(holder, "advisory", rebuilding.done)
    assert await tally(pool) == written
    # Whoever wants to be up to date meanwhile waits for nobody, and reads the old rows too.
    await asyncio.wait_for(Projector(pool, [slow]).catch_up(), 60)
    assert await tally(pool) == written
    await holder.close()
    await rebuilding
    assert await tally(pool) == 2 * written


async def test_a_rebuild_keeps_what_others_put_on_the_view(ledger: Ledger, pool: asyncpg.Pool) -> None:
    written = len(await write(ledger, 6))
    projector = Projector(pool, [TALLY])
    await projector.catch_up()
    await pool.execute("CREATE VIEW of_an_analyst AS SELECT sum(events) AS events FROM projections.tally")
    await projector.rebuild("tally")
    assert await pool.fetchval("SELECT events FROM of_an_analyst") == written
    assert await pool.fetchval("SELECT count(*) FROM pg_namespace WHERE nspname LIKE 'tally_g%'") == 1


async def test_an_unknown_read_model_is_refused_by_name(projector: Projector) -> None:
    with pytest.raises(UnknownProjectionError, match="no projection nonsense"):
        await projector.catch_up("nonsense")
    with pytest.raises(UnknownProjectionError, match="no projection nonsense"):
        await projector.rebuild("nonsense")


async def test_only_the_named_read_model_is_caught_up(ledger: Ledger, projector: Projector) -> None:
    written = len(await write(ledger, 8))
    assert await projector.catch_up("sessions") == written
    lags = {status.name: status.lag for status in await projector.status()}
    assert lags.pop("sessions") == 0
    assert set(lags.values()) == {written}


async def test_a_view_of_others_stops_only_the_read_model_that_cannot_change_under_it(
    ledger: Ledger, pool: asyncpg.Pool
) -> None:
    written = len(await write(ledger, 6))
    await Projector(pool, [TALLY]).catch_up()
    await pool.execute("CREATE VIEW of_an_analyst AS SELECT sum(events) AS events FROM projections.tally")
    changed = replace(TALLY, table=TALLY.table.replace("events bigint", "first bigint, events bigint"))
    other = replace(TALLY, name="other", table=TALLY.table.replace("TABLE tally", "TABLE other"))
    other = replace(other, folds=[TALLY.folds[0].replace("INTO tally", "INTO other")])
    projector = Projector(pool, [changed, other])
    assert await projector.catch_up() == written
    counted, stopped = await projector.status()
    assert (counted.name, counted.state, counted.lag) == ("other", "live", 0)
    assert (stopped.state, stopped.reason) == ("stopped", "another view stands on projections.tally; drop it first")
    assert await pool.fetchval("SELECT events FROM of_an_analyst") == written
    with pytest.raises(ProjectionStoppedError, match="another view stands on"):
        await projector.rebuild("tally")
    await pool.execute("DROP VIEW of_an_analyst")
    await projector.rebuild("tally")
    assert [status.state for status in await projector.status()] == ["live", "live"]


async def test_a_statement_of_a_fold_has_a_time_of_its_own(
    ledger: Ledger, postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("projections.database.QUERY_TIMEOUT_S", 2.0)
    own = await open_pool(postgres_url)
    try:
        with pytest.raises(TimeoutError):
            await own.fetchval("SELECT pg_sleep(60)")
        slow = replace(TALLY, folds=["SELECT pg_sleep(2.5) WHERE $1::bigint < $2::bigint", *TALLY.folds])
        written = len(await write(ledger, 9))
        assert await Projector(own, [slow]).catch_up() == written
    finally:
        await own.close()
