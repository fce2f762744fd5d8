"""The semantic hash: what an event says, without clock readings, ids, money and who answered; and so of a stream."""

from collections.abc import Callable, Iterable
from dataclasses import fields, is_dataclass
from functools import cache
from hashlib import sha256
from operator import attrgetter
from typing import Any, Final

import orjson

from events.catalogue import Event
from events.catalogue.incidental import circumstance, incident
from events.envelope import UnknownEvent

Content = dict[str, Any]

_DIGITS: Final = 6
"""Significant ones of a number: sums taken in another order differ in the last of sixteen."""


def counts(event: Event) -> bool:
    """Tell whether an event is of what happened, and not of how: see `events.catalogue.incidental`."""
    return circumstance(type_name(event)) is None


def content(event: Event) -> Content:
    """Return what an event says, as JSON has it: its fields without those that do not count, numbers rounded.

    Of an unknown event that is all of its data but the fields that never count.
    """
    if isinstance(event, UnknownEvent):
        return {name: _plain(value) for name, value in event.data.items() if incident(event.type_name, name) is None}
    return _pick(event)


def event_hash(event: Event) -> str:
    """Return the semantic hash of an event: SHA-256 in hex over its type and `content`, keys sorted."""
    return sha256(_bytes(event)).hexdigest()


def stream_hash(events: Iterable[Event]) -> str:
    """Return the semantic hash of a session: SHA-256 in hex over its events that count, phrase by phrase.

    Which of two phrases is answered first is a matter of time, so events keep their order within their phrase only;
    those about no phrase come first, in theirs. A phrase is known by its number.
    """
    lanes: dict[int, list[bytes]] = {}
    for event in events:
        if counts(event):
            lanes.setdefault(lane_of(event), []).append(_bytes(event))
    digest = sha256()
    for number in sorted(lanes):
        for line in lanes[number]:
            digest.update(line)
            digest.update(b"\n")
    return digest.hexdigest()


def lane_of(event: Event) -> int:
    """Return the number of the phrase that an event is about, 0 where it is about none."""
    number = event.data.get("phrase") if isinstance(event, UnknownEvent) else getattr(event, "phrase", None)
    return number if isinstance(number, int) else 0


def type_name(event: Event) -> str:
    """Return the name of an event's type, that of an unknown one too."""
    return event.type_name if isinstance(event, UnknownEvent) else type(event).__name__


def _bytes(event: Event) -> bytes:
    return orjson.dumps({"type": type_name(event), **content(event)}, default=str, option=orjson.OPT_SORT_KEYS)


def _pick(value: Any) -> Content:
    cls: type = type(value)
    return {name: _plain(read(value)) for name, read in _readers(cls)}


@cache
def _readers(cls: type) -> tuple[tuple[str, Callable[[Any], Any]], ...]:
    return tuple((f.name, attrgetter(f.name)) for f in fields(cls) if incident(cls.__name__, f.name) is None)


def _plain(value: Any) -> Any:
    if isinstance(value, float):
        # A whole number is the same, however it was written.
        return int(value) if value.is_integer() and abs(value) < 1e15 else float(f"{value:.{_DIGITS}g}")
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    if isinstance(value, dict):
        return {str(name): _plain(each) for name, each in value.items()}
    return _pick(value) if is_dataclass(value) and not isinstance(value, type) else value
