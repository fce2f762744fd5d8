"""What of the ledger is cold: the runs of positions that are in files, and how a reading is divided by them."""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import asyncpg
from asyncpg.pool import PoolConnectionProxy

from events.store import StoreError

_SELECT: Final = """
SELECT c.first, c."end", c.name, c.file, c.events, c.bytes AS size, c.sha256, c.first_recorded_at, c.last_recorded_at,
       c.detached_at, c.dropped_at
  FROM cold_partitions c ORDER BY c.first
"""
_GENERATION: Final = "SELECT generation FROM cold_state"
NOWHERE: Final = (1 << 63) - 1
"""A position that no event comes to."""


class LedgerMovedError(StoreError):
    """What is cold has changed since the reading began; the reader looks again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ColdPartition:
    """A run of positions whose partition is in a file."""

    first: int
    """Its first position; 0, which no event has, for the very first one."""
    end: int
    """One past its last."""
    name: str
    """Of the table that it was."""
    file: str
    events: int
    size: int
    """Bytes of the file."""
    sha256: bytes
    first_recorded_at: datetime
    last_recorded_at: datetime
    detached_at: datetime
    dropped_at: datetime | None
    """When the table was dropped; None while it is still there, detached."""


@dataclass(frozen=True, slots=True)
class Segment:
    """A run of positions after one and up to another, all of them cold or none."""

    after: int
    upto: int
    cold: ColdPartition | None


class ColdRanges:
    """All cold partitions at one moment, in order."""

    def __init__(self, generation: int, partitions: Sequence[ColdPartition]) -> None:
        self.generation = generation
        self.partitions = tuple(partitions)
        self._firsts = [partition.first for partition in partitions]

    def segment(self, after: int, upto: int) -> Segment:
        """Return the first segment of what is after a position up to another."""
        index = bisect_right(self._firsts, after + 1) - 1
        if index >= 0 and after + 1 < self.partitions[index].end:
            cold = self.partitions[index]
            return Segment(after, min(upto, cold.end - 1), cold)
        following = self._firsts[index + 1] if index + 1 < len(self._firsts) else upto + 1
        return Segment(after, min(upto, following - 1), None)

    def last_segment(self, after: int, upto: int) -> Segment:
        """Return the last segment of what is after a position up to another."""
        index = bisect_right(self._firsts, upto) - 1
        if index >= 0 and upto < self.partitions[index].end:
            cold = self.partitions[index]
            return Segment(max(after, cold.first - 1), upto, cold)
        before = self.partitions[index].end - 1 if index >= 0 else 0
        return Segment(max(after, before), upto, None)

    def segments(self, after: int, upto: int) -> list[Segment]:
        """Divide what is after a position up to another."""
        found = []
        while after < upto:
            found.append(self.segment(after, upto))
            after = found[-1].upto
        return found

    async def check(self, connection: asyncpg.Connection | PoolConnectionProxy) -> None:
        """Make sure that what was just read by this connection was not divided by what is no longer so.

        Raises:
            LedgerMovedError: it may have been.
        """
        if await connection.fetchval(_GENERATION) != self.generation:
            raise LedgerMovedError("the ledger's partitions have changed meanwhile")


async def load_ranges(connection: asyncpg.Connection | PoolConnectionProxy) -> ColdRanges:
    """Return what is cold."""
    async with connection.transaction(isolation="repeatable_read", readonly=True):
        generation = await connection.fetchval(_GENERATION)
        return ColdRanges(generation, await list_cold(connection))


async def pinned_ranges(connection: asyncpg.Connection | PoolConnectionProxy) -> ColdRanges:
    """Return what is cold, and let nothing more become so until the connection's transaction ends."""
    await connection.execute("LOCK TABLE events IN ACCESS SHARE MODE")
    generation = await connection.fetchval(_GENERATION)
    return ColdRanges(generation, await list_cold(connection))


async def list_cold(connection: asyncpg.Connection | PoolConnectionProxy) -> list[ColdPartition]:
    """Return the cold partitions, in order."""
    return [ColdPartition(**row) for row in await connection.fetch(_SELECT)]
