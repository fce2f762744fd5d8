"""Folding: a run of events into the tables of one generation of a read model, skipped ones left out."""

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Final, Self

import asyncpg

from events.ranges import ColdRanges, pinned_ranges
from projections.cold import demand_files, laid_out
from projections.database import Connection, describe, passes
from projections.projection import Projection, reads

FOLD_TIMEOUT_S: Final = 600.0
"""Seconds that one statement of a fold may take: a rebuild reads a whole ledger."""
# Plans made for any run would suit none; sorting a run must not go to the disk. Rows and checkpoint are lost together,
# then folded again: nothing is gained by waiting until they are durable.
_BEGIN: Final = """
SELECT current_setting('search_path') AS path,
       set_config('plan_cache_mode', 'force_custom_plan', true), set_config('enable_seqscan', 'off', true),
       set_config('work_mem', '64MB', true), set_config('jit', 'off', true),
       set_config('synchronous_commit', 'off', true)
"""
# A few events are looked up by their positions and all else by keys: statistics that are behind a growing ledger would
# have the planner read all streams for them. For many events, joining by key is what takes the time.
_ENTER: Final = """
SELECT set_config('search_path', $1, true), set_config('enable_hashjoin', $2, true),
       set_config('enable_mergejoin', $2, true)
"""
_MANY: Final = 10_000
_PRESENT: Final = "SELECT count(*) AS events FROM events WHERE position > $1 AND position <= $2"
_PRESENT_BY_TYPE: Final = """
SELECT type, count(*) AS events FROM events WHERE position > $1 AND position <= $2 GROUP BY type
"""


class UnfoldableError(Exception):
    """A run of events could not be folded. The reason quotes nothing of what they hold."""

    def __init__(self, after: int, upto: int, reason: str) -> None:
        super().__init__(f"events {after + 1} to {upto}: {reason}")
        self.after = after
        self.upto = upto
        self.reason = reason


class Folding:
    """What the folds of one transaction share: what is cold, where names lead, what is in a run."""

    def __init__(self, connection: Connection, archive: Path | None, ranges: ColdRanges, path: str) -> None:
        self._connection = connection
        self._archive = archive
        self._ranges = ranges
        self._path = path
        self._types: dict[tuple[int, int], frozenset[str] | None] = {}

    @classmethod
    async def begin(cls, connection: Connection, archive: Path | None) -> Self:
        """Prepare a transaction of the caller for folding: from here on names in it lead elsewhere.

        Args:
            connection: in a transaction.
            archive: the folder of the files of what is cold.
        """
        ranges = await pinned_ranges(connection)
        begun = await connection.fetchrow(_BEGIN)
        return cls(connection, archive, ranges, "" if begun is None else begun["path"])

    async def fold(
        self, projection: Projection, schema: str, after: int, upto: int, *, skipped: Sequence[int] = ()
    ) -> None:
        """Fold the events after a position up to and including another; what is cold is read from its files.

        Args:
            projection: what folds.
            schema: where its tables are.
            after: the last event that is in them already.
            upto: the last event to fold.
            skipped: positions to leave out, in order; others than those of the run may be among them.

        Raises:
            UnfoldableError: an event is missing, or the SQL cannot take one. The transaction is of no use then.
            ArchiveError: what is cold cannot be read; the transaction is of no use either.
        """
        segments = self._ranges.segments(after, upto)
        demand_files((s.cold for s in segments if s.cold is not None), self._archive)
        many = upto - after > _MANY
        for segment in segments:
            runs = pieces(segment.after, segment.upto, skipped)
            if segment.cold is not None:
                await self._enter(many=many)
                async with laid_out(self._connection, segment, self._archive):
                    await self._enter(schema, "pg_temp", many=many)
                    await self._fold(projection, runs)
                self._types.clear()
            else:
                await self._enter(schema, *(("folding",) if self._ranges.partitions else ()), many=many)
                await self._fold(projection, runs)

    async def _enter(self, *schemas: str, many: bool) -> None:
        # The server plans a prepared statement anew when the path has changed, hence takes the table that is meant.
        path = ", ".join(filter(None, (*schemas, self._path)))
        await self._connection.execute(_ENTER, path, "on" if many else "off")

    async def _fold(self, projection: Projection, runs: Sequence[tuple[int, int]]) -> None:
        for after, upto in runs:
            types = await self._types_of(after, upto)
            try:
                for statement in projection.folds:
                    wanted = reads(statement)
                    if types is None or wanted is None or wanted & types:
                        await self._connection.execute(statement, after, upto, timeout=FOLD_TIMEOUT_S)
            except asyncpg.PostgresError as error:
                if passes(error):
                    raise
                raise UnfoldableError(after, upto, describe(error)) from None

    async def _types_of(self, after: int, upto: int) -> frozenset[str] | None:
        """Make sure that no event of a run is missing; return the types of its events, None for a long one."""
        if (after, upto) not in self._types:
            query = _PRESENT if upto - after > _MANY else _PRESENT_BY_TYPE
            found = await self._connection.fetch(query, after, upto, timeout=FOLD_TIMEOUT_S)
            if sum(row["events"] for row in found) != upto - after:
                raise UnfoldableError(after, upto, "an event is missing from the ledger")
            few = query is _PRESENT_BY_TYPE
            self._types[after, upto] = frozenset(row["type"] for row in found) if few else None
        return self._types[after, upto]


def pieces(after: int, upto: int, skipped: Sequence[int]) -> list[tuple[int, int]]:
    """Divide the run after a position up to another into what lies between the skipped positions."""
    borders = [after, *(position for position in skipped if after < position <= upto), upto + 1]
    between = [(left, right - 1) for left, right in pairwise(borders)]
    return [(left, right) for left, right in between if left < right]
