"""The event store on PostgreSQL."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import contextmanager
from typing import Final, Self

import asyncpg

from events.codec import decode
from events.envelope import RecordedEvent
from events.migrations import migrate
from events.prepared import PreparedAppend, columns, prepare
from events.sql import statement
from events.store import (
    Append,
    Appended,
    RecordingChunk,
    StoreError,
    StoreUnavailableError,
    WrongExpectedPositionError,
)

type Outcome = Appended | WrongExpectedPositionError

_PAGE: Final = 2_000
_RECORDING_PAGE: Final = 16
_UNAVAILABLE: Final = ("08", "40", "53", "55", "57", "58", "25006", "XX")
"""Classes of SQLSTATE that a later attempt can do without: connection, rollback, resources, object state, operator
intervention, system, a server that turned read-only in a failover, and the server's internal errors."""


class PostgresStore:
    """An `EventStore` on a PostgreSQL of version 14 or later.

    Appends have connections of their own, so that long reads never hold them up.
    """

    def __init__(self, writers: asyncpg.Pool, readers: asyncpg.Pool, *, timeout_s: float) -> None:
        self._writers = writers
        self._readers = readers
        self._timeout_s = timeout_s

    @classmethod
    async def connect(
        cls, dsn: str, *, max_readers: int = 8, timeout_s: float = 15.0, application_name: str = "balto"
    ) -> Self:
        """Connect and bring the schema up to date.

        Args:
            dsn: a `postgresql://` address.
            max_readers: connections for reading, at most; two more are for appending.
            timeout_s: seconds after which an append, or the next page of a reading, counts as unanswered.
            application_name: what the server's own views call these connections.

        Raises:
            StoreUnavailableError: the server cannot be reached.
            MigrationError: its schema is not one that this program can bring up to date.
        """
        settings = {"application_name": application_name, "default_transaction_isolation": "read committed"}
        writers = readers = None
        try:
            with _translated():
                connection = await asyncpg.connect(dsn, timeout=timeout_s)
                try:
                    await migrate(connection)
                finally:
                    await connection.close(timeout=timeout_s)
                writers = await asyncpg.create_pool(
                    dsn, min_size=1, max_size=2, init=_prepare_connection, server_settings=settings, timeout=timeout_s
                )
                readers = await asyncpg.create_pool(
                    dsn,
                    min_size=0,
                    max_size=max_readers,
                    init=_prepare_connection,
                    server_settings=settings,
                    timeout=timeout_s,
                )
        except BaseException:
            if writers is not None:
                writers.terminate()
            raise
        return cls(writers, readers, timeout_s=timeout_s)

    async def close(self) -> None:
        """Close every connection, after the queries that are under way or the time-out."""
        for pool in (self._writers, self._readers):
            try:
                await asyncio.wait_for(pool.close(), self._timeout_s)
            except TimeoutError:
                pool.terminate()

    async def append(self, append: Append) -> Appended:
        """Append events to one stream; see `EventStore.append`."""
        (outcome,) = await self.append_group([prepare(append)])
        if isinstance(outcome, WrongExpectedPositionError):
            raise outcome
        return outcome

    async def append_atomically(self, appends: Sequence[Append]) -> list[Appended]:
        """Append to several streams, all or nothing; see `EventStore.append_atomically`."""
        outcomes = await self._append([prepare(append) for append in appends], together=True)
        for outcome in outcomes:
            if isinstance(outcome, WrongExpectedPositionError):
                raise outcome
        return [outcome for outcome in outcomes if isinstance(outcome, Appended)]

    async def append_group(self, appends: Sequence[PreparedAppend]) -> list[Outcome]:
        """Append to several streams in one transaction, each append accepted or refused for itself.

        Raises:
            StoreUnavailableError: nothing is known; retry with the same ids.
            StoreError: the database refused the group as a whole.
            ValueError: two of the appends are for one stream.
        """
        return await self._append(appends, together=False)

    async def _append(self, appends: Sequence[PreparedAppend], *, together: bool) -> list[Outcome]:
        if not appends:
            return []
        if len({append.stream for append in appends}) != len(appends):
            raise ValueError("two appends of a group are for one stream")
        with _translated():
            async with asyncio.timeout(self._timeout_s), self._writers.acquire() as connection:
                rows = await connection.fetch(statement("append"), *columns(appends), together)
        return [_outcome(append, row) for append, row in zip(appends, rows, strict=True)]

    async def read_stream(
        self, stream: str, *, after: int = 0, limit: int | None = None, backwards: bool = False
    ) -> AsyncIterator[RecordedEvent]:
        """Yield a stream's events after a stream position; see `EventStore.read_stream`."""
        query = statement("read_stream_backwards" if backwards else "read_stream")
        cursor = (1 << 63) - 1 if backwards else 0
        left = limit
        while left is None or left > 0:
            page = _PAGE if left is None else min(_PAGE, left)
            rows = await self._fetch(query, stream, after, cursor, page)
            for row in rows:
                yield _recorded(row)
            if len(rows) < page:
                return
            cursor = rows[-1]["position"]
            left = None if left is None else left - page

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
        query = statement("read_all")
        left = limit
        while left is None or left > 0:
            page = _PAGE if left is None else min(_PAGE, left)
            rows = await self._fetch(query, after, page, list(types), stream_prefix, tenant)
            for row in rows:
                yield _recorded(row)
            if len(rows) < page:
                return
            after = rows[-1]["position"]
            left = None if left is None else left - page

    async def last_position(self) -> int:
        """Return the global position of the last event, 0 in an empty store."""
        (row,) = await self._fetch(statement("last_position"))
        return int(row["position"])

    async def stream_position(self, stream: str) -> int:
        """Return the position of a stream's last event, 0 for a stream that does not exist."""
        rows = await self._fetch(statement("stream_position"), stream)
        return int(rows[0]["version"]) if rows else 0

    async def read_recording(self, stream: str, *, from_byte: int = 0) -> AsyncIterator[RecordingChunk]:
        """Yield the recorded bytes of a stream in order, from the chunk that holds `from_byte`."""
        query = statement("read_recording")
        while True:
            rows = await self._fetch(query, stream, from_byte, _RECORDING_PAGE)
            for row in rows:
                chunk = RecordingChunk(byte_start=row["byte_start"], data=row["data"])
                yield chunk
                from_byte = chunk.byte_start + len(chunk.data)
            if len(rows) < _RECORDING_PAGE:
                return

    async def fetch_events(self, query: str, *arguments: object) -> list[RecordedEvent]:
        """Run a statement that selects the columns of `event_columns.sql`; see `events.queries`.

        Raises:
            StoreUnavailableError: the database is away.
        """
        return [_recorded(row) for row in await self._fetch(query, *arguments)]

    async def fetch_rows(self, query: str, *arguments: object) -> list[asyncpg.Record]:
        """Run a statement that reads. Raises as `fetch_events`."""
        return await self._fetch(query, *arguments)

    async def _fetch(self, query: str, *arguments: object) -> list[asyncpg.Record]:
        with _translated():
            async with asyncio.timeout(self._timeout_s), self._readers.acquire() as connection:
                return await connection.fetch(query, *arguments)


