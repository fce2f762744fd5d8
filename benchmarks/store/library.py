"""The library `eventsourcing` in an environment of its own, which the benchmark makes at its first use."""

from pathlib import Path
from typing import Final

from benchmarks import environments
from benchmarks.environments import EnvironmentMissingError

__all__ = ["SCRIPT", "VERSION", "EnvironmentMissingError", "python"]

VERSION: Final = "9.5"
_WANTED: Final = (f"eventsourcing[postgres]=={VERSION}.*", "psycopg[binary]")
SCRIPT: Final = Path(__file__).with_name("library_side.py")


def python() -> Path:
    """Return the environment's Python. Raises as `benchmarks.environments.python`."""
    return environments.python(f"eventsourcing-{VERSION}", _WANTED)
