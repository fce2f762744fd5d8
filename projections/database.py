"""Connections to the database for the reading room, and which of its errors pass by themselves."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import asyncpg
from asyncpg.pool import PoolConnectionProxy

from events.store import StoreError, StoreUnavailableError

type Connection = asyncpg.Connection | PoolConnectionProxy
"""One of our own, or one lent by a pool."""

PASSING: Final = ("08", "40", "53", "55", "57", "58", "25006", "XX")
"""Beginnings of SQLSTATEs that say nothing about the events: connection, rollback, resources, object state, operator
intervention, system, a server that turned read-only, and the server's internal errors."""


QUERY_TIMEOUT_S: Final = 5.0
"""Seconds that a report or a lookup waits for its answer. Folds have a time of their own."""


async def open_pool(dsn: str, *, max_size: int = 8, timeout_s: float = 15.0) -> asyncpg.Pool:
    """Open connections for reading reports and for projecting.

    Args:
        dsn: a `postgresql://` address of a store.
        max_size: connections, at most.
        timeout_s: seconds to wait for a connection.

    Raises:
        StoreUnavailableError: the server cannot be reached.
    """
    with translated():
        return await asyncpg.create_pool(
            dsn,
            min_size=1,
            max_size=max_size,
            timeout=timeout_s,
            command_timeout=QUERY_TIMEOUT_S,
            server_settings={
                "application_name": "balto projections",
                "default_transaction_isolation": "read committed",
            },
        )


def passes(error: asyncpg.PostgresError) -> bool:
    """Tell whether the same statement may succeed when tried again."""
    return (error.sqlstate or "").startswith(PASSING)


def describe(error: asyncpg.PostgresError) -> str:
    """Name an error without its message, which may quote what was said at a counter."""
    return f"{type(error).__name__} ({error.sqlstate})"


@contextmanager
def translated() -> Iterator[None]:
    """Turn the driver's failures into the store's: what may pass by itself is a `StoreUnavailableError`."""
    try:
        yield
    except asyncpg.PostgresError as error:
        if passes(error):
            raise StoreUnavailableError(f"the database did not answer: {type(error).__name__}") from error
        # The original error may quote what was said.
        raise StoreError(f"the database refused: {describe(error)}") from None
    except (asyncpg.InterfaceError, asyncpg.InternalClientError, OSError, TimeoutError) as error:
        # InternalClientError is outside the driver's hierarchies; a killed backend raises it.
        raise StoreUnavailableError(f"the database did not answer: {type(error).__name__}") from error
