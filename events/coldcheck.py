"""Checking the archive: each file against its checksum, its chains against the links that the database kept."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import asyncpg

from events.archive import ArchiveError, check, parquet, read_parquet
from events.cold import seeds
from events.ranges import ColdPartition
from events.stored import ChainCheck

_TIPS: Final = "SELECT stream_id, last_stream_position, last_hash FROM cold_streams WHERE first = $1"


@dataclass(frozen=True, slots=True, kw_only=True)
class ColdFindings:
    """What was found in one cold partition; positions of the first flaws, or None."""

    events: int = 0
    missing: int | None = None
    broken: int | None = None
    misplaced: int | None = None
    fault: str | None = None
    """What is wrong with the file as such."""
    skipped: str | None = None
    """Why it was not looked at."""


async def check_cold(
    pool: asyncpg.Pool, cold: ColdPartition, folder: Path | None, told: Callable[[int], None]
) -> ColdFindings:
    """Check one cold partition.

    Args:
        pool: connections to the database that knows of it.
        cold: the partition.
        folder: the archive's, None where it is not at hand.
        told: called with how many more events were checked.
    """
    where = f"events {max(cold.first, 1)} to {cold.end - 1}"
    if folder is None:
        return ColdFindings(skipped=f"{where}: the archive is not at hand")
    try:
        parquet()
    except ArchiveError as error:
        return ColdFindings(skipped=f"{where}: {error}")
    async with pool.acquire() as connection:
        chain = ChainCheck(max(cold.first, 1) - 1, await seeds(connection, cold))
        tips = {row["stream_id"]: tuple(row)[1:] for row in await connection.fetch(_TIPS, cold.first)}
    try:
        count = await asyncio.to_thread(_follow, folder / cold.file, cold, chain, told)
    except ArchiveError as error:
        return ColdFindings(fault=str(error))
    fault = None
    if {stream: chain.tips.get(stream) for stream in tips} != tips or count != cold.events:
        fault = f"{cold.file} does not end as the database says"
    return ColdFindings(
        events=count, missing=chain.missing, broken=chain.broken, misplaced=chain.misplaced, fault=fault
    )


def _follow(path: Path, cold: ColdPartition, chain: ChainCheck, told: Callable[[int], None]) -> int:
    check(path, cold.sha256)
    count = 0
    for group in read_parquet(path, after=0, upto=cold.end - 1):
        chain.feed(group)
        count += len(group)
        told(len(group))
    return count
