"""Schema `bi`: views that keep their shape over the generations shown now, each analyst's rows alone in them."""

import re
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Final

from projections.database import Connection

ANALYST: Final = "balto_analyst"
"""The role that logins of analysts are made in. They see the rows of their tenants, and nothing but views of `bi`."""
_ROLES: Final = (ANALYST, "balto_app", "balto_reader")
_PATIENCE_S: Final = 120.0
"""Seconds to wait for whoever reads a view or a table now: longer than an analyst's statement may take."""
_TENANT: Final = ("tenant", "code")
"""Columns that may hold a row's tenant, the first that there is. Without one, rows are not for analysts."""
_LOCK: Final = 4712000004
_HEADER: Final = re.compile(r"-- (key|time): ([a-z0-9_]+(?:, [a-z0-9_]+)*)")
_REFERENCED: Final = """
SELECT r.ev_class::regclass::text AS view, c.relname AS relation,
       array_agg(DISTINCT quote_ident(a.attname)) AS columns
  FROM pg_rewrite r
  JOIN pg_depend d ON d.classid = 'pg_rewrite'::regclass AND d.objid = r.oid AND d.refclassid = 'pg_class'::regclass
  JOIN pg_class c ON c.oid = d.refobjid AND c.relnamespace = $1::regnamespace
  JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = d.refobjsubid AND a.attnum > 0
 WHERE r.ev_class IN (SELECT oid FROM pg_class WHERE relnamespace = 'bi'::regnamespace)
 GROUP BY r.ev_class, c.relname
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class BiView:
    """A view of schema `bi`: SQL that names tables of its read model without a schema, and comments on all of it."""

    name: str
    """Ends in `_v` and its version: columns are added at the end, or a next version is made."""
    read_model: str
    """The one whose rows it shows."""
    key: tuple[str, ...]
    """Columns that tell a row from all others, in the order that pages go by."""
    time: str | None
    """The column that `since` and `until` mean."""
    sql: str

    @property
    def definition(self) -> bytes:
        """SHA-256 of its SQL and of the schema around it."""
        return sha256(f"{self.sql}\0{_schema()}".encode()).digest()

    @property
    def subject(self) -> str:
        """Its name without the version."""
        return self.name.rpartition("_v")[0]

    @property
    def version(self) -> int:
        """Its version, from 1."""
        return int(self.name.rpartition("_v")[2])


@cache
def bi_views() -> tuple[BiView, ...]:
    """Return the views of the read models that there are, by name and version.

    Raises:
        ValueError: a file does not say the key of its view, or is not named with a version.
    """
    sql = files("projections.sql")
    folders = (folder for folder in sql.joinpath("bi").iterdir() if sql.joinpath(folder.name, "table.sql").is_file())
    found = [_load(folder.name, file) for folder in folders for file in folder.iterdir() if file.name.endswith(".sql")]
    return tuple(sorted(found, key=lambda view: (view.subject, view.version)))


def find_view(name: str) -> BiView | None:
    """Return the view of this name, or the latest version where the name says none; None for no such view."""
    return next((view for view in reversed(bi_views()) if name in (view.name, view.subject)), None)


def _load(read_model: str, file: Traversable) -> BiView:
    sql = file.read_text(encoding="utf-8")
    headers = dict(_HEADER.findall(sql))
    name = file.name.removesuffix(".sql")
    if "key" not in headers or not re.fullmatch(r"[a-z][a-z0-9_]*_v[1-9]\d*", name):
        raise ValueError(f"{read_model}/{file.name} is no view of schema bi")
    return BiView(
        name=name, read_model=read_model, key=tuple(headers["key"].split(", ")), time=headers.get("time"), sql=sql
    )


@cache
def _schema() -> str:
    return files("projections.sql").joinpath("bi", "schema.sql").read_text(encoding="utf-8")


async def install_views(connection: Connection) -> None:
    """Make schema `bi` and those of its views that are not as this program has them, over what is shown now."""
    if not await _outdated(connection):
        return
    async with connection.transaction():
        await connection.execute("SELECT pg_advisory_xact_lock($1)", _LOCK)
        await connection.execute(_schema())
        outdated = {view.read_model for view in await _outdated(connection)}
        for row in await connection.fetch("SELECT name, generation FROM projections.checkpoints ORDER BY name"):
            if row["name"] in outdated:
                schema = f"{row['name']}_g{row['generation']}"
                await show_views(connection, row["name"], schema)
                await guard(connection, schema)


async def _outdated(connection: Connection) -> list[BiView]:
    if await connection.fetchval("SELECT to_regclass('bi.views')") is None:
        return list(bi_views())
    # A view whose read model is not there yet is made with it.
    rows = await connection.fetch("SELECT name, definition FROM bi.views")
    models = await connection.fetch("SELECT name FROM projections.checkpoints")
    made = {row["name"]: row["definition"] for row in rows}
    there = {row["name"] for row in models}
    return [view for view in bi_views() if view.read_model in there and made.get(view.name) != view.definition]


async def show_views(connection: Connection, read_model: str, schema: str) -> None:
    """Let the views of a read model show the generation in a schema, in a transaction of the caller.

    They keep their grants and what stands on them. Where schema `bi` is still to be made, nothing is done.
    """
    if await connection.fetchval("SELECT to_regclass('bi.views')") is None:
        return
    # Whoever brings views up to date meanwhile waits, and then sees which generation is shown.
    await connection.execute("SELECT pg_advisory_xact_lock($1)", _LOCK)
    path = await connection.fetchval("SELECT current_setting('search_path')")
    await connection.execute("SELECT set_config('search_path', $1, true)", schema)
    for view in (view for view in bi_views() if view.read_model == read_model):
        await connection.execute(view.sql, timeout=_PATIENCE_S)
        await connection.execute(
            "INSERT INTO bi.views (name, definition) VALUES ($1, $2)"
            " ON CONFLICT (name) DO UPDATE SET definition = excluded.definition",
            view.name,
            view.definition,
        )
    await connection.execute("SELECT set_config('search_path', $1, true)", path)


async def guard(connection: Connection, schema: str) -> None:
    """Let analysts see their tenants' rows of a generation and nothing else of it, and Balto's own roles all rows.

    The views run with the rights of whoever asks, so the policies hold behind them, and every role gets just the
    columns that a view shows.
    """
    if await connection.fetchval("SELECT to_regnamespace('bi')") is None:
        return
    rows = await connection.fetch("SELECT rolname FROM pg_roles WHERE rolname = ANY ($1::text[])", list(_ROLES))
    present = [role for role in _ROLES if role in {row["rolname"] for row in rows}]
    for role in present:
        await connection.execute(f"GRANT USAGE ON SCHEMA bi, {schema} TO {role}")
        await connection.execute(f"GRANT EXECUTE ON FUNCTION bi.tenants() TO {role}")
    if "balto_app" in present:
        await connection.execute("GRANT SELECT ON bi.views TO balto_app")
    for row in await connection.fetch(_REFERENCED, schema):
        table, columns = f"{schema}.{row['relation']}", ", ".join(row["columns"])
        tenant = await _tenant_column(connection, table)
        for role in present:
            if role == ANALYST and tenant is None:
                continue
            seen = f"{tenant} = ANY ((SELECT bi.tenants())::text[])" if role == ANALYST else "true"
            await _make_policy(connection, table, role, seen)
            await connection.execute(f"GRANT SELECT ({columns}) ON {table} TO {role}")
            await connection.execute(f"GRANT SELECT ON {row['view']} TO {role}")


async def _make_policy(connection: Connection, table: str, role: str, seen: str) -> None:
    """Make a policy where there is none: changing one would wait for everybody who reads the table."""
    found = await connection.fetchrow(
        "SELECT c.relrowsecurity AS enabled, EXISTS (SELECT FROM pg_policy p WHERE p.polrelid = c.oid"
        " AND p.polname = $2) AS made FROM pg_class c WHERE c.oid = $1::regclass",
        table,
        role,
    )
    if found is None or not found["made"]:
        await connection.execute(f"CREATE POLICY {role} ON {table} TO {role} USING ({seen})", timeout=_PATIENCE_S)
    if found is None or not found["enabled"]:
        await connection.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY", timeout=_PATIENCE_S)


async def _tenant_column(connection: Connection, table: str) -> str | None:
    rows = await connection.fetch(
        "SELECT attname FROM pg_attribute WHERE attrelid = $1::regclass AND attname = ANY ($2::text[]) AND attnum > 0",
        table,
        list(_TENANT),
    )
    return min((row["attname"] for row in rows), key=_TENANT.index, default=None)
