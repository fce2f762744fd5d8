"""Rebuilding beside what is read and kept up: broken off, in readers' way, with events left out on purpose."""

import asyncio
import random
import signal
import sys
from collections.abc import AsyncIterator
from dataclasses import replace

import asyncpg
import pytest

from events.postgres import PostgresStore
from events.store import StoreUnavailableError
from projections.database import open_pool
from projections.projector import Projector
from projections.skips import NotStoppedThereError
from projections.status import ProjectionBusyError, ProjectionStoppedError
from tests.integration.projections.days import day
from tests.integration.projections.locks import named_locks, until_waiting
from tests.integration.projections.models import FRAGILE, GATE, TALLY, gated, tally
from tests.integration.projections.script import Ledger


@pytest.fixture
async def other(postgres_url: str, store: PostgresStore) -> AsyncIterator[asyncpg.Connection]:
    """A connection that does what others do meanwhile."""
    connection = await asyncpg.connect(postgres_url)
    yield connection
    await connection.close()


async def write(ledger: Ledger, seed: int) -> list[str]:
    events = day(seed, sessions=2)
    for stream, tenant, at_us, event in events:
        await ledger.append(stream, tenant, event, at_us=at_us)
    return [type(event).__name__ for *_, event in events]


async def test_a_killed_rebuild_goes_on_from_where_it_was(
    ledger: Ledger, pool: asyncpg.Pool, other: asyncpg.Connection, postgres_url: str
) -> None:
    written = len(await write(ledger, 6))
    projector = Projector(pool, [gated(50)])
    await projector.catch_up()
    await other.execute("SELECT pg_advisory_lock($1)", GATE)
    command = [sys.executable, "-m", "tests.integration.projections.rebuilder", postgres_url]
    child = await asyncio.create_subprocess_exec(*command)
    await until_waiting(other, "advisory", lambda: child.returncode is not None)
    with pytest.raises(ProjectionBusyError, match="tally is being rebuilt by another process"):
        await projector.rebuild("tally")
    child.send_signal(signal.SIGKILL)
    await child.wait()
    await other.execute("SELECT pg_advisory_unlock($1)", GATE)
    (status,) = await projector.status()
    assert (status.state, status.lag, status.rebuilt_to) == ("live", 0, 50)
    assert await tally(pool) == written
    # The server has yet to notice that its client is gone.
    while await named_locks(other):  # noqa: ASYNC110 - nobody tells when it has
        await asyncio.sleep(0.01)
    steps: list[int] = []
    assert await projector.rebuild("tally", lambda done, _: steps.append(done)) == written
    assert (steps[0], steps[-1]) == (50, written)
    assert await tally(pool) == written
    (status,) = await projector.status()
    assert (status.state, status.lag, status.rebuilt_to) == ("live", 0, None)


