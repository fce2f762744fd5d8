"""The generations of a read model: tables in a schema of their own, and the view that shows one of them."""

from typing import Final

import asyncpg

from projections import bi
from projections.database import Connection
from projections.folding import FOLD_TIMEOUT_S
from projections.projection import Projection, checkpoints

_LOCK: Final = 4712000003
_ENTER: Final = "SELECT set_config('search_path', concat_ws(', ', $1::text, current_setting('search_path')), true)"
_GRANT: Final = """
DO $$
BEGIN
    IF to_regrole('balto_app') IS NOT NULL THEN
        GRANT USAGE ON SCHEMA projections, {schema} TO balto_app;
        GRANT SELECT, UPDATE ON projections.checkpoints TO balto_app;
        GRANT SELECT ON projections.{name}, projections.skips, projections.shadows TO balto_app;
        GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA {schema} TO balto_app;
        GRANT USAGE ON ALL SEQUENCES IN SCHEMA {schema} TO balto_app;
    END IF;
    IF to_regrole('balto_reader') IS NOT NULL THEN
        GRANT USAGE ON SCHEMA projections TO balto_reader;
        GRANT SELECT ON projections.checkpoints, projections.{name} TO balto_reader;
    END IF;
END
$$
"""
_GENERATIONS: Final = """
SELECT substr(nspname, length($1) + 3)::integer AS n FROM pg_namespace WHERE nspname ~ ('^' || $1 || '_g[0-9]+$')
"""


async def install(connection: Connection, projections: list[Projection]) -> list[str]:
    """Make the tables that tell where read models stand, and the first, empty generation of each that has none.

    Returns:
        Names of the read models whose rows were made by other SQL than this program's.
    """
    known = await _known(connection)
    if known is None or any(projection.name not in known for projection in projections):
        async with connection.transaction():
            await connection.execute("SELECT pg_advisory_xact_lock($1)", _LOCK)
            await connection.execute(checkpoints())
            known = await _known(connection) or {}
            for projection in projections:
                if projection.name not in known:
                    await _install(connection, projection)
                    known[projection.name] = projection.definition
    await bi.install_views(connection)
    return [projection.name for projection in projections if known[projection.name] != projection.definition]


async def grant(connection: Connection, projection: Projection, generation: int) -> None:
    """Let the app's role fold into a generation and show it, and the reader's see it, where there are such roles."""
    await connection.execute(_GRANT.format(schema=projection.schema(generation), name=projection.name))
    await bi.guard(connection, projection.schema(generation))


async def grant_all(connection: Connection, projections: list[Projection]) -> None:
    """Grant what the ledger's roles may do with the read models as they are now."""
    rows = await connection.fetch("SELECT name, generation FROM projections.checkpoints")
    shown = {row["name"]: row["generation"] for row in rows}
    async with connection.transaction():
        for projection in projections:
            await grant(connection, projection, shown[projection.name])


async def create(connection: Connection, projection: Projection, generation: int, *, indexes: bool) -> None:
    """Make a generation's schema and empty tables, in a transaction of the caller."""
    await connection.execute(f"CREATE SCHEMA {projection.schema(generation)}")
    await connection.execute(_ENTER, projection.schema(generation))
    await connection.execute(projection.table if indexes else projection.bare_table)


async def add_indexes(connection: Connection, projection: Projection, generation: int) -> None:
    """Make the indexes that only readers need, in a transaction of the caller."""
    await connection.execute(_ENTER, projection.schema(generation))
    if projection.indexes:
        await connection.execute(projection.indexes, timeout=FOLD_TIMEOUT_S)


async def show(connection: Connection, projection: Projection, generation: int) -> None:
    """Let the view of a read model show a generation, in a transaction of the caller.

    Raises:
        asyncpg.DependentObjectsStillExistError: its columns are others, and another view stands on it.
    """
    view = f"projections.{projection.name}"
    create_it = f"VIEW {view} AS SELECT * FROM {projection.schema(generation)}.{projection.name}"  # noqa: S608 - names are checked by Projection
    try:
        # Keeps the grants and the views that others put on it; possible as long as columns are only added at the end.
        async with connection.transaction():
            await connection.execute(f"CREATE OR REPLACE {create_it}")
    except asyncpg.InvalidTableDefinitionError:
        await connection.execute(f"DROP VIEW {view}")  # refused while another view stands on it
        await connection.execute(f"CREATE {create_it}")
    await _describe(connection, projection, generation)
    await bi.show_views(connection, projection.name, projection.schema(generation))


async def sweep(connection: Connection, projection: Projection) -> None:
    """Drop the generations that are neither shown nor being built, each by itself, unless a reader is still at one.

    Raises:
        asyncpg.LockNotAvailableError: one is still being read; a later sweep finds it.
    """
    used = await connection.fetch(
        "SELECT generation FROM projections.checkpoints WHERE name = $1"
        " UNION ALL SELECT generation FROM projections.shadows WHERE name = $1",
        projection.name,
    )
    kept = {row["generation"] for row in used}
    for row in await connection.fetch(_GENERATIONS, projection.name):
        if row["n"] not in kept:
            async with connection.transaction():
                await connection.execute("SET LOCAL lock_timeout TO '2s'")
                await drop(connection, projection, row["n"])


async def drop(connection: Connection, projection: Projection, generation: int) -> None:
    """Drop a generation's schema and all in it, in a transaction of the caller."""
    schema = projection.schema(generation)
    await connection.execute(f"DROP SCHEMA IF EXISTS {schema} CASCADE", timeout=FOLD_TIMEOUT_S)


async def next_generation(connection: Connection, projection: Projection) -> int:
    """Return a number that no generation has."""
    taken = [row["n"] for row in await connection.fetch(_GENERATIONS, projection.name)]
    return max(taken, default=0) + 1


async def _known(connection: Connection) -> dict[str, bytes] | None:
    if await connection.fetchval("SELECT to_regclass('projections.skips')") is None:
        return None
    rows = await connection.fetch("SELECT name, definition FROM projections.checkpoints")
    return {row["name"]: row["definition"] for row in rows}


async def _install(connection: Connection, projection: Projection) -> None:
    async with connection.transaction():
        path = await connection.fetchval("SELECT current_setting('search_path')")
        await create(connection, projection, 1, indexes=True)
        await show(connection, projection, 1)
        await grant(connection, projection, 1)
        await connection.execute("SELECT set_config('search_path', $1, true)", path)
        await connection.execute(
            "INSERT INTO projections.checkpoints (name, definition, generation, position) VALUES ($1, $2, 1, 0)",
            projection.name,
            projection.definition,
        )


async def _describe(connection: Connection, projection: Projection, generation: int) -> None:
    """Give the view the comments of its table and columns, which a view does not take over by itself."""
    rows = await connection.fetch(
        """
        SELECT a.attname::text AS name, d.description AS text
          FROM pg_description d
          LEFT JOIN pg_attribute a ON a.attrelid = d.objoid AND a.attnum = d.objsubid AND d.objsubid > 0
         WHERE d.classoid = 'pg_class'::regclass AND d.objoid = to_regclass($1)
        """,
        f"{projection.schema(generation)}.{projection.name}",
    )
    view = f"projections.{projection.name}"
    comments = []
    for row in rows:
        what = f"VIEW {view}" if row["name"] is None else f'COLUMN {view}."{row["name"]}"'
        text = row["text"].replace("'", "''")
        comments.append(f"COMMENT ON {what} IS '{text}'")
    if comments:
        await connection.execute("; ".join(comments))
