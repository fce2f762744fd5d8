"""Checking read models: each is folded once more from all events, and its rows compared with those that are shown."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import asyncpg

from projections.database import Connection, translated
from projections.folding import FOLD_TIMEOUT_S, Folding, UnfoldableError
from projections.projection import Projection
from projections.shadows import BATCH, Told
from projections.skips import skipped_after

_CHECKPOINT: Final = "SELECT * FROM projections.checkpoints WHERE name = $1"
_TABLES: Final = """
SELECT relname::text AS name FROM pg_class
 WHERE relnamespace = $1::text::regnamespace AND relkind = 'r'
 ORDER BY relname
"""
# As text every byte counts: 1.0 and 1.00 are equal as numbers.
_COMPARE: Final = """
WITH shown AS (SELECT t::text AS line FROM {schema}.{table} t),
     folded AS (SELECT t::text AS line FROM pg_temp.{table} t)
SELECT (SELECT count(*) FROM shown) AS rows,
       (SELECT count(*) FROM (TABLE folded EXCEPT ALL TABLE shown) m) AS missing,
       (SELECT count(*) FROM (TABLE shown EXCEPT ALL TABLE folded) e) AS extra
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """A read model beside its rebuild."""

    name: str
    position: int
    """The last event that is in both."""
    rows: int
    """That are shown, in all of its tables."""
    missing: int
    """Rows of the rebuild that are not shown, or are other than they should be."""
    extra: int
    """Rows shown that the rebuild has not, or has otherwise."""
    skipped: int
    """Events that are left out of both on purpose."""
    not_compared: str | None = None
    """Why there is nothing to compare it with; None where it was compared."""

    @property
    def sound(self) -> bool:
        """Whether both hold the same rows, byte for byte."""
        return self.not_compared is None and not self.missing and not self.extra


async def compare(
    pool: asyncpg.Pool, projections: Iterable[Projection], *, archive: Path | None, told: Told | None = None
) -> list[Comparison]:
    """Fold all events once more and compare each read model with what comes of it, as it is at that moment.

    What is folded is temporary: readers and the live projector notice nothing but, at the end of each, a wait as long
    as comparing its rows takes.

    Args:
        pool: connections to the database, of a role that may make temporary tables.
        projections: what to compare.
        archive: the folder of the files of what is cold.
        told: told of the progress, over all of them.

    Raises:
        ArchiveError: what is cold cannot be read.
        StoreUnavailableError: the database is away.
    """
    with translated():
        compared: list[Comparison] = []
        for number, projection in enumerate(chosen := list(projections)):

            def moved(done: int, of: int, before: int = number) -> None:
                if told is not None:
                    told(before * of + done, len(chosen) * of)

            async with pool.acquire() as connection:
                transaction = connection.transaction()
                await transaction.start()
                try:
                    compared.append(await _compare_one(connection, projection, archive, moved))
                finally:
                    await transaction.rollback()
        return compared


async def _compare_one(connection: Connection, projection: Projection, archive: Path | None, told: Told) -> Comparison:
    checkpoint = await connection.fetchrow(_CHECKPOINT, projection.name)
    if checkpoint is None or checkpoint["definition"] != projection.definition:
        return _nothing(projection, "its rows were made by other SQL than this program's: rebuild it")
    folding = await Folding.begin(connection, archive)
    await connection.execute("SELECT set_config('search_path', 'pg_temp, ' || current_setting('search_path'), true)")
    await connection.execute(projection.bare_table)
    skipped = await skipped_after(connection, projection.name, 0)
    position = 0
    try:
        for upto in _stages(checkpoint["position"]):
            await folding.fold(projection, "pg_temp", position, upto, skipped=skipped)
            position = upto
            told(position, checkpoint["position"])
        # From here on it stands still.
        checkpoint = await connection.fetchrow(f"{_CHECKPOINT} FOR UPDATE", projection.name, timeout=FOLD_TIMEOUT_S)
        if checkpoint is None or checkpoint["definition"] != projection.definition:
            return _nothing(projection, "it was rebuilt by other SQL meanwhile")
        skipped = await skipped_after(connection, projection.name, 0)
        await folding.fold(projection, "pg_temp", position, checkpoint["position"], skipped=skipped)
    except UnfoldableError as error:
        return _nothing(projection, f"events {error.after + 1} to {error.upto} do not fold: {error.reason}")
    schema = projection.schema(checkpoint["generation"])
    rows = missing = extra = 0
    for table in await connection.fetch(_TABLES, schema):
        query = _COMPARE.format(schema=schema, table=table["name"])
        (found,) = await connection.fetch(query, timeout=FOLD_TIMEOUT_S)
        rows, missing, extra = rows + found["rows"], missing + found["missing"], extra + found["extra"]
    return Comparison(
        name=projection.name,
        position=checkpoint["position"],
        rows=rows,
        missing=missing,
        extra=extra,
        skipped=len([p for p in skipped if p <= checkpoint["position"]]),
    )


def _stages(position: int) -> list[int]:
    return [*range(BATCH, position, BATCH), position] if position else []


def _nothing(projection: Projection, why: str) -> Comparison:
    return Comparison(name=projection.name, position=0, rows=0, missing=0, extra=0, skipped=0, not_compared=why)
