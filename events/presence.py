"""Presence: which streams a process is at work on, as others on the same database see it, without clocks or leases."""

import asyncio
import logging
from collections.abc import Callable
from types import TracebackType
from typing import Final, Self
from uuid import UUID

import asyncpg

from events.faults import translated
from events.store import StoreError, StoreUnavailableError
from events.troubles import Trouble
from events.watch import listen_if_allowed

CHANNEL: Final = "balto_claims"
"""Notified with the name of what a process has taken over from another."""

_FIRST_PAUSE_S: Final = 0.05
_LONGEST_PAUSE_S: Final = 2.0
_SETTINGS: Final = {
    "application_name": "balto presence",
    # A machine that is gone says no farewell: the server finds out within half a minute.
    "tcp_keepalives_idle": "10",
    "tcp_keepalives_interval": "5",
    "tcp_keepalives_count": "3",
}

logger = logging.getLogger(__name__)


def _key(name: UUID) -> int:
    return int.from_bytes(name.bytes[8:], signed=True)


class Presence:
    """Holds an advisory lock for each name, on one connection: when the process dies, the server lets go of them.

    It says who is there and fences nobody: a lock can be lost with its connection while the process goes on. Names are
    held and let go in the background. Over the same connection, who takes something over tells whoever held it; that
    may be lost too, and anyone may send it. Belongs to the event loop that started it.

    Args:
        dsn: a `postgresql://` address.
        timeout_s: seconds after which the connection counts as lost.
    """

    def __init__(self, dsn: str, *, timeout_s: float = 15.0) -> None:
        self._dsn = dsn
        self._timeout_s = timeout_s
        self._trouble = Trouble(logger, "the presence lost its connection: %s")
        self._wanted: set[int] = set()
        self._held: set[int] = set()
        self._news: set[UUID] = set()
        self.on_claimed: Callable[[UUID], object] | None = None
        """Called with a name that is held here and that another process says it has taken over."""
        self._work = asyncio.Event()
        self._connection: asyncpg.Connection | None = None
        self._turn = asyncio.Lock()
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._run(), name="presence")
        return self

    async def __aexit__(self, kind: type[BaseException] | None, _: object, trace: TracebackType | None) -> None:
        await self.close()

    async def close(self) -> None:
        """Let go of everything."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None

    def hold(self, name: UUID) -> None:
        """Show that this process is at work on something."""
        self._wanted.add(_key(name))
        self._work.set()

    def take_over(self, name: UUID) -> None:
        """As `hold`, of something that another process may be at work on: tell it."""
        self._news.add(name)
        self.hold(name)

    def let_go(self, name: UUID) -> None:
        """Show that it is not any more."""
        self._wanted.discard(_key(name))
        self._work.set()

    async def is_free(self, name: UUID) -> bool:
        """Return whether no process shows that it is at work on something; this one must not be.

        Raises:
            StoreUnavailableError: the database is away.
        """
        async with self._turn:
            if self._connection is None or self._connection.is_closed():
                raise StoreUnavailableError("there is no connection for it")
            with translated():
                free: bool = await self._connection.fetchval(
                    "SELECT pg_try_advisory_lock($1)", _key(name), timeout=self._timeout_s
                )
                if free:
                    await self._let_go(self._connection, _key(name))
        return free

    async def _run(self) -> None:
        pause_s = _FIRST_PAUSE_S
        while True:
            try:
                await self._attend()
            except StoreError as error:
                self._trouble.goes_on(error)
            pause_s = _FIRST_PAUSE_S if self._held else min(2 * pause_s, _LONGEST_PAUSE_S)
            self._held.clear()
            await asyncio.sleep(pause_s)

    async def _attend(self) -> None:
        with translated():
            connection = await asyncpg.connect(self._dsn, timeout=self._timeout_s, server_settings=_SETTINGS)
            try:
                connection.add_termination_listener(lambda _: self._work.set())
                await listen_if_allowed(connection, CHANNEL, self._hear, "who lost a session finds out when it writes")
                self._connection = connection
                self._trouble.is_over()
                while not connection.is_closed():
                    self._work.clear()
                    await self._catch_up(connection)
                    await self._work.wait()
            finally:
                self._connection = None
                connection.terminate()

    def _hear(self, connection: object, pid: int, _channel: str, payload: object) -> None:
        if isinstance(connection, asyncpg.Connection) and pid == connection.get_server_pid():
            return
        try:
            name = UUID(str(payload))
        except ValueError:
            return
        if _key(name) in self._wanted and self.on_claimed is not None:
            self.on_claimed(name)

    async def _catch_up(self, connection: asyncpg.Connection) -> None:
        while (self._wanted != self._held or self._news) and not connection.is_closed():
            async with self._turn:
                for name in list(self._news):
                    await connection.execute("SELECT pg_notify($1, $2)", CHANNEL, str(name), timeout=self._timeout_s)
                    self._news.discard(name)
                for key in self._wanted - self._held:
                    # Another's lock is not waited for: that process is about to find out that it has been replaced.
                    if await connection.fetchval("SELECT pg_try_advisory_lock($1)", key, timeout=self._timeout_s):
                        self._held.add(key)
                for key in self._held - self._wanted:
                    await self._let_go(connection, key)
                    self._held.discard(key)
            if self._wanted != self._held:
                await asyncio.sleep(_LONGEST_PAUSE_S / 4)

    async def _let_go(self, connection: asyncpg.Connection, key: int) -> None:
        await connection.execute("SELECT pg_advisory_unlock($1)", key, timeout=self._timeout_s)
