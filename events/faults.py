"""Failures of the database driver turned into the store's errors, which name them and quote nothing."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import asyncpg

from events.store import StoreError, StoreUnavailableError, StreamHeldError

_PASSING: Final = ("08", "40", "53", "55", "57", "58", "25006", "25P03", "XX")
"""Beginnings of SQLSTATEs that a later attempt can do without: connection, rollback, resources, object state, operator
intervention, system, a server that turned read-only in a failover, a transaction that idled for too long, and the
server's internal errors."""


_ON_HOLD: Final = "BL001"
"""What the ledger's own trigger raises."""


def passes(error: BaseException) -> bool:
    """Tell whether an error of the driver says nothing but that the same may succeed later."""
    if isinstance(error, asyncpg.PostgresError):
        return (error.sqlstate or "").startswith(_PASSING)
    # InternalClientError is outside the driver's hierarchies; a killed backend raises it.
    return isinstance(error, asyncpg.InterfaceError | asyncpg.InternalClientError)


@contextmanager
def translated() -> Iterator[None]:
    """Turn the driver's failures into the store's: what may pass by itself is a `StoreUnavailableError`."""
    try:
        yield
    except asyncpg.PostgresError as error:
        if passes(error):
            raise StoreUnavailableError(f"the database did not answer: {type(error).__name__}") from error
        if error.sqlstate == _ON_HOLD:
            raise StreamHeldError("the stream is on legal hold") from None
        # The original error may quote a value, which may be personal.
        raise StoreError(f"the database refused: {type(error).__name__} ({error.sqlstate})") from None
    except (asyncpg.InterfaceError, asyncpg.InternalClientError, OSError, TimeoutError) as error:
        raise StoreUnavailableError(f"the database did not answer: {type(error).__name__}") from error
