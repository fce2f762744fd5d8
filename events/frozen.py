"""Reading what is cold: rows of the archive's files in the form in which the database gives its own."""

import asyncio
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import asyncpg
from asyncpg.pool import PoolConnectionProxy

from events.archive import ArchiveError, read_parquet
from events.ranges import ColdPartition, ColdRanges, LedgerMovedError, Segment, load_ranges
from events.stored import StoredEvent

type _Connection = asyncpg.Connection | PoolConnectionProxy
type Wanted = Callable[[StoredEvent], bool]

_COLUMNS: Final = {"position": 0, "name": 1, "key_id": 9}
_SPAN: Final = """
SELECT c.stream_id, c.first_position, c.last_position
  FROM cold_streams c JOIN streams s ON s.id = c.stream_id
 WHERE c.first = $1 AND s.name = $2
"""


class ColdRow(tuple[Any, ...]):
    """A row with the columns of `event_columns.sql`, in its order."""

    __slots__ = ()

    def __getitem__(self, index: Any) -> Any:
        """Return a column by number, or one of those that readers ask for by name."""
        return super().__getitem__(_COLUMNS[index] if isinstance(index, str) else index)


class Frozen:
    """Knows what is cold, and reads it from the archive's folder."""

    def __init__(self, folder: Path | None) -> None:
        """Take the folder, without which reading what is cold raises `ArchiveError`."""
        self._folder = folder
        # Of no generation: the first reading notices, and looks.
        self.ranges = ColdRanges(-1, ())

    async def check(self, connection: _Connection) -> None:
        """Make sure that what was just read was divided by what is still so; look again where it is not.

        Raises:
            LedgerMovedError: it is not; read again.
        """
        try:
            await self.ranges.check(connection)
        except LedgerMovedError:
            self.ranges = await load_ranges(connection)
            raise

    def path(self, cold: ColdPartition) -> Path:
        """Return the file of a cold partition.

        Raises:
            ArchiveError: there is no archive.
        """
        if self._folder is None:
            raise ArchiveError(
                f"events {max(cold.first, 1)} to {cold.end - 1} are in the archive, which is not at hand"
            )
        return self._folder / cold.file

    async def read(
        self,
        connection: _Connection,
        segment: Segment,
        wanted: Wanted,
        *,
        limit: int,
        stream: str | None = None,
        backwards: bool = False,
    ) -> list[ColdRow]:
        """Return the first events of a cold segment that are wanted, `limit` at most.

        Args:
            connection: to ask which keys the streams have now: what was erased since is erased here.
            segment: a cold one.
            wanted: tells which.
            limit: how many at most.
            stream: of this one alone.
            backwards: the last ones, the last first.

        Raises:
            ArchiveError: the file cannot be read.
        """
        if segment.cold is None:
            raise ValueError("the segment is not cold")
        after, upto, stream_id = segment.after, segment.upto, None
        if stream is not None:
            span = await connection.fetchrow(_SPAN, segment.cold.first, stream)
            if span is None:
                return []
            stream_id = span["stream_id"]
            after, upto = max(after, span["first_position"] - 1), min(upto, span["last_position"])
        path = self.path(segment.cold)
        events = await asyncio.to_thread(_scan, path, after, upto, stream_id, wanted, limit, backwards=backwards)
        ids = list({event.stream_id for event in events})
        rows = await connection.fetch("SELECT id, key_id FROM streams WHERE id = ANY ($1)", ids)
        keys = {row["id"]: row["key_id"] for row in rows}
        return [_row(event, keys.get(event.stream_id)) for event in events]


def _scan(
    path: Path, after: int, upto: int, stream_id: int | None, wanted: Wanted, limit: int, *, backwards: bool
) -> list[StoredEvent]:
    found: list[StoredEvent] = []
    for group in read_parquet(path, after=after, upto=upto, stream_id=stream_id, backwards=backwards):
        found += filter(wanted, group)
        if len(found) >= limit:
            break
    return found[:limit]


def pick(positions: Iterable[int]) -> Wanted:
    """Want the events at these positions."""
    chosen = frozenset(positions)
    return lambda event: event.position in chosen


def _row(event: StoredEvent, key_id: UUID | None) -> ColdRow:
    return ColdRow(
        (
            event.position,
            event.stream,
            event.stream_position,
            event.tenant,
            event.event_id,
            event.type,
            event.schema_version,
            event.data.encode(),
            event.sealed,
            key_id,
            event.occurred_at,
            event.recorded_at,
            event.elapsed_us,
            event.correlation_id,
            event.causation_id,
        )
    )
