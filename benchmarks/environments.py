"""Environments of their own for what Balto is compared with, made in the user's cache at their first use."""

import os
import shutil
import subprocess
import sys
import venv
from collections.abc import Sequence
from pathlib import Path


class EnvironmentMissingError(Exception):
    """The environment cannot be made, as without a package index. The message is one line."""


def home(name: str) -> Path:
    """Return the folder of an environment, in the user's cache."""
    cache = os.environ.get("XDG_CACHE_HOME")
    return (Path(cache) if cache else Path.home() / ".cache") / "balto" / "bench" / name


def python(name: str, wanted: Sequence[str]) -> Path:
    """Return the Python of an environment, making the environment if it is not there; installing tells its progress.

    Args:
        name: of its folder, with the version that it is for.
        wanted: requirements as pip takes them.

    Raises:
        EnvironmentMissingError: it cannot be made.
    """
    folder = home(name)
    program = folder / "bin" / "python"
    if (folder / "complete").exists():
        return program
    shutil.rmtree(folder, ignore_errors=True)
    print(f"installing {', '.join(wanted)} into {folder}", file=sys.stderr, flush=True)
    try:
        venv.create(folder, with_pip=True, symlinks=True)
        done = subprocess.run(
            [program, "-m", "pip", "install", "--disable-pip-version-check", "--progress-bar", "off", *wanted],
            check=False,
            stdout=sys.stderr,
        )
    except (OSError, subprocess.SubprocessError) as error:
        raise EnvironmentMissingError(f"no environment for {name}: {type(error).__name__}") from error
    if done.returncode != 0:
        raise EnvironmentMissingError(f"{name} could not be installed")
    (folder / "complete").touch()
    return program
