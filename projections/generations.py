"""The generations of a read model: rows are rebuilt beside the old ones, and the view changes over at the end."""

from collections.abc import Callable
from pathlib import Path
from typing import Final

import asyncpg

from events.ranges import pinned_ranges
from projections import bi
from projections.cold import demand_files, laid_out
from projections.database import Connection, describe, passes
from projections.projection import Projection, checkpoints

FOLD_TIMEOUT_S: Final = 600.0
"""Seconds that one statement of a fold may take: a rebuild reads a whole ledger."""
_LOCK: Final = 4712000003
_REBUILD_BATCH: Final = 50_000
# A run of events is looked up by its positions and all else by keys. Statistics that are behind a growing ledger, or
# a plan made for any run, would have the planner read all streams for a handful of events.
_ENTER: Final = """
SELECT set_config('search_path', concat_ws(', ', $1::text, current_setting('search_path')), true),
       set_config('plan_cache_mode', 'force_custom_plan', true), set_config('enable_seqscan', 'off', true),
       set_config('enable_hashjoin', 'off', true), set_config('enable_mergejoin', 'off', true)
"""


Told = Callable[[int, int], None]
"""Takes how many events are folded, and of how many."""


class UnfoldableError(Exception):
    """A run of events could not be folded. The reason quotes nothing of what they hold."""

    def __init__(self, after: int, upto: int, reason: str) -> None:
        super().__init__(f"events {after + 1} to {upto}: {reason}")
        self.after = after
        self.upto = upto
        self.reason = reason


async def fold(
    connection: Connection, projection: Projection, generation: int, after: int, upto: int, archive: Path | None
) -> None:
    """Fold the events after a position up to and including another into a generation, in a transaction of the caller.

    What is cold is read from the archive's files.

    Raises:
        UnfoldableError: an event of the run is missing, or the SQL cannot take it. The transaction is of no use then.
        ArchiveError: what is cold cannot be read; the transaction is of no use either.
    """
    ranges = await pinned_ranges(connection)
    demand_files((s.cold for s in ranges.segments(after, upto) if s.cold is not None), archive)
    for segment in ranges.segments(after, upto):
        if segment.cold is not None:
            await _enter(connection, "")
            async with laid_out(connection, segment, archive):
                await _enter(connection, projection.schema(generation), "pg_temp")
                await _fold(connection, projection, segment.after, segment.upto)
        else:
            among_cold = ("folding",) if ranges.partitions else ()
            await _enter(connection, projection.schema(generation), *among_cold)
            await _fold(connection, projection, segment.after, segment.upto)


async def _fold(connection: Connection, projection: Projection, after: int, upto: int) -> None:
    present = await connection.fetchval(
        "SELECT count(*) FROM events WHERE position > $1 AND position <= $2", after, upto
    )
    if present != upto - after:
        raise UnfoldableError(after, upto, "an event is missing from the ledger")
    try:
        for statement in projection.folds:
            await connection.execute(statement, after, upto, timeout=FOLD_TIMEOUT_S)
    except asyncpg.PostgresError as error:
        if passes(error):
            raise
        raise UnfoldableError(after, upto, describe(error)) from None


async def _enter(connection: Connection, *schemas: str) -> None:
    """Put schemas first on the search path, and plan for folding, for the rest of the transaction.

    The server plans a prepared statement anew when the path has changed, hence takes the table that is meant.
    """
    await connection.execute("SET LOCAL search_path TO DEFAULT")
    await connection.execute(_ENTER, ", ".join(filter(None, schemas)) or None)


async def install(connection: Connection, projections: list[Projection]) -> list[str]:
    """Make the table of checkpoints and the first, empty generation of each read model that has none.

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


_GRANT: Final = """
DO $$
BEGIN
    IF to_regrole('balto_app') IS NOT NULL THEN
        GRANT USAGE ON SCHEMA projections, {schema} TO balto_app;
        GRANT SELECT, UPDATE ON projections.checkpoints TO balto_app;
        GRANT SELECT ON projections.{name} TO balto_app;
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


