"""Analysts' logins: made, taken back, dropped, and what a login alone opens."""

from uuid import uuid4

import asyncpg
import pytest

from projections.analysts import AnalystError, grant_analyst, list_analysts, revoke_analyst, scram_verifier
from projections.projector import Projector
from tests.integration.projections.test_bi import ONE, OTHER, analyst, filled, login, tenants
from tests.postgres import an_embedded_server

__all__ = ["analyst", "filled", "login"]  # fixtures


async def test_a_chains_analyst_sees_several_clients_until_they_are_taken_back(
    analyst: asyncpg.Connection, login: str, postgres_url: str
) -> None:
    assert await grant_analyst(postgres_url, OTHER, login) is None
    assert await tenants(analyst, "sessions_v1") == {ONE, OTHER}
    assert [(row.login, row.tenant) for row in await list_analysts(postgres_url)] == [(login, ONE), (login, OTHER)]
    assert not await revoke_analyst(postgres_url, login, ONE)
    assert await tenants(analyst, "sessions_v1") == {OTHER}
    assert await revoke_analyst(postgres_url, login)
    with pytest.raises(asyncpg.InvalidAuthorizationSpecificationError):
        await asyncpg.connect(postgres_url.replace("user=balto", f"user={login}"))


async def test_a_login_that_made_something_is_revoked_with_it_and_its_sessions_end(
    analyst: asyncpg.Connection, login: str, filled: Projector, postgres_url: str
) -> None:
    await analyst.execute("SET default_transaction_read_only = off")
    made = await analyst.fetchval("SELECT lo_create(0)")
    assert await revoke_analyst(postgres_url, login)
    assert await filled.pool.fetchval("SELECT count(*) FROM pg_largeobject_metadata WHERE oid = $1", made) == 0
    with pytest.raises((asyncpg.PostgresConnectionError, asyncpg.AdminShutdownError, asyncpg.InterfaceError)):
        await tenants(analyst, "sessions_v1")


async def test_a_login_that_cannot_be_dropped_sees_nothing_and_is_dropped_later(
    analyst: asyncpg.Connection, login: str, postgres_url: str
) -> None:
    owner = await asyncpg.connect(postgres_url)
    other = f"other_{uuid4().hex}"
    await owner.execute(f"CREATE DATABASE {other} OWNER {login}")
    try:
        with pytest.raises(AnalystError, match="could not be dropped"):
            await revoke_analyst(postgres_url, login)
        assert await list_analysts(postgres_url) == []
        with pytest.raises(asyncpg.InvalidAuthorizationSpecificationError):
            await asyncpg.connect(postgres_url.replace("user=balto", f"user={login}"))
        assert await grant_analyst(postgres_url, OTHER, login) is None
        again = await asyncpg.connect(postgres_url.replace("user=balto", f"user={login}"))
        assert await tenants(again, "sessions_v1") == {OTHER}
        await again.close()
        with pytest.raises(AnalystError, match="could not be dropped"):
            await revoke_analyst(postgres_url, login, OTHER)
    finally:
        await owner.execute(f"DROP DATABASE {other}")
        await owner.close()
    assert await revoke_analyst(postgres_url, login)
    with pytest.raises(AnalystError, match="sees no such rows"):
        await revoke_analyst(postgres_url, login)


async def test_the_password_opens_the_login_and_no_other_does(tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("scram")
    server = an_embedded_server(folder)
    await server.start()
    try:
        owner = await asyncpg.connect(server.dsn)
        verifier = scram_verifier("a right password")
        await owner.execute(f"CREATE ROLE someone LOGIN PASSWORD '{verifier}'")
        assert await owner.fetchval("SELECT rolpassword FROM pg_authid WHERE rolname = 'someone'") == verifier
        rules = await owner.fetchval("SHOW hba_file")
        await owner.execute(
            f"COPY (SELECT 'local all someone scram-sha-256' UNION ALL SELECT 'local all all trust') TO '{rules}'"
        )
        await owner.execute("SELECT pg_reload_conf()")
        address = server.dsn.replace("user=balto", "user=someone")
        await (await asyncpg.connect(address, password="a right password")).close()
        with pytest.raises(asyncpg.InvalidPasswordError):
            await asyncpg.connect(address, password="a wrong password")
        await owner.close()
    finally:
        await server.stop()
