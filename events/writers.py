"""The few connections that append: lent without a round trip or a task, opened when they are needed."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Final

import asyncpg

from events.faults import passes
from events.store import StoreError

type Open = Callable[[], Awaitable[asyncpg.Connection]]

MOST: Final = 3
"""Two for the flushes of a journal, one for what else appends or erases meanwhile."""


class Writers:
    """Connections for appending. A pool of the driver's would spend more on lending one than an append takes.

    A connection over which anything but a plain refusal came is given up: nobody knows what it is in the midst of.
    """

    def __init__(self, open_one: Open, *, most: int = MOST) -> None:
        """Take what opens a connection, and how many there may be."""
        self._open_one = open_one
        self._free: list[asyncpg.Connection] = []
        self._places = most
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._closed = False

    @asynccontextmanager
    async def lend(self) -> AsyncIterator[asyncpg.Connection]:
        """Lend a connection, waiting for one in turn.

        Raises:
            InterfaceError: the writers are closed.
            OSError: none can be opened; as does what the driver raises then.
        """
        await self._take_place()
        connection: asyncpg.Connection | None = None
        sound = False
        try:
            connection = await self._open()
            yield connection
            sound = True
        except asyncpg.PostgresError as error:
            sound = not passes(error)
            raise
        except StoreError:
            sound = True  # ours, not the connection's
            raise
        finally:
            if connection is not None:
                self._take_back(connection, sound=sound)
            self._give_place()

    async def close(self, timeout_s: float) -> None:
        """Close those that are free; those that are lent are closed as they come back."""
        self._closed = True
        while self._free:
            connection = self._free.pop()
            try:
                await connection.close(timeout=timeout_s)
            except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError, TimeoutError):
                connection.terminate()

    async def _take_place(self) -> None:
        if self._places:
            self._places -= 1
            return
        turn = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self._give_place()
            raise

    def _give_place(self) -> None:
        while self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_result(None)
                return
        self._places += 1

    async def _open(self) -> asyncpg.Connection:
        if self._closed:
            raise asyncpg.InterfaceError("the store is closed")
        while self._free:
            connection = self._free.pop()
            if not connection.is_closed():
                return connection
        return await self._open_one()

    def _take_back(self, connection: asyncpg.Connection, *, sound: bool) -> None:
        if sound and not self._closed and not connection.is_closed():
            self._free.append(connection)
        else:
            connection.terminate()
