"""What an erasure leaves behind: deleted rows on PostgreSQL's pages, and getting rid of them."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import asyncpg

from events.driver import one_connection
from events.faults import translated

_LOCK_TIMEOUT: Final = "2s"
_ATTEMPTS: Final = 5
_PAUSE_S: Final = 1.0
# Vacuuming moves together what is left on a page and leaves bytes of the rest in its gaps. Of keys nothing may be left,
# so their table, which is small, is written anew; recordings and snapshots cannot be read without their keys.
_STEPS: Final = {"keys": "VACUUM (FULL) keys", "recordings": "VACUUM recordings", "snapshots": "VACUUM snapshots"}
_ALLOWED: Final = """
SELECT pg_has_role(c.relowner, 'USAGE')
       OR (current_setting('server_version_num')::int >= 170000 AND has_table_privilege(c.oid, {maintain}))
  FROM pg_class c WHERE c.oid = $1::regclass
"""
# A transaction that began before the erasure may still look at the rows, so that no vacuuming takes them.
_HELD_BACK: Final = """
SELECT EXISTS (SELECT FROM pg_stat_activity a
                WHERE a.pid <> pg_backend_pid() AND a.backend_xmin IS NOT NULL
                  AND coalesce(a.datname = current_database(), true) AND age(a.backend_xmin) >= age($1::text::xid))
    OR EXISTS (SELECT FROM pg_replication_slots r WHERE r.xmin IS NOT NULL AND age(r.xmin) >= age($1::text::xid))
    OR EXISTS (SELECT FROM pg_prepared_xacts p WHERE p.database = current_database()
                AND age(p.transaction) >= age($1::text::xid))
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Residue:
    """What became of the deleted rows."""

    cleared: tuple[str, ...]
    """Tables whose deleted rows are gone."""
    left: tuple[str, ...]
    """Tables whose deleted rows may still be there."""
    reason: str | None
    """Why they are."""
    todo: str | None
    """What the owner of the database has to run."""


async def clear_residue(dsn: str, tables: Sequence[str] = tuple(_STEPS)) -> Residue:
    """Take deleted rows off the pages of tables that hold keys and sealed audio.

    What is in the write-ahead log, on standbys and in backups is not reached.

    Args:
        dsn: a `postgresql://` address of the ledger. Only its owner, or from PostgreSQL 17 on who has MAINTAIN on the
            tables, as `balto_eraser` has, may do it; it is told where that is not so.
        tables: of `keys`, `recordings` and `snapshots`.

    Raises:
        StoreUnavailableError: the database is away.
    """
    cleared: list[str] = []
    reason = None
    with translated():
        async with one_connection(dsn, application_name="balto erase") as connection:
            await connection.execute(f"SET lock_timeout = '{_LOCK_TIMEOUT}'")
            for table in tables:
                why_not = await _clear(connection, table)
                if why_not is None:
                    cleared.append(table)
                reason = reason or why_not
    left = tuple(table for table in tables if table not in cleared)
    todo = "; ".join(_STEPS[table] for table in left) or None
    return Residue(cleared=tuple(cleared), left=left, reason=reason, todo=todo)


async def _clear(connection: asyncpg.Connection, table: str) -> str | None:
    """Clear one table; tell why it could not be done."""
    maintain = "'MAINTAIN'" if connection.get_server_version().major >= 17 else "'SELECT'"
    if not await connection.fetchval(_ALLOWED.format(maintain=maintain), table):
        return "this role may not vacuum them"
    now = await connection.fetchval("SELECT pg_current_xact_id()::xid::text")
    reason = None
    for attempt in range(_ATTEMPTS):
        if attempt:
            await asyncio.sleep(_PAUSE_S)
        if await connection.fetchval(_HELD_BACK, now):
            reason = "a transaction that began before still sees them"
            continue
        try:
            await connection.execute(_STEPS[table], timeout=None)
        except asyncpg.LockNotAvailableError:
            reason = "their table is in use"
            continue
        return None
    return reason
