"""A server to be killed and started again at the same address, on a disk that can fill up where root may mount one."""

import errno
import os
import shlex
import shutil
import signal
import subprocess
import time
from pathlib import Path
from typing import Final

import psutil

from events.cluster import Cluster
from events.embedded import EmbeddedPostgres, EmbeddedPostgresError
from events.programs import find_binaries, find_runner, place

_SETTINGS: Final = {
    "fsync": "on",
    "synchronous_commit": "on",
    "max_connections": "60",
    "max_wal_size": "64MB",
    "min_wal_size": "32MB",
    "restart_after_crash": "on",
}
_DISK_MB: Final = 600
_WAIT_S: Final = 60.0


class Disk:
    """A small disk of its own for the server, where that can be had."""

    def __init__(self, folder: Path, size_mb: int = _DISK_MB) -> None:
        """Mount it.

        Args:
            folder: an empty folder.
            size_mb: how much it holds.
        """
        self.folder = folder
        self._size_mb = size_mb
        self.why_not = self._mount()
        """Why it is no disk of its own; None if it is."""

    def _mount(self) -> str | None:
        mount = shutil.which("mount")
        if os.geteuid() != 0 or mount is None:
            return "only root can mount a small disk"
        command = [mount, "-t", "tmpfs", "-o", f"size={self._size_mb}m,mode=755", "tmpfs", str(self.folder)]
        done = subprocess.run(command, check=False, capture_output=True, text=True)
        return None if done.returncode == 0 else "mounting a small disk is not allowed here"

    @property
    def _filler(self) -> Path:
        return self.folder / "filler"

    def fill(self) -> None:
        """Write until there is no room for a single page more."""
        with self._filler.open("ab", buffering=0) as file:
            for size in (1 << 20, 1 << 12):
                try:
                    while True:
                        file.write(bytes(size))
                except OSError as error:
                    if error.errno != errno.ENOSPC:
                        raise

    def relieve(self) -> None:
        """Give the room back."""
        self._filler.unlink(missing_ok=True)

    def close(self) -> None:
        """Unmount."""
        umount = shutil.which("umount")
        if self.why_not is None and umount is not None:
            subprocess.run([umount, str(self.folder)], check=True)


class MortalServer:
    """An embedded server whose processes may be killed at any time."""

    def __init__(self, data_dir: Path) -> None:
        self._data_dir = data_dir
        self._embedded = EmbeddedPostgres(data_dir, _SETTINGS)
        self._cluster: Cluster | None = None
        self._arguments: list[str] = []

    async def start(self) -> str:
        """Start the server and return the address of its database."""
        dsn = await self._embedded.start()
        runner = find_runner()
        self._cluster = Cluster(place(self._data_dir, runner), find_binaries(runner), runner)
        # Started with the same arguments, above all the same socket, it is where its clients look for it.
        self._arguments = psutil.Process(self._pid()).cmdline()[3:]
        return dsn

    async def stop(self) -> None:
        """Stop it for good."""
        if not self.alive():
            self.relaunch()
        await self._embedded.stop()

    def alive(self) -> bool:
        """Whether the server's first process is there."""
        return self._cluster is not None and self._cluster.running() is not None

    def kill(self) -> None:
        """Kill the server's first process, which takes the others along, without any warning."""
        pid = self._pid()
        os.kill(pid, signal.SIGKILL)
        until = time.monotonic() + _WAIT_S
        while not _is_over(pid):
            if time.monotonic() > until:
                raise EmbeddedPostgresError("the server outlived its being killed")
            time.sleep(0.02)

    def relaunch(self) -> None:
        """Start it again where it was.

        Raises:
            EmbeddedPostgresError: it does not start.
        """
        if self._cluster is None:
            raise EmbeddedPostgresError("the server was never started")
        cluster = self._cluster
        command: list[str | Path] = [cluster.binaries / "pg_ctl", "start", "-w", "-s", "-t", str(int(_WAIT_S))]
        command += ["-D", cluster.path, "-l", cluster.path / "server.log", "-o", shlex.join(self._arguments)]
        until = time.monotonic() + _WAIT_S
        # The dead server's children need a moment to notice and let go of its memory.
        while (done := cluster.runner.run(command)).returncode != 0:
            if time.monotonic() > until:
                raise EmbeddedPostgresError(f"the killed server does not start again: {done.stderr.strip()[-200:]}")
            time.sleep(0.1)

    def _pid(self) -> int:
        running = None if self._cluster is None else self._cluster.running()
        if running is None:
            raise EmbeddedPostgresError("the server is not running")
        return running[0]


def _is_over(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True
