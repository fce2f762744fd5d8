"""What differs between two events that answer to one another, field by field, and what kind of difference that is."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, is_dataclass
from functools import cache
from math import isclose
from typing import Any, Final, Literal

from balto.replay.alignment import Aligned
from balto.replay.semantic import content
from events.catalogue import Event, event_types, personal_fields
from events.catalogue.incidental import Incident, incident
from events.envelope import RecordedEvent
from events.released import Released, read_released

Verdict = Literal["same", "text", "timing", "content", "only_a", "only_b"]
"""The same; other words; the same but at other samples; another decision or measure; in one of the runs only."""

_SAID: Final = frozenset({"TranscriptionReceived", "TranscriptionRejected"})
_PLACES: Final = frozenset({"sample_start", "sample_end"})
_NUMBERS: Final = frozenset({"into", "last", "phrases"})
"""Fields that name other phrases by their numbers."""
_TOLERANCE: Final = 1e-3
"""Relative: machines that multiply in another order agree far better, and no ear hears so little."""
_MISSING: Final = "–"


@dataclass(frozen=True, slots=True)
class Difference:
    """A field that differs."""

    field: str
    """As `items.0.sugestao`."""
    a: Any
    b: Any


@dataclass(frozen=True, slots=True)
class Contrast:
    """Two events beside one another."""

    pair: Aligned
    verdict: Verdict
    differences: tuple[Difference, ...] = ()
    """What makes the verdict."""
    measures: tuple[Difference, ...] = ()
    """Numbers that differ by more than machines do, and make none."""
    makers: tuple[Difference, ...] = ()
    """Who answered, where that was another."""


def contrast(pair: Aligned, phrases: Mapping[int, int]) -> Contrast:
    """Compare an aligned pair.

    Args:
        pair: of two runs.
        phrases: what phrases of the first are called in the second.
    """
    a, b = pair.a, pair.b
    if a is None or b is None:
        return Contrast(pair, "only_a" if b is None else "only_b")
    mine, theirs = _comparable(a, b), _comparable(b, a)
    for name in _NUMBERS & mine.keys():
        mine[name] = _renamed(mine[name], phrases)
    found = tuple(differing(mine, theirs)) if a.type == b.type else (Difference("type", a.type, b.type),)
    return Contrast(
        pair,
        _verdict(a.type, found),
        found,
        tuple(differing(_of_kind(a.event, "measured"), _of_kind(b.event, "measured"))),
        tuple(differing(_of_kind(a.event, "maker"), _of_kind(b.event, "maker"))),
    )


def differing(a: Any, b: Any, path: str = "") -> Iterator[Difference]:
    """Yield what differs between two values as JSON has them, numbers within a tolerance."""
    if isinstance(a, dict) and isinstance(b, dict):
        for name in [*a, *(name for name in b if name not in a)]:
            yield from differing(a.get(name, _MISSING), b.get(name, _MISSING), f"{path}.{name}" if path else str(name))
    elif isinstance(a, list) and isinstance(b, list) and len(a) == len(b):
        for number, (one, other) in enumerate(zip(a, b, strict=True)):
            yield from differing(one, other, f"{path}.{number}")
    elif not _alike(a, b):
        yield Difference(path, a, b)


def _alike(a: Any, b: Any) -> bool:
    if (
        isinstance(a, float | int)
        and isinstance(b, float | int)
        and not isinstance(a, bool)
        and not isinstance(b, bool)
    ):
        # Counts and samples are whole, and exact.
        exact = isinstance(a, int) and isinstance(b, int)
        return a == b if exact else isclose(a, b, rel_tol=_TOLERANCE, abs_tol=1e-6)
    return bool(a == b)


def _comparable(event: RecordedEvent, other: RecordedEvent) -> dict[str, Any]:
    """Return what an event says that the other one could say too.

    That leaves out its phrase's number, what was erased of either, and what one is too old to have been told.
    """
    hidden = {"phrase", *_untold(event.type, event.schema_version), *_untold(other.type, other.schema_version)}
    if event.erased or other.erased:
        hidden |= personal_fields(type(event.event))
    return {name: value for name, value in content(event.event).items() if name not in hidden}


@cache
def _untold(type_name: str, version: int) -> frozenset[str]:
    """Return the fields that a type has now and had not in a version: upcasters can only say that nobody knows them."""
    cls, then = event_types().get(type_name), _released().get(type_name, {}).get(str(version))
    if cls is None or then is None or version == cls.schema_version:
        return frozenset()
    return frozenset(f.name for f in fields(cls) if f.name not in then["properties"])


@cache
def _released() -> Released:
    return read_released()


def _renamed(value: Any, phrases: Mapping[int, int]) -> Any:
    return [_renamed(each, phrases) for each in value] if isinstance(value, list) else phrases.get(value, value)


def _verdict(type_name: str, found: tuple[Difference, ...]) -> Verdict:
    if not found:
        return "same"
    names = {each.field.partition(".")[0] for each in found}
    if names <= _PLACES:
        return "timing"
    return "text" if type_name in _SAID and names <= {"text", "words"} else "content"


def _of_kind(event: Event, kind: Incident) -> dict[str, Any]:
    names = [f.name for f in fields(event) if incident(type(event).__name__, f.name) == kind]
    return {name: _whole(getattr(event, name)) for name in names}


def _whole(value: Any) -> Any:
    if is_dataclass(value) and not isinstance(value, type):
        return {f.name: _whole(getattr(value, f.name)) for f in fields(value)}
    return [_whole(each) for each in value] if isinstance(value, list | tuple) else value
