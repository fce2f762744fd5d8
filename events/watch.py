"""The watch: the one connection of a process that learns when the ledger has grown, and wakes whoever waits."""

import asyncio
import logging
import math
from collections.abc import Callable
from types import TracebackType
from typing import Any, Final, Self

import asyncpg

from events.faults import translated
from events.sql import statement
from events.store import StoreError
from events.troubles import Trouble

CHANNEL: Final = "balto_events"
"""Notified once by every flush that wrote something."""

_TRUSTED: Final = 4
"""Looks of which one is taken where LISTEN has shown that it works."""
_FIRST_PAUSE_S: Final = 0.05
_LONGEST_PAUSE_S: Final = 2.0

logger = logging.getLogger(__name__)


class Watch:
    """Knows the ledger's last position, by LISTEN, and by a look every `poll_s` seconds for what LISTEN misses.

    Polling is all there is where LISTEN cannot be had, as on a standby or through a pooler; on a connection that has
    been told something, only every fourth look is taken. A lost connection is made again. What a notification says is
    not believed, anyone may send one: it makes the watch look. Belongs to the event loop that started it; any number
    may wait.
    """

    def __init__(
        self,
        dsn: str,
        *,
        poll_s: float = 0.5,
        pace_s: float = 0.0,
        timeout_s: float = 15.0,
        listen: bool = True,
        doze_after_s: float = math.inf,
    ) -> None:
        """Set what to watch.

        Args:
            dsn: a `postgresql://` address of a migrated store.
            poll_s: seconds between two looks in which nothing was notified.
            pace_s: seconds between two looks, at least: under a steady stream one look sees what many flushes wrote.
            timeout_s: seconds after which a connection or a look counts as lost.
            listen: whether to try LISTEN at all.
            doze_after_s: seconds in which nobody waited, after which it neither listens nor looks until somebody does.
                Every notification wakes this process, and the server's, whether anybody wants to know or not.
        """
        self._dsn = dsn
        self._poll_s = poll_s
        self._pace_s = pace_s
        self._timeout_s = timeout_s
        self._listen = listen
        self._doze_after_s = doze_after_s
        self._head = 0
        self._waiting = 0
        self._wanted = asyncio.Event()
        self._wanted_last = 0.0
        self._moved = asyncio.Event()
        self._look = asyncio.Event()
        self._told = False
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self.start()
        return self

    async def __aexit__(self, kind: type[BaseException] | None, _: object, trace: TracebackType | None) -> None:
        await self.close()

    @property
    def head(self) -> int:
        """The ledger's last position as far as is known, 0 before the first look."""
        return self._head

    def start(self) -> None:
        """Begin to watch."""
        if self._task is None:
            self._task = asyncio.create_task(self._run(), name="watch")

    async def close(self) -> None:
        """Stop watching. Whoever waits still, waits on."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None

    async def beyond(self, position: int) -> int:
        """Wait until the ledger holds events after a position; return its last position."""
        if self._head > position:
            return self._head
        self._waiting += 1
        self._wanted.set()
        try:
            while self._head <= position:
                await self._moved.wait()
        finally:
            self._waiting -= 1
            self._wanted_last = asyncio.get_running_loop().time()
            if not self._waiting:
                self._wanted.clear()
        return self._head

    async def stir(self, timeout_s: float, *, seen: int) -> None:
        """Wait until the ledger holds events after the position that was seen last, or for so many seconds."""
        try:
            await asyncio.wait_for(self.beyond(seen), timeout_s)
        except TimeoutError:
            return

    async def _run(self) -> None:
        pause = _FIRST_PAUSE_S
        trouble = Trouble(logger, "the watch lost its connection: %s")
        while True:
            seen = self._head
            try:
                await self._attend(trouble)
            except StoreError as error:
                trouble.goes_on(error)
            pause = _FIRST_PAUSE_S if self._head > seen else min(2 * pause, _LONGEST_PAUSE_S)
            await asyncio.sleep(pause)

    async def _attend(self, trouble: Trouble) -> None:
        """Watch with one connection until it is lost."""
        settings = {"application_name": "balto watch"}
        with translated():
            connection = await asyncpg.connect(self._dsn, timeout=self._timeout_s, server_settings=settings)
            try:
                connection.add_termination_listener(self._wake)
                listen = self._listen
                while not connection.is_closed():
                    async with asyncio.timeout(self._timeout_s):
                        listen = listen and await listen_if_allowed(connection, CHANNEL, self._hear, "polling instead")
                    await self._watch(connection, trouble)
                    await self._doze(connection)
            finally:
                connection.terminate()

    async def _watch(self, connection: asyncpg.Connection, trouble: Trouble) -> None:
        """Watch until nobody has wanted to know for a while, or the connection is lost."""
        self._told = False
        self._wanted_last = asyncio.get_running_loop().time()
        while not (connection.is_closed() or self._is_forgotten()):
            self._look.clear()
            self._advance(await connection.fetchval(statement("last_position"), timeout=self._timeout_s))
            trouble.is_over()
            await asyncio.sleep(self._pace_s)
            await self._wait_for_a_reason()

    async def _doze(self, connection: asyncpg.Connection) -> None:
        """Hear nothing until somebody wants to know."""
        if not connection.is_closed():
            async with asyncio.timeout(self._timeout_s):
                await connection.remove_listener(CHANNEL, self._hear)
            await self._wanted.wait()

    def _is_forgotten(self) -> bool:
        return not self._waiting and asyncio.get_running_loop().time() - self._wanted_last >= self._doze_after_s

    async def _wait_for_a_reason(self) -> None:
        try:
            await asyncio.wait_for(self._look.wait(), self._poll_s * (_TRUSTED if self._told else 1))
        except TimeoutError:
            return

    def _hear(self, *_: object) -> None:
        self._told = True
        self._wake()

    def _wake(self, *_: object) -> None:
        self._look.set()

    def _advance(self, head: int) -> None:
        if head > self._head:
            self._head = head
            moved, self._moved = self._moved, asyncio.Event()
            moved.set()


async def listen_if_allowed(
    connection: asyncpg.Connection, channel: str, hear: Callable[[Any, int, str, object], None], otherwise: str
) -> bool:
    """Listen to a channel; where that cannot be had, as on a standby or through a pooler, say so and return False.

    Args:
        connection: that hears it.
        channel: its name.
        hear: as the driver calls its listeners.
        otherwise: what is done instead, for the log.

    Raises:
        asyncpg.PostgresError: the connection was lost over it.
    """
    try:
        await connection.add_listener(channel, hear)
    except asyncpg.PostgresError as error:
        if connection.is_closed():
            raise
        logger.warning("the database refuses LISTEN (%s); %s", error.sqlstate, otherwise)
        return False
    return True
