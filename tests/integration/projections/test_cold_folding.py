"""Read models over a ledger that is cold in part: as if all of it were in the table."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import asyncpg
import pytest

from events.archive import ArchiveError
from events.cold import freeze
from events.postgres import PostgresStore
from events.store import StoreError
from events.thaw import thaw
from projections.database import open_pool
from projections.projection import standard
from projections.projector import Projector
from tests.integration.projections.conftest import all_rows
from tests.integration.projections.days import day
from tests.integration.projections.models import TALLY, tally
from tests.integration.projections.script import Ledger
from tests.postgres import divide

pytest.importorskip("pyarrow", reason="Parquet needs the extra `export`")

LATER = datetime(2100, 1, 1, tzinfo=UTC)
SIZE = 50
SOME = ("advice", "cost_sessions", "phrase_timeline", "session_summary", "sessions")
"""Read models that look up, add up, join and count; each is rebuilt by the first test."""


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    return tmp_path / "archive"


@pytest.fixture
async def pool(store: PostgresStore, postgres_url: str) -> AsyncIterator[asyncpg.Pool]:
    """Connections to a ledger with small partitions."""
    await divide(postgres_url, SIZE)
    pool = await open_pool(postgres_url)
    yield pool
    await pool.close()


@pytest.fixture
def projector(pool: asyncpg.Pool, archive: Path) -> Projector:
    return Projector(pool, batch=13, archive=archive)


async def write(ledger: Ledger, part: slice) -> None:
    for stream, tenant, at_us, event in day(5, sessions=4)[part]:
        await ledger.append(stream, tenant, event, at_us=at_us)


async def make_cold(url: str, archive: Path, upto: int) -> int:
    """Freeze what is folded; return how many partitions went."""
    return [one.outcome for one in await freeze(url, archive, older_than=LATER, upto=upto)].count("frozen")


def second_file(archive: Path) -> Path:
    return sorted(archive.glob("*.parquet"))[1]


def cut_in_half(file: Path) -> bytes:
    """Return what was in a file of which half is left."""
    whole = file.read_bytes()
    file.write_bytes(whole[: len(whole) // 2])
    return whole


async def test_a_read_model_is_rebuilt_over_what_is_cold(
    ledger: Ledger, projector: Projector, pool: asyncpg.Pool, postgres_url: str, archive: Path
) -> None:
    await write(ledger, slice(None))
    await projector.catch_up()
    before = await all_rows(pool)
    head = await pool.fetchval("SELECT position FROM head")
    assert await make_cold(postgres_url, archive, head) >= 3
    steps: list[tuple[int, int]] = []
    for projection in standard():
        assert await projector.rebuild(projection.name, lambda done, of: steps.append((done, of))) == head
    assert await all_rows(pool) == before
    assert steps[-1] == (head, head)
    assert await pool.fetchval("SELECT count(*) FROM pg_class WHERE relpersistence = 't' AND relname = 'events'") == 0


async def test_it_is_rebuilt_with_some_partitions_brought_back_in_between(
    ledger: Ledger, projector: Projector, pool: asyncpg.Pool, postgres_url: str, archive: Path
) -> None:
    await write(ledger, slice(None))
    await projector.catch_up()
    before = await all_rows(pool)
    await make_cold(postgres_url, archive, await pool.fetchval("SELECT position FROM head"))
    await thaw(postgres_url, archive, first=SIZE)
    for name in SOME:
        await projector.rebuild(name)
    assert await all_rows(pool) == before


async def test_what_comes_later_is_folded_as_if_the_streams_beginning_were_at_hand(
    ledger: Ledger, projector: Projector, pool: asyncpg.Pool, postgres_url: str, archive: Path
) -> None:
    await write(ledger, slice(0, 130))
    await projector.catch_up()
    assert await make_cold(postgres_url, archive, 130) == 2
    await write(ledger, slice(130, None))
    await projector.catch_up()
    followed = await all_rows(pool)
    for first in (0, SIZE):
        await thaw(postgres_url, archive, first=first)
    for name in SOME:
        await projector.rebuild(name)
    assert await all_rows(pool) == followed


async def test_a_new_read_model_catches_up_from_the_files_on(
    ledger: Ledger, projector: Projector, pool: asyncpg.Pool, postgres_url: str, archive: Path
) -> None:
    await write(ledger, slice(None))
    await projector.catch_up()
    head = await pool.fetchval("SELECT position FROM head")
    await make_cold(postgres_url, archive, head)
    newer = Projector(pool, [*standard(), TALLY], batch=13, archive=archive)
    assert await newer.catch_up() == head
    assert await tally(pool) == head
    await newer.rebuild("tally")
    assert await tally(pool) == head


async def test_without_the_archive_one_read_model_waits_and_the_others_go_on(
    ledger: Ledger,
    projector: Projector,
    pool: asyncpg.Pool,
    postgres_url: str,
    archive: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    await write(ledger, slice(0, 130))
    await projector.catch_up()
    await make_cold(postgres_url, archive, 130)
    await write(ledger, slice(130, None))
    before = await all_rows(pool)
    head = await pool.fetchval("SELECT position FROM head")
    stranded = Projector(pool, [TALLY, *standard()], archive=archive.with_name("elsewhere"))
    for _ in range(2):
        await stranded.catch_up()
    states = {row.name: (row.state, row.lag) for row in await stranded.status()}
    assert states.pop("tally") == ("live", head)
    assert set(states.values()) == {("live", 0)}
    assert [r.getMessage() for r in caplog.records if r.name == "projections.following"] == [
        "projection tally waits: events 1 to 49 are in the archive, which is not at hand"
    ]
    with pytest.raises(ArchiveError, match="not at hand"):
        await stranded.rebuild("sessions")
    assert (await all_rows(pool))["sessions"] != before["sessions"]
    assert await Projector(pool, [TALLY], archive=archive).catch_up() == head


async def test_a_broken_file_stops_nothing_for_good(
    ledger: Ledger, projector: Projector, pool: asyncpg.Pool, postgres_url: str, archive: Path
) -> None:
    await write(ledger, slice(None))
    await projector.catch_up()
    await make_cold(postgres_url, archive, await pool.fetchval("SELECT position FROM head"))
    before = await all_rows(pool)
    whole = cut_in_half(second_file(archive))
    with pytest.raises(StoreError):
        await projector.rebuild("sessions")
    assert await all_rows(pool) == before
    second_file(archive).write_bytes(whole)
    await projector.rebuild("sessions")
    assert await all_rows(pool) == before


async def test_nothing_goes_cold_under_a_rebuild(
    ledger: Ledger, projector: Projector, pool: asyncpg.Pool, postgres_url: str, archive: Path
) -> None:
    await write(ledger, slice(None))
    await projector.catch_up()
    before = await all_rows(pool)
    head = await pool.fetchval("SELECT position FROM head")
    async with pool.acquire() as connection, connection.transaction():
        # Where a rebuild has come when it has begun to fold.
        await connection.fetchval("SELECT position FROM projections.checkpoints WHERE name = 'sessions' FOR UPDATE")
        await connection.fetchval("SELECT count(*) FROM events")
        outcomes = {one.outcome for one in await freeze(postgres_url, archive, older_than=LATER, upto=head)}
    assert outcomes == {"busy"}
    assert await all_rows(pool) == before
