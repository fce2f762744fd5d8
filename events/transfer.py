"""Transfer: stored events brought into another ledger as they were, with their keys and recordings."""

from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import asyncpg
from asyncpg.pool import PoolConnectionProxy

from events.archive import ArchiveError, read_parquet
from events.faults import translated
from events.ranges import LedgerMovedError, Segment, load_ranges
from events.sealing import MasterKeys
from events.selection import EVERYTHING, Selection
from events.sql import statement
from events.store import StoreError
from events.stored import StoredEvent, matches

type _Connection = asyncpg.Connection | PoolConnectionProxy

PAGE: Final = 2_000
_REFUSALS: Final = ("BL002", "BL003", "BL004")
_IMPORT: Final = "SELECT import_events($1, $2, $3, $4, $5, $6, $7, $8, $9)"
_KEYS: Final = """
SELECT s.name, k.id, k.master, k.wrapped FROM streams s JOIN keys k ON k.stream_id = s.id WHERE s.name = ANY ($1)
"""
_RECORDINGS: Final = """
SELECT s.name AS stream, r.byte_start, r.byte_end, r.recorded_at, r.sealed
  FROM recordings r JOIN streams s ON s.id = r.stream_id
 WHERE (s.name, r.byte_start) > ($1, $2) AND ($4::text IS NULL OR s.name = $4)
   AND ($5::text IS NULL OR starts_with(s.name, $5)) AND ($6::text IS NULL OR s.tenant = $6)
 ORDER BY s.name, r.byte_start
 LIMIT $3
"""
_KEEP: Final = """
INSERT INTO recordings (stream_id, byte_start, byte_end, recorded_at, sealed)
SELECT s.id, $2, $3, $4, $5 FROM streams s WHERE s.name = $1 AND s.key_id IS NOT NULL
ON CONFLICT DO NOTHING
"""
_REDACTED: Final = """
SELECT s.name FROM streams s
 WHERE s.name = ANY ($1) AND s.key_id IS NULL AND NOT s.erased
   AND EXISTS (SELECT FROM events e
                WHERE e.stream_id = s.id AND e.position BETWEEN s.first_pos AND s.last_pos AND e.sealed = '')
 LIMIT 1
"""


class TransferError(StoreError):
    """What is brought in does not fit what is there, or is not whole."""


@dataclass(frozen=True, slots=True)
class WrappedKey:
    """The key of a stream as it may leave the ledger: wrapped by a master key."""

    id: UUID
    master: int
    wrapped: bytes


@dataclass(frozen=True, slots=True)
class StoredRecording:
    """A run of a client's bytes, sealed with the key of its stream."""

    stream: str
    byte_start: int
    byte_end: int
    recorded_at: datetime
    sealed: bytes


class Rewrap:
    """Wraps keys of streams anew with the master key of where they go to, or leaves them as they are."""

    def __init__(self, own: MasterKeys, other: MasterKeys | None) -> None:
        """Take this ledger's master keys and the other's, None where it has the same."""
        self._own, self._other = own, other

    @property
    def masters(self) -> MasterKeys:
        """The master keys that the wrapped keys open with."""
        return self._other or self._own

    def __call__(self, stream: str, key: WrappedKey) -> WrappedKey:
        """Return the key as it goes.

        Raises:
            SealingError: its master key is not at hand.
        """
        if self._other is None:
            return key
        return WrappedKey(key.id, *self._own.rewrap(stream, key.id, key.master, key.wrapped, self._other))


async def stored_pages(
    connection: _Connection,
    archive: Path | None,
    *,
    after: int,
    upto: int,
    selection: Selection = EVERYTHING,
    page: int = PAGE,
) -> AsyncIterator[list[StoredEvent]]:
    """Yield the events after a position up to another as they are stored, from the table and from files.

    Args:
        connection: nobody else may use it meanwhile.
        archive: folder of the files of what is cold.
        after: a position.
        upto: another.
        selection: stream, prefix, tenant and times alone are looked at.
        page: events in one list, at most.

    Raises:
        ArchiveError: what is cold cannot be read.
        StoreUnavailableError: the database is away.
    """
    ranges = await load_ranges(connection)
    while after < upto:
        segment = ranges.segment(after, upto)
        if segment.cold is not None:
            for events in _cold(segment, archive, selection):
                yield events
            after = segment.upto
            continue
        rows = await connection.fetch(
            statement("select_stored"),
            after,
            segment.upto,
            page,
            selection.stream,
            selection.names,
            selection.tenant,
            selection.since,
            selection.until,
        )
        try:
            await ranges.check(connection)
        except LedgerMovedError:
            ranges = await load_ranges(connection)
            continue
        if rows:
            yield [StoredEvent._make(row) for row in rows]
        after = rows[-1]["position"] if len(rows) == page else segment.upto


