"""Verifying read models: what is as a rebuild would make it, and what is not."""

import asyncpg
import pytest

from events.postgres import PostgresStore
from projections.projection import standard
from projections.projector import Projector
from tests.integration.projections.days import day
from tests.integration.projections.models import FRAGILE
from tests.integration.projections.script import Ledger


async def fill(ledger: Ledger, seed: int = 5) -> None:
    for stream, tenant, at_us, event in day(seed, sessions=3):
        await ledger.append(stream, tenant, event, at_us=at_us)


async def test_read_models_that_were_folded_in_pieces_equal_their_rebuild_byte_for_byte(
    ledger: Ledger, store: PostgresStore, pool: asyncpg.Pool
) -> None:
    await fill(ledger)
    projector = Projector(pool, batch=7)
    await projector.catch_up()
    steps: list[tuple[int, int]] = []
    found = await projector.verify(lambda done, of: steps.append((done, of)))
    head = await store.last_position()
    assert [(one.name, one.sound, one.position) for one in found] == [(each.name, True, head) for each in standard()]
    assert all(one.rows for one in found)
    assert steps[-1] == (head * len(found), head * len(found))
    assert await pool.fetchval("SELECT count(*) FROM pg_class WHERE relnamespace = pg_my_temp_schema()") == 0


@pytest.mark.parametrize(
    ("name", "statement", "missing", "extra"),
    [
        ("phrase_timeline", "UPDATE {} SET cost_usd = cost_usd + 1e-25 WHERE ctid = (SELECT min(ctid) FROM {})", 1, 1),
        ("phrase_biometrics", "UPDATE {} SET band_low = 0.25 WHERE ctid = (SELECT min(ctid) FROM {})", 1, 1),
        ("sessions", "DELETE FROM {} WHERE ctid = (SELECT min(ctid) FROM {})", 1, 0),
        ("clients", "INSERT INTO {} VALUES ('300000', 'Farmácia', now()) RETURNING (SELECT 1 FROM {} LIMIT 1)", 0, 1),
    ],
)
async def test_a_row_that_is_not_as_it_should_be_is_found(
    name: str, statement: str, missing: int, extra: int, ledger: Ledger, projector: Projector, pool: asyncpg.Pool
) -> None:
    await fill(ledger)
    await projector.catch_up()
    table = f"{name}_g1.{name}"
    await pool.execute(statement.format(table, table))
    found = {one.name: one for one in await projector.verify()}
    assert (found[name].missing, found[name].extra) == (missing, extra)
    assert [one.name for one in found.values() if not one.sound] == [name]


async def test_a_read_model_that_is_stopped_is_sound_as_far_as_it_is(ledger: Ledger, pool: asyncpg.Pool) -> None:
    await fill(ledger)
    projector = Projector(pool, [FRAGILE])
    await projector.catch_up()
    (stopped,) = await projector.status()
    (found,) = await projector.verify()
    assert stopped.stopped_at is not None
    assert (found.sound, found.position, found.rows) == (True, stopped.position, stopped.position)
    await projector.skip("fragile", stopped.stopped_at)
    await projector.catch_up()
    (found,) = await projector.verify()
    assert (found.sound, found.skipped) == (True, 1)
    assert found.position > stopped.position
