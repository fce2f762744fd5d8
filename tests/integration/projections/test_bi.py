"""Schema `bi`: its views keep their shape through generations, and an analyst sees only rows of their own tenants."""

from collections.abc import AsyncIterator
from dataclasses import replace
from uuid import uuid4

import asyncpg
import pytest

from events.postgres import PostgresStore
from projections.analysts import AnalystError, grant_analyst, revoke_analyst
from projections.bi import bi_views
from projections.projection import standard
from projections.projector import Projector
from tests.integration.projections.days import day
from tests.integration.projections.script import Ledger

ONE, OTHER = "100000", "200000"


@pytest.fixture
async def filled(ledger: Ledger, projector: Projector) -> Projector:
    """Read models of a day at two clients."""
    for stream, tenant, us, event in day(7, sessions=6):
        await ledger.append(stream, tenant, event, at_us=us)
    await projector.catch_up()
    return projector


@pytest.fixture
async def login(filled: Projector, postgres_url: str) -> AsyncIterator[str]:
    """The name of a login of one client's analyst."""
    name = f"analyst_{uuid4().hex}"
    assert await grant_analyst(postgres_url, ONE, name)
    yield name
    owner = await asyncpg.connect(postgres_url)
    await owner.execute(f"DROP ROLE IF EXISTS {name}")
    await owner.close()


@pytest.fixture
async def analyst(login: str, postgres_url: str) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(postgres_url.replace("user=balto", f"user={login}"))
    yield connection
    await connection.close()


async def counts(connection: asyncpg.Connection | asyncpg.Pool) -> dict[str, int]:
    return {view.name: await connection.fetchval(f"SELECT count(*) FROM bi.{view.name}") for view in bi_views()}


async def tenants(connection: asyncpg.Connection, view: str) -> set[str]:
    return {row["tenant"] for row in await connection.fetch(f"SELECT tenant FROM bi.{view}")}


async def test_every_read_model_has_a_view_and_every_view_and_column_says_what_it_is(filled: Projector) -> None:
    assert {view.read_model for view in bi_views()} == {projection.name for projection in standard()}
    unsaid = await filled.pool.fetch(
        "SELECT c.relname, a.attname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0"
        " WHERE c.relnamespace = 'bi'::regnamespace AND c.relkind = 'v'"
        " AND (col_description(c.oid, a.attnum) IS NULL OR obj_description(c.oid, 'pg_class') IS NULL)"
    )
    assert unsaid == []


async def test_every_view_names_its_key_and_time_rightly(filled: Projector) -> None:
    for view in bi_views():
        key = ", ".join(view.key)
        doubled = await filled.pool.fetch(f"SELECT FROM bi.{view.name} GROUP BY {key} HAVING count(*) > 1")
        assert doubled == [], view.name
        if view.time is not None:
            await filled.pool.fetch(f"SELECT FROM bi.{view.name} WHERE {view.time} < now()")


async def test_an_analyst_sees_their_tenants_rows_in_every_view_and_no_others(
    analyst: asyncpg.Connection, filled: Projector
) -> None:
    told = set()
    for view in bi_views():
        whole = await filled.pool.fetch(f"SELECT tenant, count(*) AS n FROM bi.{view.name} GROUP BY tenant")
        by_tenant = {row["tenant"]: row["n"] for row in whole}
        assert await tenants(analyst, view.name) <= {ONE}
        assert await analyst.fetchval(f"SELECT count(*) FROM bi.{view.name}") == by_tenant.get(ONE, 0)
        told |= {view.subject} if set(by_tenant) == {ONE, OTHER} else set()
    assert told >= {"phrase_timeline", "phrase_biometrics", "interactions", "sessions", "counters", "clients"}


async def test_no_setting_and_no_role_shows_an_analyst_more(analyst: asyncpg.Connection) -> None:
    before = await counts(analyst)
    for attempt in (
        "SET balto.tenant = '200000'",
        "SET row_security = off",
        "SET ROLE balto_analyst",
        "SET default_transaction_read_only = off",
        "SET search_path = bi, public",
    ):
        await analyst.execute(attempt)
        try:
            assert await counts(analyst) == before, attempt
        except asyncpg.InsufficientPrivilegeError:
            assert attempt == "SET row_security = off"  # refused, rather than shown unfiltered
        await analyst.execute("RESET ALL; RESET ROLE; SET default_transaction_read_only = off")
    for refused in ("SET ROLE balto", "SET ROLE balto_reader", "SET SESSION AUTHORIZATION balto"):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await analyst.execute(refused)


async def test_a_condition_that_tells_what_it_is_shown_is_never_shown_anothers_rows(
    analyst: asyncpg.Connection,
) -> None:
    """A cast that fails quotes its value: it must meet no row that the policy keeps back."""
    await analyst.execute("SET default_transaction_read_only = off")
    await analyst.execute(
        "CREATE FUNCTION pg_temp.tell(t text) RETURNS boolean LANGUAGE plpgsql COST 0.0000001 AS"
        " $$ BEGIN IF t <> '100000' THEN RAISE EXCEPTION 'saw %', t; END IF; RETURN true; END $$"
    )
    for view in bi_views():
        await analyst.fetch(f"SELECT * FROM bi.{view.name} WHERE pg_temp.tell(tenant)")


