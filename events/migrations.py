"""Migrations: numbered SQL files, forward only, each applied once and never changed afterwards."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Final

import asyncpg

from events.store import StoreError

_NAME: Final = re.compile(r"(\d{4})_[a-z0-9_]+\.sql")
_LOCK: Final = 4712000002
_TABLE: Final = """
CREATE TABLE IF NOT EXISTS migrations (
    number     integer PRIMARY KEY,
    name       text NOT NULL,
    checksum   bytea NOT NULL,
    applied_at timestamptz NOT NULL DEFAULT clock_timestamp()
)
"""


class MigrationError(StoreError):
    """The migrations of this program and those that the database has been through do not fit together."""


@dataclass(frozen=True, slots=True)
class Migration:
    """One step of the schema."""

    number: int
    name: str
    sql: str

    @property
    def checksum(self) -> bytes:
        """SHA-256 of the SQL."""
        return sha256(self.sql.encode()).digest()


def find(folder: Traversable | None = None) -> list[Migration]:
    """Return the migrations of a folder, by default those of the ledger, in order.

    Raises:
        MigrationError: a file is not named like `0001_words.sql`, or the numbers leave a gap.
    """
    found: list[Migration] = []
    for file in (folder or files("events.sql.migrations")).iterdir():
        if not file.name.endswith(".sql"):
            continue
        match = _NAME.fullmatch(file.name)
        if match is None:
            raise MigrationError(f"{file.name} is no name for a migration")
        found.append(Migration(int(match[1]), file.name, file.read_text(encoding="utf-8")))
    found.sort(key=lambda migration: migration.number)
    if [migration.number for migration in found] != list(range(1, len(found) + 1)):
        raise MigrationError("the migrations are not numbered from 1 without gaps")
    return found


async def migrate(connection: asyncpg.Connection, migrations: Sequence[Migration] | None = None) -> int:
    """Apply what the database has not been through yet, all in one transaction.

    Several nodes may start at once: the others wait for the first and then find nothing left to do.

    Returns:
        How many migrations were applied.

    Raises:
        MigrationError: an applied migration was changed since, or the database is newer than this program.
    """
    known = find() if migrations is None else migrations
    # A role that may only use the ledger makes no table, so it must not come to that when there is nothing to do.
    if await connection.fetchval("SELECT to_regclass('migrations')") is not None and not await _left(connection, known):
        return 0
    async with connection.transaction():
        await connection.execute("SELECT pg_advisory_xact_lock($1)", _LOCK)
        await connection.execute(_TABLE)
        left = await _left(connection, known)
        for migration in left:
            await connection.execute(migration.sql)
            await connection.execute(
                "INSERT INTO migrations (number, name, checksum) VALUES ($1, $2, $3)",
                migration.number,
                migration.name,
                migration.checksum,
            )
    return len(left)


async def _left(connection: asyncpg.Connection, known: Sequence[Migration]) -> Sequence[Migration]:
    rows = await connection.fetch("SELECT number, name, checksum FROM migrations ORDER BY number")
    if len(rows) > len(known):
        raise MigrationError(f"the database is at migration {len(rows)}, this program knows {len(known)}")
    for row, migration in zip(rows, known, strict=False):
        if row["checksum"] != migration.checksum:
            raise MigrationError(f"migration {row['name']} was changed after it had been applied")
    return known[len(rows) :]
