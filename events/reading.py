"""Reading the ledger on PostgreSQL: streams, all of it, recordings; what is cold from the archive's files."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from functools import partial
from operator import attrgetter
from pathlib import Path
from typing import Any, Final

import asyncpg

from events.ahead import one_ahead
from events.archive import ArchiveError
from events.envelope import RecordedEvent
from events.faults import translated
from events.frozen import ColdRow, Frozen, Wanted, pick
from events.keyring import KeyRing
from events.opening import raw_events, recorded_events
from events.ranges import NOWHERE, ColdRanges, LedgerMovedError, Segment
from events.sealing import StreamKey
from events.selection import Selection
from events.sql import statement
from events.store import RecordingChunk
from events.stored import StoredEvent, matches

type _Rows = tuple[Sequence[asyncpg.Record | ColdRow], dict[str, StreamKey]]

_PAGE: Final = 2_000
_FIRST_PAGE: Final = 250
"""Of a stream, so that the next page is on its way while most sessions' first one is being decoded."""
_RECORDING_PAGE: Final = 16


class LedgerReader:
    """The reading half of a store."""

    def __init__(self, readers: asyncpg.Pool, *, keys: KeyRing, timeout_s: float, archive: Path | None) -> None:
        """Take connections, the keys of streams, and the folder of the files of what is cold, if there is one."""
        self._readers = readers
        self._keys = keys
        self._timeout_s = timeout_s
        self._frozen = Frozen(archive)

    async def read_stream(
        self, stream: str, *, after: int = 0, limit: int | None = None, backwards: bool = False
    ) -> AsyncIterator[RecordedEvent]:
        """Yield a stream's events after a stream position; see `EventStore.read_stream`."""
        async for rows, keys in one_ahead(self._pages_of_stream(stream, after, limit, backwards=backwards)):
            for event in recorded_events(rows, keys):
                yield event

    async def _pages_of_stream(
        self, stream: str, after: int, limit: int | None, *, backwards: bool
    ) -> AsyncIterator[_Rows]:
        low, high, left, most = 0, NOWHERE, limit, _FIRST_PAGE
        if self._frozen.ranges.partitions:
            row = await self._fetch("SELECT first_pos FROM streams WHERE name = $1", stream)
            low = row[0]["first_pos"] - 1 if row else high
        while low < high and (left is None or left > 0):
            page = most if left is None else min(most, left)
            ranges = self._frozen.ranges
            segment = (ranges.last_segment if backwards else ranges.segment)(low, high)
            try:
                rows, keys = await self._fetch_of_stream(stream, after, segment, page, backwards=backwards)
            except LedgerMovedError:
                continue
            if self._frozen.ranges is not ranges:
                continue  # another reading noticed the change that this one fell into
            yield rows, keys
            most = min(2 * most, _PAGE)
            full, left = len(rows) == page, None if left is None else left - len(rows)
            if backwards:
                high = rows[-1]["position"] - 1 if full else segment.after
            else:
                low = rows[-1]["position"] if full else segment.upto

    async def _fetch_of_stream(self, stream: str, after: int, segment: Segment, page: int, *, backwards: bool) -> _Rows:
        if segment.cold is not None:

            def wanted(event: StoredEvent) -> bool:
                return event.stream_position > after

            return await self._fetch_cold(segment, wanted, limit=page, stream=stream, backwards=backwards)
        if backwards:
            query, border, bound = statement("read_stream_backwards"), segment.upto + 1, segment.after + 1
            return await self._fetch_hot(query, stream, after, min(border, NOWHERE), page, bound)
        return await self._fetch_hot(statement("read_stream"), stream, after, segment.after, page, segment.upto)

    async def read_all(
        self,
        *,
        after: int = 0,
        limit: int | None = None,
        types: Sequence[str] = (),
        stream_prefix: str | None = None,
        tenant: str | None = None,
    ) -> AsyncIterator[RecordedEvent]:
        """Yield events of every stream after a global position; see `EventStore.read_all`."""
        async for rows, keys in one_ahead(self._pages(after, limit, types, stream_prefix, tenant)):
            for event in recorded_events(rows, keys):
                yield event

    async def read_raw(
        self,
        *,
        after: int = 0,
        limit: int | None = None,
        types: Sequence[str] = (),
        stream_prefix: str | None = None,
        tenant: str | None = None,
        open_sealed: bool = True,
    ) -> AsyncIterator[dict[str, Any]]:
        """Yield the same as `read_all` as plain mappings, which is faster; see `events.opening.raw_events`."""
        async for rows, keys in one_ahead(
            self._pages(after, limit, types, stream_prefix, tenant, open_sealed=open_sealed)
        ):
            for event in raw_events(rows, keys, open_sealed=open_sealed):
                yield event

    async def _pages(
        self,
        after: int,
        limit: int | None,
        types: Sequence[str],
        prefix: str | None,
        tenant: str | None,
        *,
        open_sealed: bool = True,
    ) -> AsyncIterator[_Rows]:
        query = statement("read_all")
        if not open_sealed:
            query = query.replace("e.sealed,\n       s.key_id,", "NULL::bytea AS sealed,\n       NULL::uuid AS key_id,")
        selection = Selection(types=tuple(types), prefix=prefix, tenant=tenant)
        left = limit
        while after < NOWHERE and (left is None or left > 0):
            page = _PAGE if left is None else min(_PAGE, left)
            ranges = self._frozen.ranges
            segment = ranges.segment(after, NOWHERE)
            try:
                if segment.cold is not None:
                    rows, keys = await self._fetch_cold(segment, partial(matches, selection=selection), limit=page)
                else:
                    rows, keys = await self._fetch_hot(query, after, page, list(types), prefix, tenant, segment.upto)
            except LedgerMovedError:
                continue
            if self._frozen.ranges is not ranges:
                continue
            yield rows, keys
            after = rows[-1]["position"] if len(rows) == page else segment.upto
            left = None if left is None else left - len(rows)

    async def read_at(self, positions: Sequence[int]) -> list[RecordedEvent]:
        """Return the events at some global positions, in their order; raises as `read_all`."""
        while True:
            ranges = self._frozen.ranges
            try:
                found = await self.fetch_events(statement("read_at"), list(positions))
                for segment in ranges.segments(min(positions, default=0) - 1, max(positions, default=0)):
                    if segment.cold is not None:
                        rows, keys = await self._fetch_cold(segment, pick(positions), limit=len(positions))
                        found += recorded_events(rows, keys)
            except LedgerMovedError:
                continue
            if self._frozen.ranges is not ranges:
                continue
            return sorted(found, key=attrgetter("position"))

    async def read_cold(
        self, segment: Segment, selection: Selection, *, limit: int, backwards: bool = False
    ) -> list[RecordedEvent]:
        """Return the selected events of a cold segment, in order, `limit` at most; see `events.queries`.

        Raises:
            ArchiveError: the archive is not at hand, or its file cannot be read.
            LedgerMovedError: it is no longer cold.
            StoreUnavailableError: the database is away.
        """
        if selection.where is not None:
            raise ArchiveError("JSON paths are not looked for in the archive: thaw it, or look after it")
        wanted = partial(matches, selection=selection)
        rows, keys = await self._fetch_cold(segment, wanted, limit=limit, stream=selection.stream, backwards=backwards)
        return list(recorded_events(rows, keys))

    async def cold_ranges(self) -> ColdRanges:
        """Return what is cold, as far as is known."""
        if self._frozen.ranges.generation < 0:
            with contextlib.suppress(LedgerMovedError), translated():
                async with asyncio.timeout(self._timeout_s), self._readers.acquire() as connection:
                    await self._frozen.check(connection)
        return self._frozen.ranges

    async def last_position(self) -> int:
        """Return the global position of the last event, 0 in an empty store."""
        (row,) = await self._fetch(statement("last_position"))
        return int(row["position"])

    async def stream_position(self, stream: str) -> int:
        """Return the position of a stream's last event, 0 for a stream that does not exist."""
        rows = await self._fetch(statement("stream_position"), stream)
        return int(rows[0]["version"]) if rows else 0

    async def streams(self, prefix: str) -> list[str]:
        """Return the names of the streams that begin with `prefix`, in order."""
        return [str(row["name"]) for row in await self._fetch(statement("streams_named"), prefix)]

    async def read_recording(self, stream: str, *, from_byte: int = 0) -> AsyncIterator[RecordingChunk]:
        """Yield the recorded bytes of a stream in order, from the chunk that holds `from_byte`."""
        query = statement("read_recording")
        while True:
            rows, keys = await self._fetch_sealed(query, stream, from_byte, _RECORDING_PAGE)
            for row in rows:
                if stream not in keys:
                    return  # erased since
                data = keys[stream].open_recording(stream, row["byte_start"], row["sealed"])
                yield RecordingChunk(byte_start=row["byte_start"], data=data)
                from_byte = row["byte_start"] + len(data)
            if len(rows) < _RECORDING_PAGE:
                return

    async def fetch_events(self, query: str, *arguments: object, anew: bool = False) -> list[RecordedEvent]:
        """Run a statement that selects the columns of `event_columns.sql`; see `events.queries`.

        Raises:
            LedgerMovedError: what is cold has changed since it was looked at; read again.
            StoreUnavailableError: the database is away.
        """
        rows, keys = await self._fetch_hot(query, *arguments, anew=anew)
        return list(recorded_events(rows, keys))

    async def fetch_rows(self, query: str, *arguments: object) -> list[asyncpg.Record]:
        """Run a statement that reads. Raises as `fetch_events`."""
        with translated():
            async with asyncio.timeout(self._timeout_s), self._readers.acquire() as connection:
                rows = await connection.fetch(query, *arguments)
                await self._frozen.check(connection)
                return rows

    async def _fetch(self, query: str, *arguments: object) -> list[asyncpg.Record]:
        with translated():
            async with asyncio.timeout(self._timeout_s), self._readers.acquire() as connection:
                return await connection.fetch(query, *arguments)

    async def _fetch_sealed(self, query: str, *arguments: object) -> _Rows:
        with translated():
            async with asyncio.timeout(self._timeout_s), self._readers.acquire() as connection:
                rows = await connection.fetch(query, *arguments)
                return rows, await self._keys.for_reading(connection, rows)

    async def _fetch_hot(self, query: str, *arguments: object, anew: bool = False) -> _Rows:
        with translated():
            async with asyncio.timeout(self._timeout_s), self._readers.acquire() as connection:
                # A statement that is kept has, sooner or later, one plan for whatever arguments.
                run = (await connection.prepare(query)).fetch if anew else partial(connection.fetch, query)
                rows = await run(*arguments)
                # A partition may have left the table since the reading was divided: its rows would be missing.
                await self._frozen.check(connection)
                return rows, await self._keys.for_reading(connection, rows)

    async def _fetch_cold(self, segment: Segment, wanted: Wanted, **how: Any) -> _Rows:
        with translated():
            async with self._readers.acquire() as connection:
                rows = await self._frozen.read(connection, segment, wanted, **how)
                await self._frozen.check(connection)
                return rows, await self._keys.for_reading(connection, rows)
