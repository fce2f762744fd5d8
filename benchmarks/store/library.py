"""The library `eventsourcing` in an environment of its own, which the benchmark makes at its first use."""

import os
import shutil
import subprocess
import sys
import venv
from pathlib import Path
from typing import Final

VERSION: Final = "9.5"
_WANTED: Final = (f"eventsourcing[postgres]=={VERSION}.*", "psycopg[binary]")
SCRIPT: Final = Path(__file__).with_name("library_side.py")


class LibraryMissingError(Exception):
    """The environment cannot be made, as without a package index. The message is one line."""


def home() -> Path:
    """Return the folder of the environment, in the user's cache."""
    cache = os.environ.get("XDG_CACHE_HOME")
    return (Path(cache) if cache else Path.home() / ".cache") / "balto" / "bench" / f"eventsourcing-{VERSION}"


def python() -> Path:
    """Return the environment's Python, making the environment if it is not there.

    Raises:
        LibraryMissingError: it cannot be made.
    """
    program = home() / "bin" / "python"
    if (home() / "complete").exists():
        return program
    shutil.rmtree(home(), ignore_errors=True)
    try:
        venv.create(home(), with_pip=True, symlinks=True)
        done = subprocess.run(
            [program, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *_WANTED],
            check=False,
            stdout=sys.stderr,
        )
    except (OSError, subprocess.SubprocessError) as error:
        raise LibraryMissingError(f"no environment for the library: {type(error).__name__}") from error
    if done.returncode != 0:
        raise LibraryMissingError("the library eventsourcing could not be installed")
    (home() / "complete").touch()
    return program
