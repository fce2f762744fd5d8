"""The event store on PostgreSQL."""

import asyncio
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Final, Self

import asyncpg

from events.driver import open_pool, open_writer
from events.envelope import NewEvent
from events.faults import translated
from events.keyring import KeyRing, compare_masters
from events.migrations import migrate
from events.prepared import PreparedAppend, arguments, event_row, prepare
from events.reading import LedgerReader
from events.sealing import MasterKeys, StreamKey
from events.snapshots import Snapshots, StateCodec
from events.sql import statement
from events.store import (
    NO_STREAM,
    Append,
    Appended,
    NoStreamError,
    Outcome,
    StoreError,
    StoreUnavailableError,
    StreamErasedError,
    WrongExpectedPositionError,
    WrongTenantError,
)
from events.writers import Writers

_KEY_ATTEMPTS: Final = 5


class PostgresStore(LedgerReader):
    """An `EventStore` on a PostgreSQL of version 15 or later.

    Appends have connections of their own, so that long reads never hold them up.
    """

    def __init__(
        self,
        writers: Writers,
        readers: asyncpg.Pool,
        *,
        masters: MasterKeys | None,
        timeout_s: float,
        archive: Path | None = None,
    ) -> None:
        super().__init__(readers, keys=KeyRing(masters), timeout_s=timeout_s, archive=archive)
        self._writers = writers

    @classmethod
    async def connect(
        cls,
        dsn: str,
        *,
        masters: MasterKeys | None = None,
        max_readers: int = 8,
        timeout_s: float = 15.0,
        application_name: str = "balto",
        archive: Path | None = None,
    ) -> Self:
        """Connect and bring the schema up to date.

        Args:
            dsn: a `postgresql://` address.
            masters: without them, appending and reading anything personal raises `SealingError`.
            max_readers: connections for reading, at most; a few more are for appending.
            timeout_s: seconds after which an append, or the next page of a reading, counts as unanswered.
            application_name: what the server's own views call these connections.
            archive: folder of the files of what is cold; without it, reading that raises `ArchiveError`.

        Raises:
            StoreUnavailableError: the server cannot be reached.
            MigrationError: its schema is not one that this program can bring up to date.
            SealingError: what is in it was sealed with other master keys of the same versions.
        """
        with translated():
            connection = await asyncpg.connect(dsn, timeout=timeout_s)
            try:
                await migrate(connection)
                if masters is not None:
                    await compare_masters(connection, masters)
            finally:
                await connection.close(timeout=timeout_s)
            readers = await open_pool(dsn, most=max_readers, application_name=application_name, timeout_s=timeout_s)
        writers = Writers(partial(open_writer, dsn, application_name=application_name, timeout_s=timeout_s))
        with translated():
            async with writers.lend():
                pass  # the first append finds a connection open
        store = cls(writers, readers, masters=masters, timeout_s=timeout_s, archive=archive)
        await store.cold_ranges()
        return store

    async def close(self) -> None:
        """Close every connection, after the readings that are under way or the time-out."""
        await self._writers.close(self._timeout_s)
        try:
            await asyncio.wait_for(self._readers.close(), self._timeout_s)
        except TimeoutError:
            self._readers.terminate()

    def snapshots[S](self, codec: StateCodec[S]) -> Snapshots[S]:
        """Return the snapshots of one kind of state.

        Raises:
            SealingError: there are no master keys.
        """
        return Snapshots(self._readers, self, self._keys.require_masters(), codec)

    async def append(self, append: Append) -> Appended:
        """Append events to one stream; see `EventStore.append`."""
        (outcome,) = await self.append_group([prepare(append)])
        if isinstance(outcome, Appended):
            return outcome
        raise outcome

    async def append_atomically(self, appends: Sequence[Append]) -> list[Appended]:
        """Append to several streams, all or nothing; see `EventStore.append_atomically`."""
        outcomes = await self._append([prepare(append) for append in appends], together=True)
        landed = []
        for outcome in outcomes:
            if not isinstance(outcome, Appended):
                raise outcome
            landed.append(outcome)
        return landed

    async def append_group(self, appends: Sequence[PreparedAppend]) -> list[Outcome]:
        """Append to several streams in one transaction, each append accepted or refused for itself.

        Returns:
            For each append where it landed, or the reason of its refusal.

        Raises:
            StoreUnavailableError: nothing is known; retry with the same ids.
            SealingError: there is something personal and no master key.
            StoreError: the database refuses the whole group.
            ValueError: two appends are for one stream.
        """
        return await self._append(appends, together=False)

    async def _append(self, appends: Sequence[PreparedAppend], *, together: bool) -> list[Outcome]:
        if len({append.stream for append in appends}) != len(appends):
            raise ValueError("two appends of a group are for one stream")
        outcomes: dict[str, Outcome] = {}
        left = list(appends)
        for _ in range(_KEY_ATTEMPTS):
            if not left:
                return [outcomes[append.stream] for append in appends]
            with translated():
                async with asyncio.timeout(self._timeout_s), self._writers.lend() as connection:
                    keys = await self._keys_for(connection, left)
                    name, sent = arguments(left, keys, together=together)
                    (row,) = await connection.fetch(statement(name), *sent)
            answers = list(zip(left, row["outcomes"], row["stream_positions"], row["positions"], strict=True))
            # Another process gave the stream its key since we last looked.
            wrong = {append.stream for append, outcome, *_ in answers if outcome == "key"}
            for stream in wrong:
                self._keys.forget(stream)
            if wrong and together:
                continue
            for append, outcome, stream_position, position in answers:
                if outcome != "key":
                    outcomes[append.stream] = _outcome(append, outcome, stream_position, position)
            left = [append for append in left if append.stream in wrong]
        raise StoreUnavailableError("the keys of streams change faster than they can be read")

    async def _keys_for(
        self, connection: asyncpg.Connection, appends: Sequence[PreparedAppend]
    ) -> dict[str, StreamKey]:
        sealed = [append for append in appends if append.sealed]
        new = {append.stream for append in sealed if append.expected == NO_STREAM}
        return await self._keys.for_writing(connection, [append.stream for append in sealed], new)

    async def erase(self, stream: str, subject_erased: NewEvent) -> Appended:
        """Destroy for good what a stream holds of a person; see `EventStore.erase`."""
        self._keys.forget(stream)
        with translated():
            async with asyncio.timeout(self._timeout_s), self._writers.lend() as connection:
                row = await connection.fetchrow(statement("erase"), stream, (1, *event_row(subject_erased)[:-1], None))
        self._keys.forget(stream)
        if row is None or row["outcome"] == "missing":
            raise NoStreamError(f"there is no stream {stream}")
        return Appended(stream_position=row["stream_position"], position=row["position"])


def _outcome(append: PreparedAppend, outcome: str, stream_position: int, position: int) -> Outcome:
    if outcome == "conflict":
        return WrongExpectedPositionError(append.stream, append.expected, stream_position)
    if outcome == "erased":
        return StreamErasedError(append.stream)
    if outcome == "tenant":
        return WrongTenantError(append.stream)
    if outcome not in {"ok", "duplicate"}:
        raise StoreError(f"the database answered an append with {outcome!r}, which this program does not know")
    return Appended(stream_position=stream_position, position=position)