async def _prepare_connection(connection: asyncpg.Connection) -> None:
    # The binary form of jsonb is a version byte, 1, before the text.
    await connection.set_type_codec(
        "jsonb", schema="pg_catalog", encoder=b"\x01".__add__, decoder=_without_version, format="binary"
    )


def _without_version(data: bytes) -> bytes:
    return data[1:]


def _recorded(row: asyncpg.Record) -> RecordedEvent:
    return RecordedEvent(
        position=row["position"],
        stream=row["name"],
        stream_position=row["stream_position"],
        tenant=row["tenant"],
        event_id=row["event_id"],
        type=row["type"],
        schema_version=row["schema_version"],
        event=decode(row["type"], row["schema_version"], row["data"]),
        occurred_at=row["occurred_at"],
        recorded_at=row["recorded_at"],
        elapsed_us=row["elapsed_us"],
        correlation_id=row["correlation_id"],
        causation_id=row["causation_id"],
    )


def _outcome(append: PreparedAppend, row: asyncpg.Record) -> Outcome:
    if row["outcome"] == "conflict":
        return WrongExpectedPositionError(append.stream, append.expected, row["stream_position"])
    return Appended(stream_position=row["stream_position"], position=row["position"])


@contextmanager
def _translated() -> Iterator[None]:
    """Turn the driver's failures into the store's: what may pass by itself is a `StoreUnavailableError`."""
    try:
        yield
    except asyncpg.DataError:
        # The original error quotes the value, which may be personal.
        raise StoreError("a value does not fit its column") from None
    except asyncpg.PostgresError as error:
        if (error.sqlstate or "").startswith(_UNAVAILABLE):
            raise StoreUnavailableError(f"the database did not answer: {type(error).__name__}") from error
        raise StoreError(f"the database refused: {type(error).__name__}") from error
    except (asyncpg.InterfaceError, asyncpg.InternalClientError, OSError, TimeoutError) as error:
        # InternalClientError is outside the driver's hierarchies; a killed backend raises it.
        raise StoreUnavailableError(f"the database did not answer: {type(error).__name__}") from error
