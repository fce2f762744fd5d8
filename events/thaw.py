"""Thawing: a cold partition brought back into the table, for what reads the table itself."""

import asyncio
from collections.abc import Generator
from pathlib import Path
from typing import Any, Final

import asyncpg
from asyncpg.pool import PoolConnectionProxy

from events.archive import check, read_parquet
from events.cold import APPEND_LOCK, quoted
from events.faults import translated
from events.ranges import ColdPartition, load_ranges
from events.store import StoreError
from events.stored import StoredEvent

_COLUMNS: Final = tuple(c for c in StoredEvent._fields if c not in {"stream", "tenant"})


async def thaw(dsn: str, folder: Path, *, first: int) -> int:
    """Bring a cold partition back into the table, from its file if the detached table was dropped.

    Args:
        dsn: a `postgresql://` address, of the ledger's owner.
        folder: the archive's.
        first: the partition's first position.

    Returns:
        How many events it holds.

    Raises:
        ArchiveError: the file is not as it was written.
        StoreError: there is no such cold partition.
        StoreUnavailableError: the database is away.
    """
    with translated():
        connection = await asyncpg.connect(dsn, server_settings={"application_name": "balto thaw"})
        try:
            for cold in (await load_ranges(connection)).partitions:
                if cold.first == first:
                    await _thaw_one(connection, folder, cold)
                    return cold.events
        finally:
            await connection.close()
    raise StoreError(f"no cold partition begins at {first}")


async def _thaw_one(connection: asyncpg.Connection, folder: Path, cold: ColdPartition) -> None:
    table = quoted(cold.name)
    async with connection.transaction():
        if cold.dropped_at is not None:
            await asyncio.to_thread(check, folder / cold.file, cold.sha256)
            await connection.execute(
                f"CREATE TABLE {table} (LIKE events INCLUDING DEFAULTS INCLUDING CONSTRAINTS INCLUDING STORAGE)"
            )
            source = read_parquet(folder / cold.file, after=0, upto=cold.end - 1)
            await lay_out(connection, cold.name, source)
            await connection.execute(
                f"CREATE TRIGGER events_are_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table}"
                " FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
            )
            await connection.execute(f"CREATE UNIQUE INDEX {quoted(f'{cold.name}_by_id')} ON {table} (event_id)")
        await connection.execute(APPEND_LOCK)
        await connection.execute(
            f"ALTER TABLE events ATTACH PARTITION {table} FOR VALUES FROM ({cold.first}) TO ({cold.end})"
        )
        await connection.execute("DELETE FROM cold_partitions WHERE first = $1", cold.first)
        await connection.execute(
            "DELETE FROM cold_landmarks WHERE position >= $1 AND position < $2", cold.first, cold.end
        )
        await connection.execute("UPDATE cold_state SET generation = generation + 1")


async def lay_out(
    connection: asyncpg.Connection | PoolConnectionProxy,
    table: str,
    source: Generator[list[StoredEvent]],
    *,
    schema: str | None = None,
) -> None:
    """Put the events of a file into a table with the columns of the ledger's, and close the file.

    Raises:
        ArchiveError: the file cannot be read.
        asyncpg.PostgresError: as the driver does; the caller translates.
    """
    try:
        while group := await asyncio.to_thread(next, source, None):
            records: list[tuple[Any, ...]] = [tuple(getattr(event, column) for column in _COLUMNS) for event in group]
            await connection.copy_records_to_table(table, records=records, columns=_COLUMNS, schema_name=schema)
    finally:
        await asyncio.to_thread(source.close)
