"""Folding what is cold: a run of the archive's events, laid out for a moment as the table that folds read."""

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

from events.archive import ArchiveError, parquet, read_parquet
from events.ranges import ColdPartition, Segment
from events.thaw import lay_out
from projections.database import Connection

# Folds look at the first event of a stream as well, wherever it is.
_FIRST_ONES: Final = """
INSERT INTO pg_temp.events
SELECT e.* FROM folding.events e
 WHERE e.position IN (SELECT s.first_pos FROM streams s
                       WHERE s.first_pos <= $1 AND s.id IN (SELECT t.stream_id FROM pg_temp.events t))
"""


def demand_files(partitions: Iterable[ColdPartition], archive: Path | None) -> None:
    """Make sure that files are there and can be read, before anything is made for it.

    Raises:
        ArchiveError: one is not, or Parquet cannot be read here.
    """
    for cold in partitions:
        if archive is None or not (archive / cold.file).is_file():
            raise ArchiveError(
                f"events {max(cold.first, 1)} to {cold.end - 1} are in the archive, which is not at hand"
            )
        parquet()


@asynccontextmanager
async def laid_out(connection: Connection, segment: Segment, archive: Path | None) -> AsyncIterator[None]:
    """Let there be a temporary table `events` with the events of a cold segment, and the first ones of their streams.

    For a connection in a transaction whose search path leads to the ledger. What the table takes of the disk is given
    back at the block's end; it is in no log and no backup.

    Raises:
        ArchiveError: the file cannot be read.
        ValueError: the segment is not cold.
    """
    if segment.cold is None or archive is None:
        raise ValueError("the segment is not cold, or there is no archive: see `demand_files`")
    await connection.execute("CREATE TEMPORARY TABLE events (LIKE events INCLUDING INDEXES) ON COMMIT DROP")
    source = read_parquet(archive / segment.cold.file, after=segment.after, upto=segment.upto)
    await lay_out(connection, "events", source, schema="pg_temp")
    await connection.execute(_FIRST_ONES, segment.after)
    await connection.execute("ANALYZE pg_temp.events")
    yield
    await connection.execute("DROP TABLE pg_temp.events")
