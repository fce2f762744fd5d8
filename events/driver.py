"""Connections to the database, as the store needs them."""

import asyncpg


async def open_pool(dsn: str, *, least: int, most: int, application_name: str, timeout_s: float) -> asyncpg.Pool:
    """Open connections that take and give JSON as bytes."""
    return await asyncpg.create_pool(
        dsn,
        min_size=least,
        max_size=most,
        init=_prepare_connection,
        server_settings={"application_name": application_name, "default_transaction_isolation": "read committed"},
        timeout=timeout_s,
    )


async def _prepare_connection(connection: asyncpg.Connection) -> None:
    # The binary form of jsonb is a version byte, 1, before the text.
    await connection.set_type_codec(
        "jsonb", schema="pg_catalog", encoder=b"\x01".__add__, decoder=_without_version, format="binary"
    )


def _without_version(data: bytes) -> bytes:
    return data[1:]
