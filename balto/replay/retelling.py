"""Telling a session again: event by event with what each changed of the folded state, and the state at any place."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, is_dataclass, replace
from datetime import date
from typing import Any, Final

from actors.session.phrase import Offer, PhraseState
from actors.session.state import SessionState, evolve, fold
from balto.replay.place import EVERYTHING, Place
from balto.replay.run import Run
from balto.replay.sentence import brief, seconds, sentence
from events.catalogue import Bookmark, Event, RecommendationSent
from events.envelope import RecordedEvent

_UNTOLD: Final = frozenset({"position"})
"""Of the state: every event changes it."""
_NOTHING: Final = (None, "")


@dataclass(frozen=True, slots=True)
class Change:
    """What an event changed of the state. None on one side: it was not there, or is no more."""

    field: str
    """As `open_phrases.3.stage`."""
    before: Any
    after: Any


@dataclass(frozen=True, slots=True)
class Step:
    """One event, and the states between which it stands."""

    recorded: RecordedEvent
    before: SessionState
    after: SessionState

    @property
    def changes(self) -> list[Change]:
        """What the event changed; the first one changes nothing that was there before, so all of it begins."""
        found = [change for change in changes(self.before, self.after) if change.field not in _UNTOLD]
        return found if self.before.position else [replace(change, before=None) for change in found]


def steps(run: Run, upto: Place = EVERYTHING) -> Iterator[Step]:
    """Walk a run's events in order, up to a place."""
    state = SessionState()
    for recorded in run.recorded:
        if not upto.reaches(recorded):
            return
        before, state = state, evolve(state, recorded.event)
        yield Step(recorded, before, state)


def state_at(run: Run, place: Place = EVERYTHING) -> SessionState:
    """Return the state after the events up to a place."""
    return fold(each.event for each in run.recorded if place.reaches(each))


def changes(before: Any, after: Any, path: str = "") -> Iterator[Change]:
    """Yield what differs between two values, however deep; what was added or taken away as a whole."""
    if before is after:
        return
    if is_dataclass(before) and type(before) is type(after):
        for field in fields(before):
            yield from changes(getattr(before, field.name), getattr(after, field.name), _under(path, field.name))
    elif isinstance(before, Mapping) and isinstance(after, Mapping):
        for name in [*before, *(name for name in after if name not in before)]:
            under = _under(path, str(name))
            if name in before and name in after:
                yield from changes(before[name], after[name], under)
            else:
                yield Change(under, before.get(name), after.get(name))
    elif isinstance(before, tuple) and isinstance(after, tuple):
        yield from (Change(path, gone, None) for gone in before if gone not in after)
        yield from (Change(path, None, fresh) for fresh in after if fresh not in before)
    elif before != after:
        yield Change(path, before, after)


def _under(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def told(change: Change) -> str:
    """Return a change as people read it: what begins, what is over, or what became what."""
    name = change.field.replace("open_phrases.", "phrase ").replace("_", " ").replace(".", " ", 1)
    if change.before in _NOTHING:
        return f"{name} + {_value(change.after)}"
    if change.after in _NOTHING:
        return f"{name} − {_value(change.before)}"
    return f"{name} {_value(change.before)} → {_value(change.after)}"


def _value(value: Any) -> str:
    match value:
        case PhraseState():
            return f"{value.stage} from {seconds(value.sample_start)}"
        case Offer():
            return f"number {value.event.offer} up to {seconds(value.event.sample_end)}"
        case RecommendationSent():
            return f"recommendation {value.basket} of phrase {value.phrase}"
        case Event():
            return sentence(value)
        case Bookmark():
            return f"byte {value.byte_offset} at {seconds(value.sample)}"
        case _ if is_dataclass(value):
            parts = (getattr(value, field.name) for field in fields(value))
            return " ".join(brief(part) for part in parts if isinstance(part, str | int | float))
        case _:
            return brief(value)


def plain(value: Any) -> Any:
    """Return a state, or what is in one, as JSON has it."""
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, Mapping):
        return {str(name): plain(each) for name, each in value.items()}
    if isinstance(value, list | tuple | frozenset):
        return [plain(each) for each in value]
    return value.isoformat() if isinstance(value, date) else value
