"""A whole Balto as a login that may append and nothing else; its database's owner migrates, erases and rebuilds."""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from pathlib import Path
from uuid import uuid4

import asyncpg
import pytest
from pydantic import SecretStr
from typer.testing import CliRunner, Result

from balto.cli.commands import app
from balto.library import StartError, open_library
from balto.settings import Settings
from events.catalogue import RecommendationSent
from events.embedded import EmbeddedPostgres
from projections.projection import standard
from projections.projector import Projector
from tests.e2e.conftest import Open, converse, of_type
from tests.recordings import conversation, wav

SOUND = wav(conversation("dor_de_cabeca"))


@dataclass(frozen=True)
class Database:
    """An empty database, by who opens it."""

    owner: str
    app: str
    reader: str


@pytest.fixture
async def database(postgres_server: EmbeddedPostgres) -> AsyncIterator[Database]:
    """A database whose owner is no superuser, with a login that is in `balto_app` and one in `balto_reader` alone."""
    unique = uuid4().hex
    names = {who: f"{who}_{unique}" for who in ("owner", "app", "reader")}
    server = await asyncpg.connect(postgres_server.dsn)
    await server.execute(f"CREATE ROLE {names['owner']} LOGIN")
    for who in ("app", "reader"):
        await server.execute(f"CREATE ROLE {names[who]} LOGIN IN ROLE balto_{who}")
    await server.execute(f"CREATE DATABASE {names['owner']} OWNER {names['owner']}")
    address = postgres_server.dsn_of(names["owner"])
    yield Database(**{who: address.replace("user=balto", f"user={name}") for who, name in names.items()})
    await server.execute(f"DROP DATABASE {names['owner']} WITH (FORCE)")
    for name in names.values():
        await server.execute(f"DROP ROLE {name}")
    await server.close()


async def balto(*arguments: str) -> Result:
    return await asyncio.to_thread(CliRunner().invoke, app, list(arguments))


@pytest.fixture
def as_operator(database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The environment of an operator's shell."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("BALTO_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("BALTO_DATABASE_URL", database.app)
    monkeypatch.setenv("BALTO_DATABASE_OWNER_URL", database.owner)


async def refused(url: str, *statements: str) -> None:
    connection = await asyncpg.connect(url)
    for statement in statements:
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.execute(statement)
    await connection.close()


async def test_it_serves_a_conversation_as_a_login_that_can_change_nothing(
    database: Database, open_house: Open, as_operator: None
) -> None:
    settings = {"database_url": SecretStr(database.app), "database_owner_url": SecretStr(database.owner)}
    async with open_house(**settings) as house:
        pool = house.balto.library.projector.pool
        assert (await pool.fetchval("SELECT current_user")).startswith("app_")
        await converse(house, SOUND)
        ((*recorded,),) = await house.ended()
        assert of_type(recorded, RecommendationSent)
        await house.balto.library.projector.catch_up()
        states = {(row.state, row.lag) for row in await house.balto.library.projector.status()}
        assert states == {("live", 0)}
        await refused(
            database.app,
            "UPDATE events SET type = 'Nothing'",
            "DELETE FROM events",
            "DELETE FROM keys",
            "DELETE FROM recordings",
            "TRUNCATE streams CASCADE",
            "SELECT erase_stream('s', NULL)",
            "CREATE TABLE mine (n integer)",
        )
    reader = await asyncpg.connect(database.reader)
    assert await reader.fetchval("SELECT count(*) FROM projections.interactions") == 1
    await reader.close()
    await refused(database.reader, "SELECT * FROM keys", "UPDATE projections.checkpoints SET position = 0")
    session = recorded[0].stream.removeprefix("session-")
    erased = await balto("erase", session, "--yes", "--json")
    assert erased.exit_code == 0, erased.stderr
    assert json.loads(erased.stdout)["residue"]["left"] == []
    for command in (("projections", "rebuild", "all"), ("verify",), ("store", "status"), ("events", "--limit", "1")):
        done = await balto(*command)
        assert done.exit_code == 0, done.stderr


async def test_without_the_owner_it_starts_on_what_the_owner_migrated_and_says_what_it_may_not(
    database: Database, open_house: Open, as_operator: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    migrated = await balto("store", "migrate")
    assert migrated.stdout == f"the schema is up to date, and so are the tables of {len(standard())} read models\n"
    monkeypatch.delenv("BALTO_DATABASE_OWNER_URL")
    async with open_house(database_url=SecretStr(database.app)) as house:
        await converse(house, SOUND)
        ((*recorded,),) = await house.ended()
        session = recorded[0].stream.removeprefix("session-")
        newer = [replace(one, folds=[*one.folds, "SELECT $1::bigint, $2::bigint"]) for one in standard()]
        changed = Projector(house.balto.library.projector.pool, newer)
        await changed.catch_up()
        (one, *_) = await changed.status()
        assert (one.state, one.reason) == (
            "stopped",
            "only the database's owner can build it anew (`balto store migrate`)",
        )
    erased = await balto("erase", session, "--yes")
    assert (erased.exit_code, erased.stderr.count("\n")) == (1, 1)
    assert "InsufficientPrivilege" in erased.stderr
    assert (await balto("events", "--stream", session)).exit_code == 0


async def test_a_database_that_nobody_migrated_is_refused_in_one_line(database: Database, tmp_path: Path) -> None:
    settings = Settings(_env_file=None, data_dir=tmp_path, database_url=SecretStr(database.app))
    with pytest.raises(StartError, match=r"InsufficientPrivilege.*balto store migrate"):
        async with open_library(settings):
            pass
    lonely = Settings(_env_file=None, data_dir=tmp_path, database_owner_url=SecretStr(database.owner))
    with pytest.raises(StartError, match="BALTO_DATABASE_OWNER_URL is set, but not BALTO_DATABASE_URL"):
        async with open_library(lonely):
            pass
