"""Cold partitions: exported to a file, checked by reading it back, detached."""

import asyncio
from collections.abc import Callable
from dataclasses import astuple, dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Final

import asyncpg
from asyncpg.pool import PoolConnectionProxy

from events.archive import ArchiveError, ParquetWriter, Written, check, parquet, read_parquet
from events.faults import translated
from events.partitions import Partition, list_partitions
from events.ranges import ColdPartition, load_ranges
from events.sql import statement
from events.store import StoreError
from events.stored import ChainCheck, StoredEvent

_PAGE: Final = 10_000
_LOCK_ATTEMPTS: Final = 20
APPEND_LOCK: Final = "SELECT pg_advisory_xact_lock(4712000001)"
_HELD: Final = """
SELECT EXISTS (SELECT FROM streams s
                WHERE s.first_pos < $2 AND s.last_pos >= $1 AND is_held(s.name, s.tenant)
                  AND EXISTS (SELECT FROM events e WHERE e.stream_id = s.id AND e.position >= $1 AND e.position < $2))
"""
_KEEP_LANDMARKS: Final = "INSERT INTO cold_landmarks SELECT * FROM events WHERE position = ANY ($1)"
Say = Callable[[str, int, int], None]
"""Takes what is being done, how many events are done and how many there are."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Frozen:
    """What became of one partition."""

    name: str
    first: int
    end: int
    outcome: str
    """`frozen`, or why not: `held`, `behind` (someone still reads it from the table) or `busy`."""
    size: int = 0
    """Bytes of its file."""


async def freeze(
    dsn: str, folder: Path, *, older_than: datetime, upto: int, drop: bool = True, say: Say | None = None
) -> list[Frozen]:
    """Move partitions whose events are all older than a moment into files of the archive.

    Each is written, read back and checked link by link before it is detached, in one transaction with what tells
    readers of it. A partition that holds a stream on legal hold stays. Repeated after any failure, it goes on.

    Args:
        dsn: a `postgresql://` address, of the ledger's owner.
        folder: the archive's, which every node must see.
        older_than: recorded before.
        upto: how far those have come that read the table itself, such as read models.
        drop: whether to drop the table at once; otherwise it is left beside, detached.
        say: told of the progress.

    Raises:
        ArchiveError: Parquet is not to be had, or a file is not as it was written.
        StoreUnavailableError: the database is away.
    """
    parquet()
    done: list[Frozen] = []
    with translated():
        connection = await asyncpg.connect(dsn, server_settings={"application_name": "balto freeze"})
        try:
            for partition in await list_partitions(connection):
                last = await connection.fetchrow(
                    "SELECT recorded_at FROM events WHERE position = $1", partition.end - 1
                )
                if last is None or last["recorded_at"] >= older_than:
                    break
                done.append(await _freeze_one(connection, folder, partition, upto, say))
            if drop:
                await drop_detached(connection)
        finally:
            await connection.close()
    return done


async def _freeze_one(
    connection: asyncpg.Connection, folder: Path, partition: Partition, upto: int, say: Say | None
) -> Frozen:
    frozen = Frozen(name=partition.name, first=partition.first, end=partition.end, outcome="behind")
    if partition.end - 1 > upto:
        return frozen
    if await _held(connection, partition):
        return replace(frozen, outcome="held")
    written = await _export(connection, folder, partition, say)
    path = folder / written.file
    summary = await asyncio.to_thread(_read_back, path, written, partition, await seeds(connection, partition), say)
    outcome = await _detach(connection, partition, written, summary)
    return replace(frozen, outcome=outcome, size=written.size)


async def _held(connection: asyncpg.Connection, partition: Partition) -> bool:
    return bool(await connection.fetchval(_HELD, partition.first, partition.end))


async def _export(connection: asyncpg.Connection, folder: Path, partition: Partition, say: Say | None) -> Written:
    first = max(partition.first, 1)
    path = folder / f"events_{first:012d}_{partition.end - 1:012d}.parquet"
    with await asyncio.to_thread(ParquetWriter, path) as writer:
        after = first - 1
        while after < partition.end - 1:
            rows = await connection.fetch(
                statement("select_stored"), after, partition.end - 1, _PAGE, None, None, None, None, None
            )
            if not rows:
                raise StoreError(f"events are missing from the ledger after position {after}")
            await asyncio.to_thread(writer.add, [StoredEvent._make(row) for row in rows])
            after = rows[-1]["position"]
            if say is not None:
                say(f"writing {path.name}", writer.events, partition.end - first)
        return await asyncio.to_thread(writer.finish, {"first": first, "last": partition.end - 1})


async def seeds(
    connection: asyncpg.Connection | PoolConnectionProxy, partition: Partition | ColdPartition
) -> dict[int, tuple[int, bytes]]:
    """Return where the chains of streams that began before a partition stand at its beginning."""
    rows = await connection.fetch(
        "SELECT s.id, l.stream_position, l.hash FROM streams s CROSS JOIN LATERAL link_before(s.id, $1) l"
        " WHERE s.first_pos < $1 AND s.last_pos >= $1 AND l.hash IS NOT NULL",
        partition.first,
    )
    return {row["id"]: (row["stream_position"], row["hash"]) for row in rows}


@dataclass(slots=True)
class _Stream:
    first_position: int
    last_position: int
    first_stream_position: int
    last_stream_position: int
    last_hash: bytes
    ended: bool = False


@dataclass(frozen=True, slots=True)
class _Summary:
    streams: dict[int, _Stream]
    landmarks: list[int]
    """Positions of events that stay at hand."""
    first_recorded_at: datetime
    last_recorded_at: datetime


def _read_back(
    path: Path, written: Written, partition: Partition, tips: dict[int, tuple[int, bytes]], say: Say | None
) -> _Summary:
    check(path, written.sha256)
    chain = ChainCheck(max(partition.first, 1) - 1, tips)
    streams: dict[int, _Stream] = {}
    times: list[datetime] = []
    landmarks: list[int] = []
    count = 0
    for group in read_parquet(path, after=0, upto=partition.end - 1):
        chain.feed(group)
        times += [group[0].recorded_at, group[-1].recorded_at]
        count += len(group)
        for event in group:
            place = event.stream_position
            new = _Stream(event.position, event.position, place, place, event.hash)
            stream = streams.setdefault(event.stream_id, new)
            stream.last_position, stream.last_stream_position = event.position, place
            stream.last_hash = event.hash
            stream.ended = stream.ended or event.type == "SessionEnded"
            if place == 1 or event.type == "SubjectErased":
                landmarks.append(event.position)
        if say is not None:
            say(f"checking {path.name}", count, written.events)
    if not chain.whole or chain.position != partition.end - 1 or count != written.events:
        raise ArchiveError(f"{path.name} is not whole: the ledger itself may not be (`balto verify`)")
    return _Summary(streams, landmarks, times[0], times[-1])


async def _detach(connection: asyncpg.Connection, partition: Partition, written: Written, summary: _Summary) -> str:
    """Take the partition out of the table and tell readers, at one moment; give way to whoever uses it."""
    for _ in range(_LOCK_ATTEMPTS):
        try:
            async with connection.transaction():
                await connection.execute("SET LOCAL lock_timeout = '300ms'")
                await connection.execute(APPEND_LOCK)
                if await _held(connection, partition):
                    return "held"
                await connection.execute(
                    'INSERT INTO cold_partitions (first, "end", name, file, events, bytes, sha256, first_recorded_at,'
                    " last_recorded_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
                    partition.first,
                    partition.end,
                    partition.name,
                    written.file,
                    written.events,
                    written.size,
                    written.sha256,
                    summary.first_recorded_at,
                    summary.last_recorded_at,
                )
                rows = [(stream, partition.first, *astuple(s)) for stream, s in summary.streams.items()]
                await connection.copy_records_to_table("cold_streams", records=rows)
                await connection.execute(_KEEP_LANDMARKS, summary.landmarks)
                await connection.execute(f"ALTER TABLE events DETACH PARTITION {quoted(partition.name)}")
                await connection.execute("UPDATE cold_state SET generation = generation + 1")
        except asyncpg.LockNotAvailableError:
            continue
        return "frozen"
    return "busy"


async def drop_detached(connection: asyncpg.Connection) -> list[str]:
    """Drop the tables that are detached and in a file, but for those with a stream on legal hold.

    Returns:
        Their names.

    Raises:
        asyncpg.PostgresError: as the driver does; the caller translates.
    """
    dropped = []
    for cold in (await load_ranges(connection)).partitions:
        if cold.dropped_at is None:
            async with connection.transaction():
                await connection.execute(APPEND_LOCK)
                if await _held_cold(connection, cold.first):
                    continue
                await connection.execute(f"DROP TABLE {quoted(cold.name)}")
                await connection.execute(
                    "UPDATE cold_partitions SET dropped_at = clock_timestamp() WHERE first = $1", cold.first
                )
            dropped.append(cold.name)
    return dropped


async def _held_cold(connection: asyncpg.Connection, first: int) -> bool:
    return bool(
        await connection.fetchval(
            "SELECT EXISTS (SELECT FROM cold_streams c JOIN streams s ON s.id = c.stream_id"
            " WHERE c.first = $1 AND is_held(s.name, s.tenant))",
            first,
        )
    )


def quoted(name: str) -> str:
    """Return a name as SQL takes it."""
    return '"' + name.replace('"', '""') + '"'
