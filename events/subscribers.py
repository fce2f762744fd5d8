"""The subscriptions of a process: they share one watch and few connections, and keep their places in the database."""

from dataclasses import dataclass
from datetime import datetime
from types import TracebackType
from typing import Self

import asyncpg

from events.consumer import Consumer
from events.faults import translated
from events.queries import EventReader
from events.selection import EVERYTHING, Selection
from events.sql import statement
from events.store import StoreError
from events.subscription import Subscription
from events.watch import Watch


class SubscriptionMismatchError(StoreError):
    """A subscription of that name is divided into another number of slots."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SlotStatus:
    """Where a named subscription stands, for one of its slots."""

    name: str
    slot: int
    slots: int
    position: int
    """The last position that is done."""
    lag: int
    """Positions behind the ledger."""
    updated_at: datetime


class DurableSubscription(Subscription):
    """A subscription that goes on where it was acknowledged to: at least once.

    Every process that opens the same name gets every event; to share them out, or to write in the same transaction,
    take a `Consumer`.
    """

    def __init__(
        self,
        pool: asyncpg.Pool,
        reader: EventReader,
        watch: Watch,
        name: str,
        *,
        after: int,
        selection: Selection,
        page: int,
    ) -> None:
        """Take where its place is kept; see `Subscriptions.durable`."""
        super().__init__(reader, watch, after=after, selection=selection, page=page)
        self._pool = pool
        self.name = name

    async def ack(self, position: int | None = None) -> None:
        """Write down that everything up to a position is done, by default all that was given. Never goes back.

        Raises:
            ValueError: events up to there were not given yet.
            StoreUnavailableError: the database is away.
        """
        upto = self.position if position is None else position
        if upto > self.position:
            raise ValueError(f"{upto} is acknowledged, but events were given up to {self.position} only")
        with translated():
            await self._pool.execute(statement("move_slot"), self.name, 0, upto)


class Subscriptions:
    """Makes subscriptions of every kind. Belongs to the event loop that opened it."""

    def __init__(self, pool: asyncpg.Pool, reader: EventReader, watch: Watch, *, poll_s: float) -> None:
        self._pool = pool
        self._reader = reader
        self._poll_s = poll_s
        self.watch = watch

    @classmethod
    async def open(
        cls,
        dsn: str,
        reader: EventReader,
        *,
        max_size: int = 8,
        poll_s: float = 0.5,
        patience_s: float = 60.0,
        timeout_s: float = 15.0,
    ) -> Self:
        """Connect to the database of a store and begin to watch it.

        Args:
            dsn: a `postgresql://` address of the store's primary server.
            reader: the store.
            max_size: transactions of consumers under way at once, at most.
            poll_s: seconds between two looks where nothing is notified.
            patience_s: seconds for which a consumer may do nothing in its transaction before it loses its turn.
            timeout_s: seconds to wait for a connection.

        Raises:
            StoreUnavailableError: the server cannot be reached.
        """
        with translated():
            pool = await asyncpg.create_pool(
                dsn,
                min_size=0,
                max_size=max_size,
                timeout=timeout_s,
                server_settings={
                    "application_name": "balto consumer",
                    "default_transaction_isolation": "read committed",
                    "idle_in_transaction_session_timeout": str(int(patience_s * 1_000)),
                    # A machine that vanished holds its locks for 15 seconds, not for the hours of the usual settings.
                    "tcp_keepalives_idle": "5",
                    "tcp_keepalives_interval": "5",
                    "tcp_keepalives_count": "2",
                },
            )
        watch = Watch(dsn, poll_s=poll_s, timeout_s=timeout_s)
        watch.start()
        return cls(pool, reader, watch, poll_s=poll_s)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, _: object, trace: TracebackType | None) -> None:
        await self.close()

    async def close(self) -> None:
        """Stop watching and close the connections; transactions under way are rolled back."""
        await self.watch.close()
        self._pool.terminate()

    def subscribe(self, *, after: int = 0, selection: Selection = EVERYTHING, page: int = 500) -> Subscription:
        """Give every selected event after a position, first what is there, then what comes; see `Subscription`."""
        return Subscription(self._reader, self.watch, after=after, selection=selection, page=page)

    async def durable(
        self, name: str, *, start: int = 0, selection: Selection = EVERYTHING, page: int = 500
    ) -> DurableSubscription:
        """Go on with a named subscription where it was acknowledged to, or begin it after `start`.

        Raises:
            SubscriptionMismatchError: the name is that of a consumer group with several slots.
            StoreUnavailableError: the database is away.
        """
        after = await self._register(name, 1, start)
        return DurableSubscription(
            self._pool, self._reader, self.watch, name, after=after, selection=selection, page=page
        )

    async def consumer(
        self, name: str, *, slots: int = 1, start: int = 0, selection: Selection = EVERYTHING, page: int = 500
    ) -> Consumer:
        """Join a consumer group, or begin it after position `start`; with one slot, one member works at a time.

        Raises:
            SubscriptionMismatchError: the group is divided into another number of slots.
            StoreUnavailableError: the database is away.
        """
        await self._register(name, slots, start)
        return Consumer(
            self._pool,
            self._reader,
            self.watch,
            name,
            slots=slots,
            selection=selection,
            page=page,
            poll_s=self._poll_s,
        )

    async def status(self, name: str | None = None) -> list[SlotStatus]:
        """Return where named subscriptions stand, by name and slot."""
        with translated():
            rows = await self._pool.fetch(statement("subscription_slots"), name)
        return [SlotStatus(**row) for row in rows]

    async def forget(self, name: str) -> None:
        """Forget a subscription's place; whoever takes the name next begins anew."""
        with translated():
            await self._pool.execute("DELETE FROM subscriptions WHERE name = $1", name)

    async def _register(self, name: str, slots: int, start: int) -> int:
        """Make a name's slots where there are none; return how far all of them are."""
        with translated():
            await self._pool.execute(statement("register_subscription"), name, slots, start)
        there = await self.status(name)
        if len(there) != slots:
            raise SubscriptionMismatchError(f"subscription {name} has {len(there)} slots, not {slots}")
        return min(slot.position for slot in there)