def _cold(segment: Segment, archive: Path | None, selection: Selection) -> Iterator[list[StoredEvent]]:
    if segment.cold is None or archive is None:
        raise ArchiveError(f"events {segment.after + 1} to {segment.upto} are in the archive, which is not at hand")
    for group in read_parquet(archive / segment.cold.file, after=segment.after, upto=segment.upto):
        if chosen := [event for event in group if matches(event, selection)]:
            yield chosen


async def wrapped_keys(connection: _Connection, streams: Sequence[str], rewrap: Rewrap) -> dict[str, WrappedKey]:
    """Return the keys of those streams that have one, wrapped as they shall go.

    Raises:
        SealingError: a master key is not at hand.
    """
    rows = await connection.fetch(_KEYS, list(streams))
    return {row["name"]: rewrap(row["name"], WrappedKey(row["id"], row["master"], row["wrapped"])) for row in rows}


async def stored_recordings(
    connection: _Connection, selection: Selection = EVERYTHING, *, page: int = 64
) -> AsyncIterator[list[StoredRecording]]:
    """Yield the recordings of selected streams as they are stored, stream by stream."""
    last: tuple[str, int] = ("", -1)
    while True:
        chosen = selection.stream, selection.names, selection.tenant
        rows = await connection.fetch(_RECORDINGS, *last, page, *chosen)
        if not rows:
            return
        yield [StoredRecording(*row) for row in rows]
        last = rows[-1]["stream"], rows[-1]["byte_start"]


async def refuse_redacted(connection: _Connection, streams: Iterable[str]) -> None:
    """Refuse streams that have a key where they come from, and are here without it since they came in redacted.

    Their events would count as there already, and the key and the audio would be left out without a word.

    Raises:
        TransferError: there is one.
        StoreUnavailableError: the database is away.
    """
    with translated():
        found = await connection.fetchval(_REDACTED, list(streams))
    if found is not None:
        raise TransferError(
            f"stream {found} came in redacted, and no event is ever rewritten: import the whole into another ledger,"
            " or read it from its file"
        )


async def bring_in(
    connection: _Connection, events: Sequence[StoredEvent], keys: dict[str, WrappedKey], *, linked: bool = True
) -> int:
    """Append stored events in their order, each in its place of its stream, and skip those that are there already.

    On an empty ledger they get the positions, times and links that they had.

    Args:
        connection: of the ledger's owner, made by `events.driver`.
        events: in order.
        keys: of those streams that have one.
        linked: whether each link must come out as it was; it cannot where seals were left out.

    Returns:
        How many were new.

    Raises:
        TransferError: a stream holds other events, events are missing in between, or a link does not hold.
        StoreUnavailableError: the database is away; bring them in again.
    """
    numbers = {name: n for n, name in enumerate(dict.fromkeys(event.stream for event in events), 1)}
    tenants = {event.stream: event.tenant for event in events}
    found = [keys.get(name) for name in numbers]
    rows = [(numbers[e.stream], *_new_event(e)) for e in events]
    with translated():
        try:
            added = await connection.fetchval(
                _IMPORT,
                list(numbers),
                [tenants[name] for name in numbers],
                [key and key.id for key in found],
                [key and key.master for key in found],
                [key and key.wrapped for key in found],
                rows,
                [event.stream_position for event in events],
                [event.recorded_at for event in events],
                [event.hash if linked else None for event in events],
            )
        except asyncpg.PostgresError as error:
            if error.sqlstate in _REFUSALS:
                raise TransferError(str(error)) from None
            raise
    return int(added)


def _new_event(event: StoredEvent) -> tuple[Any, ...]:
    return (
        event.event_id,
        event.type,
        event.schema_version,
        event.occurred_at,
        event.elapsed_us,
        event.correlation_id,
        event.causation_id,
        event.phrase,
        event.sample_start,
        event.sample_end,
        event.latency_ms,
        event.data.encode(),
        event.sealed,
    )


async def keep_recordings(connection: _Connection, recordings: Sequence[StoredRecording]) -> None:
    """Add recordings to streams that are there and have their key; those that are there already stay.

    Raises:
        StoreUnavailableError: the database is away.
    """
    with translated():
        rows = [(r.stream, r.byte_start, r.byte_end, r.recorded_at, r.sealed) for r in recordings]
        await connection.executemany(_KEEP, rows)
