"""Upcasters: what turns the stored data of an old schema version into that of the next one, on reading."""

from collections.abc import Callable
from typing import Any

Data = dict[str, Any]
Upcaster = Callable[[Data], Data]

_upcasters: dict[tuple[str, int], Upcaster] = {}


def upcaster(type_name: str, from_version: int) -> Callable[[Upcaster], Upcaster]:
    """Register a function that turns the data of `from_version` of an event type into that of the version after.

    Raises:
        ValueError: that version of the type has an upcaster already.
    """

    def register(function: Upcaster) -> Upcaster:
        if (type_name, from_version) in _upcasters:
            raise ValueError(f"version {from_version} of {type_name} has an upcaster already")
        _upcasters[type_name, from_version] = function
        return function

    return register


def has_upcaster(type_name: str, from_version: int) -> bool:
    """Tell whether data of that version of an event type can be turned into that of the version after."""
    return (type_name, from_version) in _upcasters


def upcast(type_name: str, version: int, to_version: int, data: Data) -> Data | None:
    """Return the data as `to_version` has it, or None where a step between the two versions is missing."""
    while version < to_version:
        step = _upcasters.get((type_name, version))
        if step is None:
            return None
        data = step(data)
        version += 1
    return data
