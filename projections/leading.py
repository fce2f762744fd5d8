"""Who keeps the read models up: one process of all that share a database, and another as soon as that one is gone."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Final

import asyncpg

from events.store import StoreError
from events.troubles import Trouble
from projections.database import translated

_KEY: Final = int.from_bytes(b"balto rm")
"""Of the advisory lock, in each database by itself."""
_TRY: Final = "SELECT pg_try_advisory_lock($1)"
_LOOK_S: Final = 0.5
_FIRST_PAUSE_S: Final = 0.2
_LONGEST_PAUSE_S: Final = 5.0
_TIMEOUT_S: Final = 15.0
_SETTINGS: Final = {
    "application_name": "balto projector",
    # A machine that is gone says no farewell: the server finds out within half a minute.
    "tcp_keepalives_idle": "10",
    "tcp_keepalives_interval": "5",
    "tcp_keepalives_count": "3",
}

logger = logging.getLogger(__name__)


async def while_leading(dsn: str, work: Callable[[], Awaitable[None]]) -> None:
    """Do some work whenever this process is the one to do it, until cancelled.

    The one is whoever holds an advisory lock; it is let go of with its connection, however that ends. What two do for a
    moment, because a connection was lost unnoticed, must do no harm.

    Args:
        dsn: a `postgresql://` address of the database.
        work: goes on until it is cancelled.
    """
    trouble = Trouble(logger, "nobody here can say whether to keep the read models up: %s")
    pause_s = _FIRST_PAUSE_S
    while True:
        try:
            await _lead(dsn, work, trouble.is_over)
            pause_s = _FIRST_PAUSE_S
        except StoreError as error:
            pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)
            trouble.goes_on(error)
        await asyncio.sleep(pause_s)


async def _lead(dsn: str, work: Callable[[], Awaitable[None]], reached: Callable[[], None]) -> None:
    with translated():
        connection = await asyncpg.connect(dsn, timeout=_TIMEOUT_S, server_settings=_SETTINGS)
    reached()
    lost = asyncio.Event()
    connection.add_termination_listener(lambda _: lost.set())
    try:
        with translated():
            # Not waited for in the database: a statement that waits for hours keeps VACUUM from its work.
            while not await connection.fetchval(_TRY, _KEY, timeout=_TIMEOUT_S):  # noqa: ASYNC110 - a lock sets no event
                await asyncio.sleep(_LOOK_S)
        logger.info("this process keeps the read models up")
        tasks = [asyncio.ensure_future(work()), asyncio.create_task(lost.wait())]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
    finally:
        connection.terminate()
