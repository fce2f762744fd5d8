"""Who waits for locks, in a test's own database: `pg_locks` shows those of all, and a server has many in a run."""

import asyncio
from collections.abc import Callable

import asyncpg

_HERE = "database = (SELECT oid FROM pg_database WHERE datname = current_database())"
_WAITING = f"SELECT count(*) FROM pg_locks WHERE NOT granted AND locktype = $1 AND {_HERE}"
_NAMED = f"SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND objsubid = 2 AND {_HERE}"


async def waiting(connection: asyncpg.Connection | asyncpg.Pool, kind: str) -> int:
    """Return how many wait for a lock of a kind, such as `advisory`, in the connection's database."""
    return int(await connection.fetchval(_WAITING, kind))


async def until_waiting(
    connection: asyncpg.Connection | asyncpg.Pool, kind: str, ended: Callable[[], bool], *, count: int = 1
) -> None:
    """Return when so many wait for a lock of a kind; `ended` tells whether they never will."""
    while await waiting(connection, kind) < count:
        assert not ended()
        # Not at once: who is waited for wants the processor too.
        await asyncio.sleep(0.01)


async def named_locks(connection: asyncpg.Connection) -> int:
    """Return how many advisory locks of two numbers, as read models have, are held or waited for in its database."""
    return int(await connection.fetchval(_NAMED))
