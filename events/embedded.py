"""A PostgreSQL of our own, for a laptop or a single server: no installation, no port, no password."""

import asyncio
import fcntl
import os
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Final, Self
from urllib.parse import quote

import asyncpg

from events.cluster import USER, Cluster
from events.guard import ended
from events.programs import EmbeddedPostgresError, find_binaries, find_runner, place

__all__ = ["EmbeddedPostgres", "EmbeddedPostgresError"]

_POLL_S: Final = 0.05


class EmbeddedPostgres:
    """The PostgreSQL server of a data folder, shared by every process that starts it there.

    The first to start it makes the cluster if need be and starts the server; later ones join. The last to stop it
    stops the server. The kernel keeps count by file locks in the data folder, so that a killed process counts no
    longer; a server that it left behind is joined by the next start.

    The cluster is in `data_dir/postgres`. PostgreSQL refuses to run as root; started by root, the server runs as
    user `postgres`, or else `nobody`. Where that user cannot reach `data_dir`, the cluster is in
    `/var/lib/balto/KEY/postgres` (or `/var/tmp/balto/…` where `/var/lib` is read-only), KEY being a hash of the data
    folder's path, and `data_dir/postgres` is a link to it; where it cannot read the installed programs, a copy of
    them is in `/var/lib/balto/postgresql-VERSION`. No existing folder's permissions are ever changed.

    Clients connect through a unix socket in a folder that only the server's user (and root) can enter; there is no
    TCP port.
    """

    def __init__(
        self, data_dir: Path, settings: Mapping[str, str] | None = None, *, binaries: Path | None = None
    ) -> None:
        """Name the data folder.

        Args:
            data_dir: made at the start if it does not exist.
            settings: parameters of `postgresql.conf` by name; a server that is joined keeps its own.
            binaries: folder of another PostgreSQL's programs, version 15 or later, which the server's user can read.
        """
        self._data_dir = data_dir.expanduser().resolve()
        self._settings = dict(settings or {})
        self._binaries = binaries
        self._cluster: Cluster | None = None
        self._sockets: Path | None = None
        self._users: int | None = None

    async def start(self) -> str:
        """Start or join the server and return the address of its database `balto`.

        Raises:
            EmbeddedPostgresError: it cannot be made, started or joined.
        """
        try:
            self._data_dir.mkdir(parents=True, exist_ok=True)
            gate = await self._enter()
        except OSError as error:
            raise EmbeddedPostgresError(f"cannot use {self._data_dir}: {error.strerror}") from error
        try:
            alone = self._join_users()
            self._cluster, self._sockets = await _to_the_end(partial(self._bring_up, alone=alone))
            await self._create_database()
        except OSError as error:
            self._leave_users()
            raise EmbeddedPostgresError(f"cannot use {self._data_dir}: {error.strerror}") from error
        except BaseException:
            self._leave_users()
            raise
        finally:
            os.close(gate)
        return self.dsn

    async def stop(self) -> None:
        """Leave the server, and stop it if no other process uses it. Without effect where it is not started.

        Raises:
            EmbeddedPostgresError: the server does not stop.
        """
        if self._users is None or self._cluster is None or self._sockets is None:
            return
        gate = await self._enter()
        try:
            if _try_lock(self._users, fcntl.LOCK_EX):
                await _to_the_end(partial(self._cluster.stop, self._sockets))
        finally:
            self._leave_users()
            os.close(gate)

    @property
    def dsn(self) -> str:
        """Address of the database, for asyncpg or psql.

        Raises:
            EmbeddedPostgresError: the server is not started.
        """
        return self.dsn_of("balto")

    def dsn_of(self, database: str) -> str:
        """Return the address of another database of the same server; raises as `dsn`."""
        if self._sockets is None:
            raise EmbeddedPostgresError("the embedded server is not started")
        return f"postgresql:///{quote(database)}?host={quote(str(self._sockets), safe='')}&user={USER}"

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    async def _enter(self) -> int:
        """Wait until no other process starts or stops the server, and keep it so until the result is closed."""
        gate = os.open(self._data_dir / "postgres.gate", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            while not _try_lock(gate, fcntl.LOCK_EX):  # noqa: ASYNC110 - other processes set no event of ours
                await asyncio.sleep(_POLL_S)
        except BaseException:
            os.close(gate)
            raise
        return gate

    def _join_users(self) -> bool:
        """Count ourselves among the server's users and tell whether we are the only one."""
        if self._users is None:
            self._users = os.open(self._data_dir / "postgres.users", os.O_RDWR | os.O_CREAT, 0o600)
        alone = _try_lock(self._users, fcntl.LOCK_EX)
        fcntl.flock(self._users, fcntl.LOCK_SH)
        return alone

    def _leave_users(self) -> None:
        if self._users is not None:
            os.close(self._users)
        self._users = self._sockets = self._cluster = None

    async def died(self) -> None:
        """Wait until there is no server on the cluster, without asking it anything.

        Raises:
            EmbeddedPostgresError: it is not started.
        """
        if self._cluster is None:
            raise EmbeddedPostgresError("the embedded server is not started")
        while (running := self._cluster.running()) is not None:
            await ended(running[0])

    async def revive(self) -> bool:
        """Start a server that died at the address it had, and tell whether that was left for us to do.

        Raises:
            EmbeddedPostgresError: it does not start.
        """
        gate = await self._enter()
        try:
            if self._cluster is None or self._cluster.running() is not None:
                return False
            await _to_the_end(self._cluster.restart)
        finally:
            os.close(gate)
        return True

    def _bring_up(self, *, alone: bool) -> tuple[Cluster, Path]:
        runner = find_runner()
        cluster = Cluster(place(self._data_dir, runner), self._binaries or find_binaries(runner), runner)
        running = cluster.running()
        if running is not None:
            return cluster, running[1]
        if not alone:
            # Others still wait at the address that the dead server had.
            return cluster, cluster.restart()
        cluster.make()
        return cluster, cluster.start(self._settings)

    async def _create_database(self) -> None:
        try:
            connection = await asyncpg.connect(self.dsn_of("postgres"))
            try:
                if await connection.fetchval("SELECT true FROM pg_database WHERE datname = 'balto'") is None:
                    await connection.execute("CREATE DATABASE balto")
            finally:
                await connection.close()
        except (OSError, asyncpg.PostgresError) as error:
            raise EmbeddedPostgresError(f"the server in {self._data_dir} does not answer: {error}") from error


async def _to_the_end[T](work: Callable[[], T]) -> T:
    """Run blocking work on a thread and stay with it even when cancelled, since a thread cannot be."""
    running = asyncio.ensure_future(asyncio.to_thread(work))
    try:
        return await asyncio.shield(running)
    except asyncio.CancelledError:
        await asyncio.wait([running])
        raise


def _try_lock(file: int, kind: int) -> bool:
    try:
        fcntl.flock(file, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
