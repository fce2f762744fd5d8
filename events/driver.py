"""Connections to the database, as the store needs them."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from operator import itemgetter
from typing import Final

import asyncpg

_WRITING: Final = {
    "plan_cache_mode": "force_generic_plan",
    "enable_seqscan": "off",
    "enable_hashjoin": "off",
    "enable_mergejoin": "off",
    "enable_bitmapscan": "off",
    "jit": "off",
}
"""Settings of connections that append: plans that are made once, perhaps while the tables are still empty."""


async def open_pool(dsn: str, *, most: int, application_name: str, timeout_s: float) -> asyncpg.Pool:
    """Make a pool of connections that take and give JSON as bytes, each opened when it is needed."""
    return await asyncpg.create_pool(
        dsn,
        min_size=0,
        max_size=most,
        init=_prepare_connection,
        reset=_leave_as_it_is,
        server_settings=_settings(application_name),
        timeout=timeout_s,
    )


async def open_writer(dsn: str, *, application_name: str, timeout_s: float) -> asyncpg.Connection:
    """Open a connection that appends."""
    connection = await asyncpg.connect(dsn, timeout=timeout_s, server_settings=_settings(application_name) | _WRITING)
    try:
        await _prepare_connection(connection)
    except BaseException:
        connection.terminate()
        raise
    return connection


def _settings(application_name: str) -> dict[str, str]:
    return {"application_name": application_name, "default_transaction_isolation": "read committed"}


@asynccontextmanager
async def one_connection(dsn: str, *, application_name: str) -> AsyncIterator[asyncpg.Connection]:
    """Open one connection of the same kind, for an operator's work."""
    connection = await asyncpg.connect(dsn, server_settings={"application_name": application_name, "jit": "off"})
    try:
        await _prepare_connection(connection)
        yield connection
    finally:
        await connection.close()


async def _leave_as_it_is(_: asyncpg.Connection) -> None:
    """Spare the round trip that clears a connection: nothing of ours leaves anything behind on one."""


async def _prepare_connection(connection: asyncpg.Connection) -> None:
    # The binary form of jsonb is a version byte, 1, before the text.
    await connection.set_type_codec(
        "jsonb", schema="pg_catalog", encoder=b"\x01".__add__, decoder=itemgetter(slice(1, None)), format="binary"
    )