async def refold(
    connection: Connection, projection: Projection, head: int, archive: Path | None, told: Told | None = None
) -> None:
    """Build a new generation of all events up to `head` and show it instead of the old one.

    For a transaction that holds the lock on the checkpoint: readers see the old rows until it commits.

    Raises:
        UnfoldableError: naming one event, or why the new generation cannot take the old one's place.
        ArchiveError: what is cold cannot be read.
    """
    old: int = await connection.fetchval(
        "SELECT generation FROM projections.checkpoints WHERE name = $1", projection.name
    )
    demand_files((await pinned_ranges(connection)).partitions, archive)
    try:
        await _replace(connection, projection, old, head, archive, told)
    except asyncpg.PostgresError as error:
        if passes(error):
            raise
        match error:
            case asyncpg.DependentObjectsStillExistError():
                reason = f"another view stands on projections.{projection.name}; drop it first"
            case asyncpg.InsufficientPrivilegeError():
                reason = "only the database's owner can build it anew (`balto store migrate`)"
            case _:
                reason = describe(error)
        raise UnfoldableError(max(head - 1, 0), head, reason) from None


async def _replace(
    connection: Connection, projection: Projection, old: int, head: int, archive: Path | None, told: Told | None
) -> None:
    async with connection.transaction():
        await _create(connection, projection, old + 1)
        await _fold_all(connection, projection, old + 1, head, archive, told)
        await _show(connection, projection, old + 1)
        await grant(connection, projection, old + 1)
        await connection.execute(f"DROP SCHEMA IF EXISTS {projection.schema(old)} CASCADE")
        await connection.execute(
            "UPDATE projections.checkpoints SET definition = $2, generation = $3, position = $4, stopped_at = NULL,"
            " reason = NULL, updated_at = clock_timestamp() WHERE name = $1",
            projection.name,
            projection.definition,
            old + 1,
            head,
        )


async def _known(connection: Connection) -> dict[str, bytes] | None:
    if await connection.fetchval("SELECT to_regclass('projections.checkpoints')") is None:
        return None
    rows = await connection.fetch("SELECT name, definition FROM projections.checkpoints")
    return {row["name"]: row["definition"] for row in rows}


async def _install(connection: Connection, projection: Projection) -> None:
    async with connection.transaction():
        path = await connection.fetchval("SELECT current_setting('search_path')")
        await _create(connection, projection, 1)
        await _show(connection, projection, 1)
        await grant(connection, projection, 1)
        await connection.execute("SELECT set_config('search_path', $1, true)", path)
        await connection.execute(
            "INSERT INTO projections.checkpoints (name, definition, generation, position) VALUES ($1, $2, 1, 0)",
            projection.name,
            projection.definition,
        )


async def _create(connection: Connection, projection: Projection, generation: int) -> None:
    await connection.execute(f"CREATE SCHEMA {projection.schema(generation)}")
    await _enter(connection, projection.schema(generation))
    await connection.execute(projection.table)


async def _fold_all(
    connection: Connection, projection: Projection, generation: int, head: int, archive: Path | None, told: Told | None
) -> None:
    position, size = 0, _REBUILD_BATCH
    while position < head:
        upto = min(position + size, head)
        try:
            async with connection.transaction():
                await fold(connection, projection, generation, position, upto, archive)
        except UnfoldableError:
            if upto - position == 1:
                raise
            size = (upto - position) // 2
        else:
            position = upto
            if told is not None:
                told(position, head)


async def _show(connection: Connection, projection: Projection, generation: int) -> None:
    view = f"projections.{projection.name}"
    create = f"VIEW {view} AS SELECT * FROM {projection.schema(generation)}.{projection.name}"  # noqa: S608 - names are checked by Projection
    try:
        # Keeps the grants and the views that others put on it; possible as long as columns are only added at the end.
        async with connection.transaction():
            await connection.execute(f"CREATE OR REPLACE {create}")
    except asyncpg.InvalidTableDefinitionError:
        await connection.execute(f"DROP VIEW {view}")  # refused while another view stands on it
        await connection.execute(f"CREATE {create}")
    await bi.show_views(connection, projection.name, projection.schema(generation))
