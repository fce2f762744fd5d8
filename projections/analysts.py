"""Logins of analysts: roles of the database that see the rows of some tenants in schema `bi`. For the owner alone."""

import base64
import hashlib
import hmac
import os
import re
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import asyncpg

from events.store import StoreError
from projections.bi import ANALYST
from projections.database import describe, passes, translated

STATEMENT_TIMEOUT: Final = "60s"
_CONNECTIONS: Final = 8
_ITERATIONS: Final = 4096
_LOGIN: Final = re.compile(r"[a-z][a-z0-9_]{0,62}")
_SETTINGS: Final = {
    "statement_timeout": STATEMENT_TIMEOUT,
    "idle_in_transaction_session_timeout": "10min",
    "default_transaction_read_only": "on",
    "search_path": "bi",
    "TimeZone": "UTC",
}
_IS_ANALYST: Final = """
SELECT r.rolsuper OR r.rolbypassrls OR r.rolcreaterole OR NOT pg_has_role(r.oid, 'balto_analyst', 'MEMBER')
       OR EXISTS (SELECT FROM pg_auth_members m WHERE m.member = r.oid AND m.roleid <> 'balto_analyst'::regrole)
       AS otherwise
  FROM pg_roles r WHERE r.rolname = $1
"""
_END_SESSIONS: Final = "SELECT pg_terminate_backend(pid, 2000) FROM pg_stat_activity WHERE usename = $1"


class AnalystError(StoreError):
    """A login cannot be an analyst's, and why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Analyst:
    """A login and a tenant whose rows it sees."""

    login: str
    tenant: str
    granted_at: datetime


async def grant_analyst(dsn: str, tenant: str, login: str, *, new_password: bool = False) -> str | None:
    """Let a login see a tenant's rows, beside those that it sees already; make the login if there is none.

    Args:
        dsn: address of the database as its owner, who may create roles.
        tenant: code of a client.
        login: lower-case letters, digits and underscores.
        new_password: give a login that is there another password.

    Returns:
        The new password, which is nowhere kept; None for a login that keeps its own.

    Raises:
        AnalystError: there is no such client, or the login is somebody else's.
        StoreError: the owner may not create roles.
        StoreUnavailableError: the database is away.
    """
    if not _LOGIN.fullmatch(login):
        raise AnalystError("a login is made of lower-case letters, digits and underscores")
    password = None
    async with _owner(dsn) as connection, connection.transaction():
        if not await connection.fetchval("SELECT EXISTS (SELECT FROM streams WHERE name = $1)", f"client-{tenant}"):
            raise AnalystError("there is no such client (`balto counters list` names them)")
        role = await connection.fetchrow(_IS_ANALYST, login)
        if role is not None and role["otherwise"]:
            raise AnalystError(f"the role {login} is there already, and no analyst's")
        if role is None:
            await _define(connection, f"CREATE ROLE %I LOGIN CONNECTION LIMIT {_CONNECTIONS} IN ROLE {ANALYST}", login)
            for name, value in _SETTINGS.items():
                await _define(connection, f"ALTER ROLE %I SET {name} = %L", login, value)
        else:
            await _define(connection, "ALTER ROLE %I LOGIN", login)  # revoked, and could not be dropped
        if role is None or new_password:
            password = secrets.token_urlsafe(24)
            await _define(connection, "ALTER ROLE %I PASSWORD %L", login, scram_verifier(password))
        await connection.execute(
            "INSERT INTO bi.analysts (login, tenant) VALUES ($1, $2) ON CONFLICT DO NOTHING", login, tenant
        )
    return password


async def revoke_analyst(dsn: str, login: str, tenant: str | None = None) -> bool:
    """Take a tenant, or all, from a login, from its next statement on; one that is left with none is dropped.

    What is taken is taken even where the drop is refused: such a login cannot log in any more, and revoking it once
    more drops it when nothing is in the way.

    Returns:
        Whether the login was dropped.

    Raises:
        AnalystError: it has none of these; or it has none any more, but its role could not be dropped.
        StoreUnavailableError: the database is away.
    """
    async with _owner(dsn) as connection:
        async with connection.transaction():
            gone = await connection.fetch(
                "DELETE FROM bi.analysts WHERE login = $1 AND ($2::text IS NULL OR tenant = $2) RETURNING tenant",
                login,
                tenant,
            )
            left = await connection.fetchval("SELECT EXISTS (SELECT FROM bi.analysts WHERE login = $1)", login)
            # Of no tenant and still there: its role could not be dropped the last time.
            role = None if left else await connection.fetchrow(_IS_ANALYST, login)
            shut = role is not None and bool(gone or not role["otherwise"])
            if not gone and not (shut and tenant is None):
                raise AnalystError(f"{login} sees no such rows (`balto bi list` shows who does)")
            if shut:
                await _define(connection, "ALTER ROLE %I NOLOGIN", login)
        if shut:
            await _drop(connection, login)
        return not left


async def list_analysts(dsn: str) -> list[Analyst]:
    """Return who sees what, by login and tenant.

    Raises:
        StoreUnavailableError: the database is away.
    """
    async with _owner(dsn) as connection:
        rows = await connection.fetch("SELECT login, tenant, granted_at FROM bi.analysts ORDER BY login, tenant")
    return [Analyst(**row) for row in rows]


def scram_verifier(password: str, salt: bytes | None = None) -> str:
    """Return what PostgreSQL keeps of a password in ASCII, so that the password itself reaches no log of the server.

    SCRAM-SHA-256, RFC 5802 and RFC 7677, in the form `SCRAM-SHA-256$ITERATIONS:SALT$STORED_KEY:SERVER_KEY`.
    """
    salt = os.urandom(16) if salt is None else salt
    salted = hashlib.pbkdf2_hmac("sha256", password.encode("ascii"), salt, _ITERATIONS)
    stored = hashlib.sha256(hmac.digest(salted, b"Client Key", "sha256")).digest()
    server = hmac.digest(salted, b"Server Key", "sha256")
    salt64, stored64, server64 = (base64.b64encode(part).decode() for part in (salt, stored, server))
    return f"SCRAM-SHA-256${_ITERATIONS}:{salt64}${stored64}:{server64}"


async def _define(connection: asyncpg.Connection, pattern: str, *values: str) -> None:
    """Run a statement that takes no arguments; the server quotes what stands for %I and %L."""
    text = await connection.fetchval("SELECT format($1, VARIADIC $2::text[])", pattern, list(values))
    await connection.execute(text)


async def _drop(connection: asyncpg.Connection, login: str) -> None:
    """Drop a role that logs in no more, with what it made (temporary tables, large objects) and its sessions."""
    try:
        if await connection.fetchval("SELECT pg_has_role($1::name, 'USAGE')", login):
            await connection.fetch(_END_SESSIONS, login)
            await _define(connection, "DROP OWNED BY %I", login)
        await _define(connection, "DROP ROLE %I", login)
    except asyncpg.PostgresError as error:
        if passes(error) and not isinstance(error, asyncpg.ObjectInUseError):
            raise
        raise AnalystError(
            f"{login} sees no rows and cannot log in any more, but the role could not be dropped: {describe(error)}"
        ) from None


@asynccontextmanager
async def _owner(dsn: str) -> AsyncIterator[asyncpg.Connection]:
    with translated():
        connection = await asyncpg.connect(dsn, server_settings={"application_name": "balto bi"})
        try:
            yield connection
        finally:
            await connection.close()
