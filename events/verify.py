"""Verification: whether the ledger is whole, computed by the database over what it stores."""

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Final, Literal

import asyncpg
from asyncpg.pool import PoolConnectionProxy

from events.faults import translated
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

Kind = Literal["position", "link", "stream_position", "tip", "versions"]
"""`position`: a global position that no event has. `link`: an event's hash is not that of its content and the link
before. `stream_position`: an event does not follow the one before in its stream. `tip`: a stream's row does not say
where it begins and ends, or with which link. `versions`: the streams' versions do not add up to the ledger's head, or
the head is not the last event."""
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

    @property
    def whole(self) -> bool:
        """Whether no flaw was found."""
        return not self.flaws


@dataclass(slots=True)
class _Findings:
    events: int = 0
    first: dict[Kind, int] = field(default_factory=dict)

    def note(self, kind: Kind, position: int | None) -> None:
        if position is not None:
            self.first[kind] = min(position, self.first.get(kind, position))


async def verify(dsn: str, *, workers: int = 2, batch: int = 20_000, progress: Progress | None = None) -> Verification:
    """Check every event that the ledger holds at the call, and every stream, while others go on writing.

    Each event's link is computed anew from its stored columns and the link before; positions must be dense, in all and
    in each stream; each stream's row must agree with its first and last events.

    Args:
        dsn: a `postgresql://` address of a migrated database.
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
            batches = iter(range(0, head, batch))
            try:
                async with asyncio.TaskGroup() as tasks:
                    for _ in range(workers):
                        tasks.create_task(_check_batches(pool, batches, batch, head, findings, progress))
            except ExceptionGroup as group:
                # One reason is enough, and the one that callers are told of.
                raise group.exceptions[0] from None
            flaws = [await _flaw(pool, kind, position) for kind, position in sorted(findings.first.items())]
            streams, wrong = await _check_streams(pool)
    if wrong is not None:
        message = f"the row of stream {wrong} does not agree with its events"
        flaws.append(Flaw(kind="tip", position=None, stream=wrong, message=message))
    if not row["position"] == row["versions"] == row["last"]:
        message = f"the head is {row['position']}, the last event {row['last']}, the streams hold {row['versions']}"
        flaws.append(Flaw(kind="versions", position=None, stream=None, message=message))
    return Verification(events=findings.events, streams=streams, flaws=tuple(flaws))


async def _check_batches(
    pool: asyncpg.Pool, batches: Iterator[int], size: int, head: int, findings: _Findings, progress: Progress | None
) -> None:
    async with pool.acquire() as connection:
        for after in batches:
            upto = min(after + size, head)
            row = await _row(connection, "verify_events", after, upto)
            findings.events += row["events"]
            findings.note("link", row["broken"])
            findings.note("stream_position", row["misplaced"])
            if row["events"] != upto - after:
                findings.note("position", await connection.fetchval(statement("verify_positions"), after, upto))
            if progress is not None:
                progress(findings.events, head)


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
