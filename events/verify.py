"""Verification: whether the ledger is whole, computed by the database over what it stores."""

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal

import asyncpg
from asyncpg.pool import PoolConnectionProxy

from events.coldcheck import check_cold
from events.faults import translated
from events.ranges import ColdPartition, ColdRanges, load_ranges
from events.sql import statement

_STREAMS: Final = 5_000
_SETTINGS: Final = {
    "application_name": "balto verify",
    "jit": "off",
    "work_mem": "128MB",
    "enable_seqscan": "off",
    "plan_cache_mode": "force_custom_plan",
    "max_parallel_workers_per_gather": "0",
}

Kind = Literal["position", "link", "stream_position", "tip", "versions", "file"]
"""`position`: a global position that no event has. `link`: an event's hash is not that of its content and the link
before. `stream_position`: an event does not follow the one before in its stream. `tip`: a stream's row does not say
where it begins and ends, or with which link. `versions`: the streams' versions do not add up to the ledger's head, or
the head is not the last event. `file`: a file of the archive is not as it was written."""
Progress = Callable[[int, int], None]
"""Takes how many events are checked and how many there are."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Flaw:
    """The first broken place of its kind."""

    kind: Kind
    position: int | None
    """Global position, where it is one event's."""
    stream: str | None
    """Where it is one stream's."""
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Verification:
    """What was checked, and the first flaw of each kind; none where all is well."""

    events: int
    streams: int
    flaws: tuple[Flaw, ...]
    skipped: tuple[str, ...] = ()
    """What of it was not looked at, and why."""

    @property
    def whole(self) -> bool:
        """Whether no flaw was found in what was looked at."""
        return not self.flaws


@dataclass(slots=True)
class _Findings:
    events: int = 0
    first: dict[Kind, int] = field(default_factory=dict)
    files: list[Flaw] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)

    def note(self, kind: Kind, position: int | None) -> None:
        if position is not None:
            self.first[kind] = min(position, self.first.get(kind, position))


async def verify(
    dsn: str, *, archive: Path | None = None, workers: int = 2, batch: int = 20_000, progress: Progress | None = None
) -> Verification:
    """Check every event that the ledger holds at the call, and every stream, while others go on writing.

    Each event's link is computed anew from its stored columns and the link before; positions must be dense, in all and
    in each stream; each stream's row must agree with its first and last events.

    Args:
        dsn: a `postgresql://` address of a migrated database.
        archive: folder of the files of what is cold, which are checked too; without it they are skipped.
        workers: connections that check at the same time.
        batch: events checked in one statement.
        progress: called after each batch.

    Raises:
        StoreUnavailableError: the database is away.
        StoreError: it refused.
    """
    with translated():
        async with asyncpg.create_pool(dsn, min_size=1, max_size=workers, server_settings=_SETTINGS) as pool:
            row = await _row(pool, "verify_versions")
            head: int = row["position"]
            findings = _Findings()
            async with pool.acquire() as connection:
                ranges = await load_ranges(connection)
            batches = _divide(ranges, head, batch)
            try:
                async with asyncio.TaskGroup() as tasks:
                    for _ in range(workers):
                        tasks.create_task(_check_batches(pool, batches, head, findings, progress))
            except ExceptionGroup as group:
                # One reason is enough, and the one that callers are told of.
                raise group.exceptions[0] from None
            for cold in ranges.partitions:
                await _check_cold(pool, cold, archive, findings, head, progress)
            flaws = [await _flaw(pool, kind, position) for kind, position in sorted(findings.first.items())]
            streams, wrong = await _check_streams(pool)
    if wrong is not None:
        message = f"the row of stream {wrong} does not agree with its events"
        flaws.append(Flaw(kind="tip", position=None, stream=wrong, message=message))
    if findings.events < head and not flaws and not findings.skipped:
        findings.skipped.append(f"{head - findings.events} events that went to the archive meanwhile")
    if not row["position"] == row["versions"] == row["last"]:
        message = f"the head is {row['position']}, the last event {row['last']}, the streams hold {row['versions']}"
        flaws.append(Flaw(kind="versions", position=None, stream=None, message=message))
    return Verification(
        events=findings.events, streams=streams, flaws=tuple(flaws + findings.files), skipped=tuple(findings.skipped)
    )


def _divide(ranges: ColdRanges, head: int, size: int) -> Iterator[tuple[int, int, int]]:
    """Yield what is in the table in runs of some events, each with the position that its neighbours begin at."""
    for segment in ranges.segments(0, head):
        if segment.cold is None:
            for after in range(segment.after, segment.upto, size):
                yield after, min(after + size, segment.upto), segment.after + 1


async def _check_batches(
    pool: asyncpg.Pool,
    batches: Iterator[tuple[int, int, int]],
    head: int,
    findings: _Findings,
    progress: Progress | None,
) -> None:
    async with pool.acquire() as connection:
        for after, upto, border in batches:
            row = await _row(connection, "verify_events", after, upto, border)
            findings.events += row["events"]
            findings.note("link", row["broken"])
            findings.note("stream_position", row["misplaced"])
            if row["events"] != upto - after:
                findings.note("position", await connection.fetchval(statement("verify_positions"), after, upto))
            if progress is not None:
                progress(findings.events, head)


async def _check_cold(
    pool: asyncpg.Pool,
    cold: ColdPartition,
    archive: Path | None,
    findings: _Findings,
    head: int,
    progress: Progress | None,
) -> None:
    before = findings.events

    def told(more: int) -> None:
        findings.events += more
        if progress is not None:
            progress(findings.events, head)

    found = await check_cold(pool, cold, archive, told)
    findings.events = before + found.events
    findings.note("position", found.missing)
    findings.note("link", found.broken)
    findings.note("stream_position", found.misplaced)
    if found.fault is not None and not findings.files:
        findings.files.append(Flaw(kind="file", position=None, stream=None, message=found.fault))
    if found.skipped is not None:
        findings.skipped.append(found.skipped)


async def _check_streams(pool: asyncpg.Pool) -> tuple[int, str | None]:
    """Return how many streams there are, and the first whose row is wrong."""
    checked, last_id, wrong = 0, 0, None
    while True:
        row = await _row(pool, "verify_streams", last_id, _STREAMS)
        if row["last_id"] is None:
            return checked, wrong
        checked, last_id, wrong = checked + row["streams"], row["last_id"], wrong or row["wrong"]


async def _row(connection: asyncpg.Pool | PoolConnectionProxy, name: str, *arguments: int) -> asyncpg.Record:
    (row,) = await connection.fetch(statement(name), *arguments)
    return row


async def _flaw(pool: asyncpg.Pool, kind: Kind, position: int) -> Flaw:
    if kind == "position":
        return Flaw(kind=kind, position=position, stream=None, message=f"no event has position {position}")
    stream = await pool.fetchval(
        "SELECT s.name FROM events e LEFT JOIN streams s ON s.id = e.stream_id WHERE e.position = $1", position
    )
    what = "was changed, or follows another" if kind == "link" else "does not follow the one before in its stream"
    return Flaw(kind=kind, position=position, stream=stream, message=f"event {position} {what}")