async def test_the_old_rows_are_kept_up_while_new_ones_are_built(
    ledger: Ledger, pool: asyncpg.Pool, other: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("projections.shadows.BATCH", 10)
    monkeypatch.setattr("projections.shadows._CLOSE", 0)
    written = len(await write(ledger, 6))
    projector = Projector(pool, [gated(50)])
    await projector.catch_up()
    await other.execute("SELECT pg_advisory_lock($1)", GATE)
    rebuilding = asyncio.create_task(projector.rebuild("tally"))
    await until_waiting(other, "advisory", rebuilding.done)
    more = len(await write(Ledger(ledger.store, ids=random.Random(2)), 7))
    assert await projector.catch_up() == more
    assert await tally(pool) == written + more
    assert not rebuilding.done()
    await other.execute("SELECT pg_advisory_unlock($1)", GATE)
    assert await rebuilding == written + more
    assert await tally(pool) == written + more


async def test_a_long_report_delays_the_new_rows_and_no_other_reader(
    ledger: Ledger, pool: asyncpg.Pool, other: asyncpg.Connection
) -> None:
    written = len(await write(ledger, 6))
    projector = Projector(pool, [TALLY])
    await projector.catch_up()
    report = other.transaction()
    await report.start()
    assert await tally(other) == written
    rebuilding = asyncio.create_task(projector.rebuild("tally"))
    await until_waiting(pool, "relation", rebuilding.done)
    assert await tally(pool) == written
    assert not rebuilding.done()
    await report.rollback()
    await rebuilding
    assert await tally(pool) == written
    assert await pool.fetchval("SELECT count(*) FROM pg_namespace WHERE nspname LIKE 'tally_g%'") == 1


async def test_what_is_still_read_when_new_rows_take_over_is_dropped_by_the_next_rebuild(
    ledger: Ledger, pool: asyncpg.Pool, other: asyncpg.Connection
) -> None:
    await write(ledger, 6)
    projector = Projector(pool, [TALLY])
    await projector.catch_up()
    async with other.transaction():
        await other.fetch("SELECT * FROM tally_g1.tally")
        await projector.rebuild("tally")
    generations = "SELECT array_agg(nspname::text ORDER BY nspname) FROM pg_namespace WHERE nspname LIKE 'tally_g%'"
    assert await pool.fetchval(generations) == ["tally_g1", "tally_g2"]
    await projector.rebuild("tally")
    assert await pool.fetchval(generations) == ["tally_g3"]


async def test_an_event_that_is_skipped_on_purpose_stays_out_of_every_rebuild(
    ledger: Ledger, pool: asyncpg.Pool
) -> None:
    types = await write(ledger, 3)
    poisons = [n for n, name in enumerate(types, 1) if name == "SessionEnded"]
    projector = Projector(pool, [FRAGILE])
    for poison in poisons:
        await projector.catch_up()
        assert (await projector.status())[0].stopped_at == poison
        assert await projector.skip("fragile", poison) == "InvalidTextRepresentationError (22P02)"
    await projector.catch_up()
    (status,) = await projector.status()
    assert (status.state, status.lag, status.reason) == ("live", 0, None)
    assert status.skipped == tuple(poisons)
    kept = [n for n in range(1, len(types) + 1) if n not in poisons]
    rows = "SELECT array_agg(position ORDER BY position) FROM projections.fragile"
    assert await pool.fetchval(rows) == kept
    await projector.rebuild("fragile")
    assert await pool.fetchval(rows) == kept
    assert (await projector.status())[0].skipped == tuple(poisons)


async def test_what_stops_a_rebuild_can_be_skipped_too_and_the_rebuild_goes_on(
    ledger: Ledger, pool: asyncpg.Pool
) -> None:
    types = await write(ledger, 3)
    poisons = [n for n, name in enumerate(types, 1) if name == "SessionEnded"]
    await Projector(pool, [TALLY]).catch_up()
    projector = Projector(pool, [FRAGILE])
    for poison in poisons:
        with pytest.raises(ProjectionStoppedError, match=f"stops at event {poison}:"):
            await projector.rebuild("fragile")
        await projector.skip("fragile", poison)
    assert await projector.rebuild("fragile") == len(types)
    assert await pool.fetchval("SELECT count(*) FROM projections.fragile") == len(types) - len(poisons)


async def test_an_event_that_is_lost_can_be_passed_on_purpose_only(ledger: Ledger, pool: asyncpg.Pool) -> None:
    written = len(await write(ledger, 5))
    await pool.execute("ALTER TABLE events DISABLE TRIGGER USER")
    await pool.execute("DELETE FROM events WHERE position = 10")
    projector = Projector(pool, [TALLY])
    await projector.catch_up()
    assert await projector.skip("tally", 10) == "an event is missing from the ledger"
    assert await projector.catch_up() == written - 9
    assert await tally(pool) == written - 1


@pytest.mark.parametrize("position", [1, 10_000])
async def test_nothing_is_skipped_where_nothing_is_stopped(position: int, ledger: Ledger, pool: asyncpg.Pool) -> None:
    await write(ledger, 5)
    projector = Projector(pool, [TALLY])
    await projector.catch_up()
    with pytest.raises(NotStoppedThereError, match=f"tally is not stopped at event {position}"):
        await projector.skip("tally", position)
    assert (await projector.status())[0].skipped == ()


async def test_another_projector_takes_over_from_one_that_hangs(
    ledger: Ledger, pool: asyncpg.Pool, other: asyncpg.Connection, postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    written = len(await write(ledger, 9))
    projector = Projector(pool, [TALLY])
    await projector.install()
    hung = asyncio.Event()

    async def hang(*_: object) -> None:
        hung.set()
        await asyncio.Event().wait()

    own = await open_pool(postgres_url)
    with monkeypatch.context() as patch:
        patch.setattr("projections.following.IDLE_TIMEOUT_S", 1)
        patch.setattr("projections.desk.MOST", 0)  # at a desk all is one statement, between whose parts nobody hangs
        patch.setattr("projections.following.Folding.begin", hang)
        hanging = asyncio.create_task(Projector(own, [TALLY]).catch_up())
        await hung.wait()
    assert await projector.catch_up() == written
    assert await tally(pool) == written
    hanging.cancel()
    await asyncio.gather(hanging, return_exceptions=True)
    own.terminate()


async def test_a_shadow_that_took_an_event_which_is_then_skipped_is_built_anew(
    ledger: Ledger, pool: asyncpg.Pool, other: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    types = await write(ledger, 3)
    poison = types.index("SessionEnded") + 1
    projector = Projector(pool, [FRAGILE])
    await projector.catch_up()
    taking_all = "INSERT INTO fragile SELECT position FROM events WHERE position > $1 AND position <= $2"
    mended = Projector(pool, [replace(FRAGILE, folds=[taking_all])])
    monkeypatch.setattr("projections.shadows._CLOSE", 0)
    async with other.transaction():
        await other.fetch("SELECT * FROM projections.fragile")
        with monkeypatch.context() as patch:
            patch.setattr("projections.shadows._ATTEMPTS", 1)
            with pytest.raises(StoreUnavailableError, match="does not let go"):
                await mended.rebuild("fragile")
    assert (await projector.status())[0].rebuilt_to == len(types)
    await projector.skip("fragile", poison)
    assert (await projector.status())[0].rebuilt_to is None
    await mended.rebuild("fragile")
    assert await pool.fetchval("SELECT count(*) FROM projections.fragile WHERE position = $1", poison) == 0
    assert [one.sound for one in await mended.verify()] == [True]


async def test_a_running_projector_keeps_the_others_up_while_it_rebuilds_one_whose_sql_has_changed(
    ledger: Ledger, pool: asyncpg.Pool, other: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("projections.shadows.BATCH", 10)
    monkeypatch.setattr("projections.shadows._CLOSE", 0)
    written = len(await write(ledger, 6))
    await Projector(pool, [TALLY]).catch_up()
    second = replace(TALLY, name="second", table=TALLY.table.replace("tally", "second"))
    second = replace(second, folds=[TALLY.folds[0].replace("INTO tally", "INTO second")])
    projector = Projector(pool, [gated(50), second])
    await other.execute("SELECT pg_advisory_lock($1)", GATE)
    running = asyncio.create_task(projector.run(poll_s=0.001))
    await until_waiting(other, "advisory", running.done)
    written += len(await write(Ledger(ledger.store, ids=random.Random(2)), 7))
    while (rows := {row.name: row for row in await projector.status()})["second"].lag:
        assert not running.done()
    assert (rows["tally"].state, rows["tally"].rebuilt_to) == ("outdated", 50)
    await other.execute("SELECT pg_advisory_unlock($1)", GATE)
    while (rows := {row.name: row for row in await projector.status()})["tally"].state != "live" or rows["tally"].lag:
        assert not running.done()
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    assert await tally(pool) == written


async def test_all_are_rebuilt_two_at_a_time(ledger: Ledger, pool: asyncpg.Pool, other: asyncpg.Connection) -> None:
    written = len(await write(ledger, 9))
    steps: list[tuple[int, int]] = []
    second, third = (
        replace(
            one,
            name=name,
            table=one.table.replace("tally", name),
            folds=[fold.replace("tally", name) for fold in one.folds],
        )
        for one, name in ((gated(5), "second"), (TALLY, "third"))
    )
    projector = Projector(pool, [gated(5), second, third])
    await projector.install()
    await other.execute(f"SELECT pg_advisory_lock({GATE})")
    rebuilding = asyncio.create_task(projector.rebuild_all(lambda done, of: steps.append((done, of))))
    await until_waiting(other, "advisory", rebuilding.done, count=2)
    await other.execute(f"SELECT pg_advisory_unlock({GATE})")
    assert await rebuilding == dict.fromkeys(("tally", "second", "third"), written)
    assert steps[-1] == (3 * written, 3 * written)
