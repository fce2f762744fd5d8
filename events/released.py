"""Released event types: shapes that events are stored in for good, and what breaks the promise to read them."""

import sys
from collections.abc import Callable, Mapping
from importlib.resources import files
from pathlib import Path
from typing import Final

import orjson

from events.catalogue import Event, event_types
from events.shape import Schema, shape
from events.upcasters import has_upcaster

type Released = dict[str, dict[str, Schema]]
"""By type and version."""

_FILE: Final = "released.json"


def read_released() -> Released:
    """Return the shapes of every released version of every released type."""
    released: Released = orjson.loads(files("events").joinpath(_FILE).read_bytes())
    return released


def broken_promises(
    types: Mapping[str, type[Event]], released: Released, upcasts: Callable[[str, int], bool] = has_upcaster
) -> list[str]:
    """Return a line for each way in which event types no longer read what released ones wrote; empty if all is well.

    A released version's shape stays as it is. A change takes a new version, and every version before it an upcaster.
    Types and versions that are not released yet may change freely.
    """
    broken: list[str] = []
    for name, versions in released.items():
        cls = types.get(name)
        if cls is None:
            broken.append(f"{name} was released and is gone: its events would be read as unknown")
            continue
        latest = max(map(int, versions))
        if cls.schema_version < latest:
            broken.append(f"{name} is at version {cls.schema_version}, version {latest} was released")
        elif versions.get(str(cls.schema_version), shape(cls)) != shape(cls):
            broken.append(f"{name} version {cls.schema_version} was released in another shape: it needs a new version")
        broken.extend(
            f"{name} has no upcaster from version {version}"
            for version in range(min(map(int, versions)), cls.schema_version)
            if not upcasts(name, version)
        )
    return broken


def release(types: Mapping[str, type[Event]], released: Released) -> Released:
    """Return the released shapes together with those of types and versions that were not released yet.

    Raises:
        ValueError: a promise is broken; the message has a line for each.
    """
    broken = broken_promises(types, released)
    if broken:
        raise ValueError("\n".join(broken))
    together = {name: dict(versions) for name, versions in released.items()}
    for name, cls in types.items():
        together.setdefault(name, {})[str(cls.schema_version)] = shape(cls)
    return together


def as_text(released: Released) -> bytes:
    """Write released shapes as they are kept, one name under another, for diffs that people read."""
    return orjson.dumps(released, option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS | orjson.OPT_APPEND_NEWLINE)


def main() -> int:
    """Release what is not released yet: `python -m events.released`."""
    try:
        together = release(event_types(), read_released())
    except ValueError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    Path(__file__).with_name(_FILE).write_bytes(as_text(together))
    return 0


if __name__ == "__main__":
    sys.exit(main())
