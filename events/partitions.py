"""The partitions of the events: runs of positions, made ahead of the head."""

from dataclasses import dataclass

import asyncpg
from asyncpg.pool import PoolConnectionProxy

from events.faults import translated
from events.sql import statement


@dataclass(frozen=True, slots=True, kw_only=True)
class Partition:
    """A table that holds the events of a run of positions."""

    name: str
    first: int
    """Its first position; 0, which no event has, for the very first one."""
    end: int
    """One past its last."""
    events: int
    """How many it holds."""
    bytes: int
    """On disk, indexes included."""


async def ensure_ahead(connection: asyncpg.Connection | PoolConnectionProxy, *, ahead: int = 0) -> int:
    """Make the partitions for the events up to `ahead` behind the head, and at least half of one more.

    Appending does it by itself when half of the last partition is full; nobody waits for it but the appends of that
    moment, for some milliseconds.

    Returns:
        The first position that has no partition yet.

    Raises:
        StoreUnavailableError: the database is away.
    """
    with translated():
        return int(await connection.fetchval("SELECT ensure_partitions(position + $1) FROM head", ahead))


async def list_partitions(connection: asyncpg.Connection | PoolConnectionProxy) -> list[Partition]:
    """Return the partitions that are attached, in order.

    Raises:
        StoreUnavailableError: the database is away.
    """
    with translated():
        rows = await connection.fetch(statement("list_partitions"))
    return [Partition(**row) for row in rows]
