"""Retention: how long recorded audio is kept, and what is on legal hold and so kept beyond."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import asyncpg
from asyncpg.pool import PoolConnectionProxy

from events.catalogue import RecordingsExpired
from events.envelope import NewEvent
from events.faults import translated
from events.prepared import event_row
from events.store import NoStreamError

type _Connection = asyncpg.Connection | PoolConnectionProxy

_EXPIRE: Final = "SELECT outcome FROM expire_recordings($1, $2, $3)"
_HOLDS: Final = """
SELECT id, stream, tenant, reason, placed_at, lifted_at FROM legal_holds
 WHERE $1 OR lifted_at IS NULL ORDER BY id
"""
Progress = Callable[[int, int], None]
"""Takes how many streams are done and how many there are."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Expired:
    """What was deleted."""

    streams: int
    bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LegalHold:
    """A stream, or all streams of a tenant, of which nothing may be destroyed."""

    id: int
    stream: str | None
    tenant: str | None
    reason: str
    placed_at: datetime
    lifted_at: datetime | None


async def expire_recordings(
    connection: _Connection,
    *,
    older_than: datetime,
    wrap: Callable[[RecordingsExpired], NewEvent],
    progress: Progress | None = None,
) -> Expired:
    """Delete the recorded audio of ended sessions that is older than a moment, unless it is on legal hold.

    A session's audio goes all at once, with an event that says so; what was understood of it stays. Repeated after
    any failure, it goes on.

    Args:
        connection: made by `events.driver`, of a login with the role `balto_eraser`, or of the ledger's owner.
        older_than: all of a session's audio was recorded before.
        wrap: makes the event to append.
        progress: called after each session.

    Raises:
        StoreUnavailableError: the database is away.
        StoreError: it refused.
    """
    streams = size = 0
    with translated():
        rows = await connection.fetch("SELECT stream, bytes FROM expirable_recordings($1)", older_than)
        for number, row in enumerate(rows, 1):
            event = wrap(RecordingsExpired(bytes_deleted=row["bytes"], older_than=older_than))
            new = (1, *event_row(event)[:-1], None)
            if await connection.fetchval(_EXPIRE, row["stream"], older_than, new) == "ok":
                streams, size = streams + 1, size + row["bytes"]
            if progress is not None:
                progress(number, len(rows))
    return Expired(streams=streams, bytes=size)


async def place_hold(
    connection: _Connection, *, stream: str | None = None, tenant: str | None = None, reason: str
) -> int:
    """Put a stream, or all that a tenant has and will have, on legal hold; return the hold's number.

    From then on nothing of it is erased, expired or taken out of the database.

    Raises:
        ValueError: it is not one of the two that is given.
        NoStreamError: there is no such stream.
        StoreUnavailableError: the database is away.
    """
    if (stream is None) == (tenant is None):
        raise ValueError("a hold is on a stream or on a tenant")
    with translated():
        if stream is not None and not await connection.fetchval("SELECT true FROM streams WHERE name = $1", stream):
            raise NoStreamError(f"there is no stream {stream}")
        return int(await connection.fetchval("SELECT place_hold($1, $2, $3)", stream, tenant, reason))


async def lift_hold(connection: _Connection, number: int) -> bool:
    """End a hold; it stays on record. Tells whether it was in force; raises as `list_holds`."""
    with translated():
        return bool(await connection.fetchval("SELECT lift_hold($1)", number))


async def list_holds(connection: _Connection, *, lifted: bool = False) -> list[LegalHold]:
    """Return the holds in force, or all that ever were.

    Raises:
        StoreUnavailableError: the database is away.
    """
    with translated():
        return [LegalHold(**row) for row in await connection.fetch(_HOLDS, lifted)]