async def test_an_analyst_reads_nothing_but_views_of_bi(analyst: asyncpg.Connection, filled: Projector) -> None:
    relations = await filled.pool.fetch(
        "SELECT quote_ident(n.nspname) || '.' || quote_ident(c.relname) AS name FROM pg_class c"
        " JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S')"
        " AND n.nspname NOT IN ('pg_catalog', 'information_schema') AND n.nspname NOT LIKE 'pg_toast%'"
        " AND NOT (n.nspname = 'bi' AND c.relkind = 'v')"
    )
    assert len(relations) > 20
    opened = set()
    for row in relations:
        try:
            rows = await analyst.fetch(f"SELECT * FROM {row['name']}")
        except asyncpg.InsufficientPrivilegeError:
            continue
        # A view with the rights of whoever asks needs its table to be open, all of whose columns it may show.
        opened.add(row["name"].partition("_g1.")[2])
        assert {row.get("tenant", row.get("code")) for row in rows} == {ONE}
    assert opened <= {view.read_model for view in bi_views()}


async def test_what_stands_behind_a_view_is_as_closed_as_the_view(
    analyst: asyncpg.Connection, filled: Projector
) -> None:
    schema = await filled.pool.fetchval(
        "SELECT name || '_g' || generation FROM projections.checkpoints WHERE name = 'counters'"
    )
    assert {row["code"] for row in await analyst.fetch(f"SELECT code FROM {schema}.counters")} == {ONE}
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await analyst.fetch(f"SELECT key_sha256 FROM {schema}.counters")


async def test_no_function_runs_as_its_owner_for_an_analyst_but_the_one_that_names_their_tenants(
    analyst: asyncpg.Connection, filled: Projector
) -> None:
    callable_ = await analyst.fetch(
        "SELECT p.proname AS name FROM pg_proc p WHERE p.prosecdef AND p.prorettype <> 'trigger'::regtype"
        " AND p.pronamespace <> 'pg_catalog'::regnamespace AND has_function_privilege(p.oid, 'EXECUTE')"
    )
    assert [row["name"] for row in callable_] == ["tenants"]
    assert await analyst.fetchval("SELECT bi.tenants()") == [ONE]


async def test_an_analyst_changes_nothing(analyst: asyncpg.Connection) -> None:
    await analyst.execute("SET default_transaction_read_only = off")
    for statement in (
        "INSERT INTO bi.analysts (login, tenant) VALUES (session_user, '200000')",
        "UPDATE bi.clients_v1 SET legal_name = ''",
        "DELETE FROM bi.sessions_v1",
        "CREATE VIEW bi.mine AS SELECT 1",
        "CREATE TABLE public.mine (n integer)",
        "CREATE OR REPLACE FUNCTION bi.tenants() RETURNS text[] LANGUAGE sql AS 'SELECT NULL::text[]'",
    ):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await analyst.execute(statement)


async def test_sessions_of_an_analyst_are_read_only_and_of_bounded_length(analyst: asyncpg.Connection) -> None:
    shown = [await analyst.fetchval(f"SHOW {name}") for name in ("statement_timeout", "transaction_read_only")]
    assert shown == ["1min", "on"]
    await analyst.execute("SET statement_timeout = '50ms'")
    with pytest.raises(asyncpg.QueryCanceledError):
        await analyst.fetch("SELECT pg_sleep(5)")


async def test_views_and_rights_survive_a_generation_and_what_others_put_on_them(
    analyst: asyncpg.Connection, filled: Projector, postgres_url: str
) -> None:
    before = await counts(analyst)
    await filled.pool.execute("CREATE VIEW public.of_the_house AS SELECT count(*) AS n FROM bi.phrase_timeline_v1")
    for projection in standard():
        await filled.rebuild(projection.name)
    assert await counts(analyst) == before
    assert await filled.pool.fetchval("SELECT n FROM public.of_the_house") > before["phrase_timeline_v1"]
    newer = [replace(one, table=one.table + "\n-- another definition\n") for one in standard()]
    await Projector(filled.pool, newer).catch_up()
    assert await counts(analyst) == before


async def test_a_database_from_before_gets_its_views_when_it_is_opened(filled: Projector, postgres_url: str) -> None:
    before = await counts(filled.pool)
    await filled.pool.execute("DROP SCHEMA bi CASCADE")
    later = await Projector.connect(postgres_url)
    await later.close()
    assert await counts(filled.pool) == before


async def test_only_a_new_login_of_a_known_client_becomes_an_analyst(filled: Projector, postgres_url: str) -> None:
    for tenant, login in (("999999", "a_login"), (ONE, "balto"), (ONE, "balto_app"), (ONE, 'x"; DROP'), (ONE, "")):
        with pytest.raises(AnalystError):
            await grant_analyst(postgres_url, tenant, login)
    with pytest.raises(AnalystError):
        await revoke_analyst(postgres_url, "a_login")


async def test_the_reader_and_the_app_see_every_tenant(filled: Projector, postgres_url: str) -> None:
    owner = await asyncpg.connect(postgres_url)
    for role in ("balto_reader", "balto_app"):
        name = f"{role}_{uuid4().hex}"
        await owner.execute(f"CREATE ROLE {name} LOGIN IN ROLE {role}")
        connection = await asyncpg.connect(postgres_url.replace("user=balto", f"user={name}"))
        assert await counts(connection) == await counts(owner)
        await connection.close()
        await owner.execute(f"DROP ROLE {name}")
    await owner.close()


async def test_events_of_two_tenants_are_folded_by_the_app_through_the_policies(
    store: PostgresStore, ledger: Ledger, projector: Projector, postgres_url: str
) -> None:
    owner = await asyncpg.connect(postgres_url)
    name = f"app_{uuid4().hex}"
    await owner.execute(f"CREATE ROLE {name} LOGIN IN ROLE balto_app")
    app = await Projector.connect(postgres_url.replace("user=balto", f"user={name}"))
    try:
        for stream, tenant, us, event in day(3):
            await ledger.append(stream, tenant, event, at_us=us)
        assert await app.catch_up() > 0
        assert await tenants(owner, "sessions_v1") == {ONE, OTHER}
    finally:
        await app.close()
        await owner.execute(f"DROP ROLE {name}")
        await owner.close()
