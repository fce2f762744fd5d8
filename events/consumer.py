"""Consumers: named subscriptions that share out the ledger and write in the same transaction as their place."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Final

import asyncpg
from asyncpg.pool import PoolConnectionProxy
from asyncpg.transaction import Transaction

from events.envelope import RecordedEvent
from events.faults import passes, translated
from events.queries import EventReader, read_page
from events.selection import EVERYTHING, Selection
from events.sql import statement
from events.store import StoreUnavailableError
from events.troubles import Trouble
from events.watch import Watch

_WORTH_WRITING: Final = 5_000
"""Positions without a selected event that a member remembers by itself before it writes down that it passed them."""
_FIRST_PAUSE_S: Final = 0.05
_LONGEST_PAUSE_S: Final = 5.0

_LOST: Final = (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError, OSError)

logger = logging.getLogger(__name__)

type Handler = Callable[[PoolConnectionProxy, Batch], Awaitable[None]]
"""What is done with a batch; what it writes with the connection is committed with the consumer's place, or not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """Selected events of one slot, in order; there is at least one."""

    slot: int
    events: list[RecordedEvent]
    after: int
    upto: int
    """Where the slot will be once they are done."""


class Consumer:
    """One member of a named consumer group.

    Streams are divided into slots by a hash of their ids. To work on a batch is to hold the lock on its slot's row for
    one transaction: members take the slot that is furthest behind and that nobody holds, so any number may join and
    leave, work goes to whoever is idle, and a stream's events are handled one batch after another, in order. A member
    that is killed loses its connection, hence its lock and what it had not committed; another one takes the same batch.
    What a handler writes with the connection it is given happens exactly once; other effects at least once.

    A machine that vanishes is noticed by the server's keepalives; a handler that takes longer than the pool's idle
    time in a transaction loses its turn (see `Subscriptions`).
    """

    def __init__(
        self,
        pool: asyncpg.Pool,
        reader: EventReader,
        watch: Watch,
        name: str,
        *,
        slots: int = 1,
        selection: Selection = EVERYTHING,
        page: int = 500,
        poll_s: float = 0.5,
    ) -> None:
        """Take what to consume, of a name that is registered (see `Subscriptions.consumer`).

        Args:
            pool: connections for the transactions.
            reader: the store.
            watch: tells when the ledger has grown.
            name: of the group; members of the same name share its slots.
            slots: into how many parts the streams are divided.
            selection: which events.
            page: events in a batch, at most.
            poll_s: seconds between two looks for slots that a lost member left behind.
        """
        self._pool = pool
        self._reader = reader
        self._watch = watch
        self.name = name
        self._slots = slots
        self._selection = selection
        self._page = page
        self._poll_s = poll_s
        self._clear: dict[int, int] = {}

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[tuple[PoolConnectionProxy, Batch]]:
        """Wait for a batch and give it with a connection in a transaction, which is committed when the block ends.

        A block that raises leaves everything as it was, and the batch is given again.

        Raises:
            StoreUnavailableError: the database went away: it is not known whether the batch was committed, which the
                next one tells.
            MissingEventsError: positions are missing from the ledger.
        """
        while True:
            head = self._watch.head
            async with self._transaction() as connection:
                batch = await self._claim(connection, head)
                if batch is not None and batch.events:
                    yield connection, batch
                    await self._move(connection, batch)
                    return
                if batch is not None and batch.upto - batch.after >= _WORTH_WRITING:
                    await self._move(connection, batch)
            if batch is None:
                await self._watch.stir(self._poll_s, seen=head)

    async def run(self, handler: Handler) -> None:
        """Handle batch after batch until cancelled. Waits out the database's absence; what a handler raises ends it."""
        pause = _FIRST_PAUSE_S
        trouble = Trouble(logger, f"consumer {self.name} waits: %s")
        while True:
            try:
                async with self.transaction() as (connection, batch):
                    await handler(connection, batch)
                pause = _FIRST_PAUSE_S
                trouble.is_over()
            except StoreUnavailableError as error:
                trouble.goes_on(error)
                await asyncio.sleep(pause)
                pause = min(2 * pause, _LONGEST_PAUSE_S)

    @asynccontextmanager
    async def _transaction(self) -> AsyncIterator[PoolConnectionProxy]:
        """Lend a connection in a transaction. What the block raises passes as it is, but for the connection's loss."""
        with translated():
            connection = await self._pool.acquire()
        try:
            transaction = connection.transaction()
            with translated():
                await transaction.start()
            try:
                yield connection
            except BaseException as error:
                lost = passes(error) or (_gone(connection) and isinstance(error, Exception))
                await _roll_back(connection, transaction)
                if lost:
                    raise StoreUnavailableError(f"a batch was not done: {type(error).__name__}") from error
                raise
            with translated():
                await transaction.commit()
        finally:
            await _give_back(self._pool, connection)

    async def _claim(self, connection: PoolConnectionProxy, head: int) -> Batch | None:
        """Lock the slot furthest behind and read on from where it is; None where there is nothing to do for now."""
        done = [slot for slot, upto in self._clear.items() if upto >= head]
        with translated():
            row = await connection.fetchrow(statement("claim_slot"), self.name, head, done)
        if row is None:
            return None
        slot: int = row["slot"]
        after = max(row["position"], self._clear.get(slot, 0))
        selection = self._selection if self._slots == 1 else replace(self._selection, slot=(slot, self._slots))
        page = await read_page(self._reader, selection, after=after, upto=head, limit=self._page)
        if not page.events:
            self._clear[slot] = page.upto
        return Batch(slot=slot, events=page.events, after=row["position"], upto=page.upto)

    async def _move(self, connection: PoolConnectionProxy, batch: Batch) -> None:
        with translated():
            await connection.execute(statement("move_slot"), self.name, batch.slot, batch.upto)


async def _give_back(pool: asyncpg.Pool, connection: PoolConnectionProxy) -> None:
    """Give a connection back; one that was lost meanwhile is replaced by the pool and spoils nothing that was done."""
    try:
        await pool.release(connection)
    except _LOST as error:
        logger.debug("a consumer's connection was lost: %s", type(error).__name__)


async def _roll_back(connection: PoolConnectionProxy, transaction: Transaction) -> None:
    """Undo a transaction; where that fails, the connection's end undoes it."""
    try:
        await transaction.rollback()
    except _LOST:
        if not _gone(connection):
            connection.terminate()


def _gone(connection: PoolConnectionProxy) -> bool:
    try:
        return connection.is_closed()
    except asyncpg.InterfaceError:  # the pool takes back what is lost
        return True
