"""A PostgreSQL cluster on disk: how it is made, started and stopped. All of it blocks."""

import os
import shlex
import shutil
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import psutil

from events.programs import EmbeddedPostgresError, Runner, major_version

USER: Final = "balto"
"""Name of the database's owner. Whoever reaches the socket folder is let in as it."""
_WAIT_S: Final = "600"
"""Recovery after a crash may take minutes; giving up on it would only start it again."""
_SOCKETS: Final = "balto-pg-"
_SOCKET_FOLDER: Final = "unix_socket_directories"
_SETTINGS: Final = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    # Values that the server would quote in its log can be somebody's health.
    "log_error_verbosity": "terse",
    "log_min_error_statement": "panic",
}
_BUILTIN_LOCALES: Final = 17
"""The first version that brings a UTF-8 locale of its own."""


@dataclass(frozen=True, slots=True)
class Cluster:
    """A cluster at its place. Callers see to it that only one of them starts or stops it at a time."""

    path: Path
    binaries: Path
    runner: Runner

    def make(self) -> None:
        """Make the cluster if it is not there. One that was left half made is made anew.

        Raises:
            EmbeddedPostgresError: it cannot be made, or was made by another major version.
        """
        ours = major_version(self.runner, self.binaries)
        if (self.path / "PG_VERSION").exists():
            theirs = (self.path / "PG_VERSION").read_text().strip()
            if theirs != str(ours):
                raise EmbeddedPostgresError(f"{self.path} was made by PostgreSQL {theirs}, this is {ours}")
            return
        unfinished = self.path.with_name("postgres.unfinished")
        if unfinished.exists():
            shutil.rmtree(unfinished)
        unfinished.mkdir(mode=0o700)
        self.runner.owns(unfinished)
        command: list[str | Path] = [
            self.binaries / "initdb",
            "-D",
            unfinished,
            "-U",
            USER,
            "-A",
            "trust",
            "-E",
            "UTF8",
        ]
        builtin = ["--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
        done = self.runner.run([*command, *(builtin if ours >= _BUILTIN_LOCALES else ["--no-locale"])])
        if done.returncode != 0:
            raise EmbeddedPostgresError(f"cannot make a cluster in {self.path}: {_last_line(done.stderr)}")
        unfinished.rename(self.path)

    def running(self) -> tuple[int, Path] | None:
        """Return the server's process id and socket folder, None while there is no server on this cluster."""
        try:
            lines = (self.path / "postmaster.pid").read_text().splitlines()
            pid, sockets = int(lines[0]), Path(lines[4])
            process = psutil.Process(pid)
            # After a reboot the number may be anybody's.
            ours = process.name().startswith("postgres") and str(self.path) in process.cmdline()
        except psutil.AccessDenied:
            return pid, sockets
        except (OSError, ValueError, IndexError, psutil.Error):
            return None
        return (pid, sockets) if ours else None

    def start(self, settings: Mapping[str, str]) -> Path:
        """Start the server and return its socket folder once it answers, recovered.

        Raises:
            EmbeddedPostgresError: it does not start.
        """
        self._clear()
        sockets = self._make_socket_folder()
        options = {**_SETTINGS, **settings, _SOCKET_FOLDER: str(sockets)}
        try:
            self._launch([part for name, value in options.items() for part in ("-c", f"{name}={value}")])
        except EmbeddedPostgresError:
            shutil.rmtree(sockets, ignore_errors=True)
            raise
        return sockets

    def restart(self) -> Path:
        """Start a server that died with the settings it had, at the same socket, so that its clients find it again.

        Raises:
            EmbeddedPostgresError: it does not start, or how it was started is not to be found.
        """
        try:
            said = shlex.split((self.path / "postmaster.opts").read_text())
            arguments = said[said.index("-c") :]
            sockets = next(Path(part.partition("=")[2]) for part in arguments if part.startswith(f"{_SOCKET_FOLDER}="))
        except (OSError, ValueError, StopIteration):
            raise EmbeddedPostgresError(f"the server in {self.path} left no trace of how it was started") from None
        self._clear(keep=sockets)
        try:
            if not sockets.exists():
                sockets.mkdir(mode=0o700)
                self.runner.owns(sockets)
        except OSError as error:
            raise EmbeddedPostgresError(f"cannot make {sockets} again: {error.strerror}") from None
        if not self.runner.is_owner(sockets):
            raise EmbeddedPostgresError(f"{sockets} has become somebody else's")
        self._launch(arguments)
        return sockets

    def _launch(self, arguments: Sequence[str]) -> None:
        log = self.path / "server.log"
        command: list[str | Path] = [self.binaries / "pg_ctl", "start", "-w", "-s", "-t", _WAIT_S]
        command += ["-D", self.path, "-l", log, "-o", shlex.join(arguments)]
        for _ in range(40):
            done = self.runner.run(command)
            if done.returncode == 0:
                return
            reason = _last_line(log.read_text(errors="replace") if log.exists() else done.stderr)
            if "shared memory block" not in reason and "shared memory block" not in _tail(log):
                break
            # A killed server's children need a moment to notice and let go of its memory.
            time.sleep(0.25)
        raise EmbeddedPostgresError(f"the server in {self.path} does not start: {reason}")

    def stop(self, sockets: Path) -> None:
        """Stop the server: connections are closed, what is committed is checkpointed.

        Raises:
            EmbeddedPostgresError: it does not stop.
        """
        if self.running() is not None:
            done = self.runner.run(
                [self.binaries / "pg_ctl", "stop", "-w", "-s", "-m", "fast", "-t", _WAIT_S, "-D", self.path]
            )
            if done.returncode != 0 and self.running() is not None:
                raise EmbeddedPostgresError(f"the server in {self.path} does not stop: {_last_line(done.stderr)}")
        shutil.rmtree(sockets, ignore_errors=True)

    def _clear(self, *, keep: Path | None = None) -> None:
        """Remove what a killed server left: its socket folder, or only what is in it, and a pid file that misleads."""
        pid_file = self.path / "postmaster.pid"
        try:
            lines = pid_file.read_text().splitlines()
            pid, sockets = int(lines[0]), Path(lines[4])
        except (OSError, ValueError, IndexError):
            pass
        else:
            if sockets.name.startswith(_SOCKETS) and sockets != keep:
                shutil.rmtree(sockets, ignore_errors=True)
            if psutil.pid_exists(pid):
                pid_file.unlink(missing_ok=True)
        for left in () if keep is None else keep.glob(".s.PGSQL.*"):
            left.unlink(missing_ok=True)
        log = self.path / "server.log"
        if log.exists():
            log.replace(self.path / "server.log.1")

    def _make_socket_folder(self) -> Path:
        for base in (Path(tempfile.gettempdir()), Path("/tmp")):  # noqa: S108 - mkdtemp makes a private folder in it
            if len(os.fsencode(base)) < 60 and self.runner.reaches(base):
                sockets = Path(tempfile.mkdtemp(prefix=_SOCKETS, dir=base))
                self.runner.owns(sockets)
                return sockets
        raise EmbeddedPostgresError("no temporary folder is near enough for a unix socket")


def _tail(log: Path) -> str:
    return log.read_text(errors="replace")[-2000:] if log.exists() else ""


def _last_line(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    fatal = [line for line in lines if "FATAL" in line or "error" in line]
    return (fatal or lines or ["no reason given"])[-1]
