"""Who may do what in the database."""

from collections.abc import AsyncIterator
from uuid import uuid4

import asyncpg
import pytest

from events.catalogue import SubjectErased
from events.embedded import EmbeddedPostgres
from events.migrations import migrate
from events.partitions import ensure_ahead
from events.postgres import PostgresStore
from events.store import Append, Appended, RecordingChunk, StoreError
from events.verify import verify
from tests.events_at_hand import new_event
from tests.postgres import MASTERS


@pytest.fixture
async def logins(postgres_url: str) -> AsyncIterator[dict[str, str]]:
    """Addresses by role, of logins that are members of nothing else."""
    owner = await asyncpg.connect(postgres_url)
    names = {role: f"{role}_{uuid4().hex}" for role in ("balto_app", "balto_reader", "balto_eraser")}
    for role, name in names.items():
        await owner.execute(f"CREATE ROLE {name} LOGIN IN ROLE {role}")
    yield {role: postgres_url.replace("user=balto", f"user={name}") for role, name in names.items()}
    for name in names.values():
        await owner.execute(f"DROP ROLE {name}")
    await owner.close()


def an_append() -> Append:
    return Append(
        stream="s", tenant="t", events=[new_event()], recordings=[RecordingChunk(byte_start=0, data=b"audio")]
    )


async def test_the_app_starts_appends_seals_reads_and_makes_partitions(logins: dict[str, str]) -> None:
    app = await PostgresStore.connect(logins["balto_app"], masters=MASTERS)
    try:
        assert await app.append(an_append()) == Appended(stream_position=1, position=1)
        assert len([r async for r in app.read_all()]) == 1
        assert [c.data async for c in app.read_recording("s")] == [b"audio"]
    finally:
        await app.close()
    connection = await asyncpg.connect(logins["balto_app"])
    try:
        assert await ensure_ahead(connection, ahead=2_000_000) == 3_000_000
    finally:
        await connection.close()
    assert (await verify(logins["balto_app"])).whole


RECORDS = ("events", "events_from_0", "streams", "keys", "recordings", "head", "masters", "migrations")


@pytest.mark.parametrize("role", ["balto_app", "balto_reader", "balto_eraser"])
async def test_no_role_changes_or_takes_away_a_record(store: PostgresStore, logins: dict[str, str], role: str) -> None:
    await store.append(an_append())
    connection = await asyncpg.connect(logins[role])
    try:
        for table in RECORDS:
            column = await connection.fetchval(
                "SELECT attname FROM pg_attribute WHERE attrelid = $1::regclass AND attnum = 2", table
            )
            for change in (
                f"UPDATE {table} SET {column} = NULL",
                f"DELETE FROM {table}",
                f"TRUNCATE {table}",
                f"DROP TABLE {table}",
                f"ALTER TABLE {table} DISABLE TRIGGER ALL",
            ):
                with pytest.raises(asyncpg.InsufficientPrivilegeError):
                    await connection.execute(change)
        for table in ("events", "streams", "recordings", "keys", "head"):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await connection.execute(f"INSERT INTO {table} DEFAULT VALUES")
    finally:
        await connection.close()
    assert len([r async for r in store.read_all()]) == 1


async def test_the_reader_sees_events_and_neither_keys_nor_recordings(
    store: PostgresStore, logins: dict[str, str]
) -> None:
    await store.append(an_append())
    connection = await asyncpg.connect(logins["balto_reader"])
    try:
        assert await connection.fetchval("SELECT count(*) FROM events JOIN streams s ON s.id = stream_id") == 1
        for table in ("keys", "masters", "recordings"):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await connection.fetch(f"SELECT * FROM {table}")
    finally:
        await connection.close()


async def test_the_eraser_alone_erases(store: PostgresStore, logins: dict[str, str]) -> None:
    await store.append(an_append())
    for role in ("balto_app", "balto_reader"):
        connection = await asyncpg.connect(logins[role])
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.execute("SELECT erase_stream('s', NULL)")
        await connection.close()
    app = await PostgresStore.connect(logins["balto_app"], masters=MASTERS)
    with pytest.raises(StoreError):
        await app.erase("s", new_event(SubjectErased(reason="asked for")))
    await app.close()
    eraser = await PostgresStore.connect(logins["balto_eraser"])
    try:
        landed = await eraser.erase("s", new_event(SubjectErased(reason="asked for")))
    finally:
        await eraser.close()
    assert landed == Appended(stream_position=2, position=2)
    assert [c async for c in store.read_recording("s")] == []


async def test_an_owner_that_may_not_create_roles_migrates_without_them(postgres_server: EmbeddedPostgres) -> None:
    """The roles are there in this server: the owner may not grant to them what is not his, but may all he owns."""
    name = f"owned_{uuid4().hex}"
    server = await asyncpg.connect(postgres_server.dsn)
    await server.execute(f"CREATE ROLE {name} LOGIN")
    await server.execute(f"CREATE DATABASE {name} OWNER {name}")
    try:
        owner = await asyncpg.connect(postgres_server.dsn_of(name).replace("user=balto", f"user={name}"))
        try:
            assert await migrate(owner) > 0
        finally:
            await owner.close()
    finally:
        await server.execute(f"DROP DATABASE {name} WITH (FORCE)")
        await server.execute(f"DROP ROLE {name}")
        await server.close()
