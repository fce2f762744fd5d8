"""Migrations on a real PostgreSQL."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import uuid4

import asyncpg
import pytest

from events.embedded import EmbeddedPostgres
from events.migrations import Migration, MigrationError, find, migrate
from events.postgres import PostgresStore
from events.schema import describe, expected

ONE = Migration(1, "0001_one.sql", "CREATE TABLE one (n integer)")
TWO = Migration(2, "0002_two.sql", "INSERT INTO one VALUES (2); INSERT INTO one VALUES (3)")
BROKEN = Migration(2, "0002_broken.sql", "INSERT INTO one VALUES (2); INSERT INTO nowhere VALUES (3)")


@pytest.fixture
async def empty_url(postgres_server: EmbeddedPostgres) -> AsyncIterator[str]:
    name = f"empty_{uuid4().hex}"
    connection = await asyncpg.connect(postgres_server.dsn)
    await connection.execute(f"CREATE DATABASE {name}")
    yield postgres_server.dsn_of(name)
    await connection.execute(f"DROP DATABASE {name} WITH (FORCE)")
    await connection.close()


@pytest.fixture
async def connection(empty_url: str) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(empty_url)
    yield connection
    await connection.close()


async def test_nodes_that_start_at_once_migrate_once(empty_url: str) -> None:
    stores = await asyncio.gather(*[PostgresStore.connect(empty_url) for _ in range(4)])
    connection = await asyncpg.connect(empty_url)
    applied = await connection.fetch("SELECT number, name FROM migrations ORDER BY number")
    await connection.close()
    await asyncio.gather(*[store.close() for store in stores])
    assert [tuple(row) for row in applied] == [(step.number, step.name) for step in find()]


async def test_the_migrated_schema_is_the_one_that_is_described(connection: asyncpg.Connection) -> None:
    await migrate(connection)
    assert await describe(connection) == expected()


async def test_only_what_is_new_is_applied(connection: asyncpg.Connection) -> None:
    assert await migrate(connection, [ONE]) == 1
    assert await migrate(connection, [ONE]) == 0
    assert await migrate(connection, [ONE, TWO]) == 1
    assert await connection.fetchval("SELECT sum(n) FROM one") == 5


async def test_a_migration_that_fails_leaves_nothing_behind(connection: asyncpg.Connection) -> None:
    with pytest.raises(asyncpg.UndefinedTableError):
        await migrate(connection, [ONE, BROKEN])
    assert await connection.fetchval("SELECT to_regclass('one')") is None
    assert await migrate(connection, [ONE, TWO]) == 2


async def test_a_migration_changed_after_it_was_applied_is_refused(connection: asyncpg.Connection) -> None:
    await migrate(connection, [ONE])
    with pytest.raises(MigrationError, match="0001_one"):
        await migrate(connection, [Migration(1, "0001_one.sql", ONE.sql + " "), TWO])


async def test_a_database_of_a_newer_program_is_refused(connection: asyncpg.Connection) -> None:
    await migrate(connection, [ONE, TWO])
    with pytest.raises(MigrationError, match="knows 1"):
        await migrate(connection, [ONE])


@pytest.mark.parametrize("names", [["0001_a.sql", "0003_b.sql"], ["0001_a.sql", "0001_b.sql"], ["1_a.sql"]])
def test_files_that_are_not_numbered_without_gaps_are_refused(tmp_path: Path, names: list[str]) -> None:
    for name in names:
        (tmp_path / name).write_text("SELECT 1")
    with pytest.raises(MigrationError):
        find(tmp_path)
