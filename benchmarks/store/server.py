"""The one server of a run: an embedded PostgreSQL in a folder of its own, as durable as a real one."""

import asyncio
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Final

import asyncpg
import psutil

from events.embedded import EmbeddedPostgres

DURABLE: Final = {
    "fsync": "on",
    "synchronous_commit": "on",
    "full_page_writes": "on",
    "max_connections": "200",
    "shared_buffers": "512MB",
    "max_wal_size": "4GB",
}


class Server:
    """A started server."""

    def __init__(self, embedded: EmbeddedPostgres) -> None:
        self._embedded = embedded
        self.postmaster = asyncio.run(self._find_postmaster())

    @property
    def sockets(self) -> str:
        """Folder of the server's socket."""
        return str(asyncio.run(self._fetch("SELECT current_setting('unix_socket_directories')")))

    @property
    def version(self) -> str:
        """Of PostgreSQL."""
        return str(asyncio.run(self._fetch("SELECT current_setting('server_version')")))

    def database(self, name: str) -> str:
        """Make an empty database and return its address."""
        asyncio.run(self._execute(f"CREATE DATABASE {name}"))
        return self._embedded.dsn_of(name)

    def cpu_s(self) -> float:
        """CPU seconds of the server's processes so far; those that have ended count no longer."""
        postmaster = psutil.Process(self.postmaster)
        total = 0.0
        for process in (postmaster, *postmaster.children()):
            try:
                times = process.cpu_times()
            except psutil.NoSuchProcess:
                continue
            total += times.user + times.system
        return total

    async def _find_postmaster(self) -> int:
        async with _connection(self._embedded.dsn) as connection:
            return psutil.Process(connection.get_server_pid()).ppid()

    async def _fetch(self, query: str) -> object:
        async with _connection(self._embedded.dsn) as connection:
            return await connection.fetchval(query)

    async def _execute(self, statement: str) -> None:
        async with _connection(self._embedded.dsn) as connection:
            await connection.execute(statement)


@asynccontextmanager
async def _connection(dsn: str) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(dsn)
    try:
        yield connection
    finally:
        await connection.close()


@contextmanager
def running(settings: dict[str, str] | None = None) -> Iterator[Server]:
    """Start a server in a temporary folder and take both away afterwards."""
    with tempfile.TemporaryDirectory(prefix="balto-bench-") as folder:
        data_dir = Path(folder)
        data_dir.chmod(0o755)  # the server's user must get in where this runs as root
        embedded = EmbeddedPostgres(data_dir, settings or DURABLE)
        asyncio.run(embedded.start())
        try:
            yield Server(embedded)
        finally:
            asyncio.run(embedded.stop())
