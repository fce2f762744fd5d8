"""What waits in the journal: how entries of one stream become one append, and how each is told what came of it."""

import asyncio
from collections.abc import Iterable, Sequence
from copy import copy
from dataclasses import dataclass, replace

from events.prepared import PreparedAppend
from events.store import ANY, Appended, StoreError


@dataclass(slots=True, eq=False)
class Entry:
    """An append that waits, and whoever waits for it."""

    append: PreparedAppend
    done: asyncio.Future[Appended]


def refuse(entry: Entry, error: Exception) -> None:
    """Tell an append that it was refused, and close its lane."""
    lane = entry.append.lane
    if lane is not None and lane.refused is None:
        lane.refused = error if isinstance(error, StoreError) else StoreError(str(error))
    if not entry.done.done():
        entry.done.set_exception(error)


def refuse_behind(entry: Entry) -> bool:
    """Refuse an append whose lane had one refused before, and tell whether that was so."""
    lane = entry.append.lane
    if lane is None or lane.refused is None:
        return False
    if not entry.done.done():
        entry.done.set_exception(copy(lane.refused))
    return True


def follows(append: PreparedAppend, group: Sequence[Entry]) -> bool:
    """Tell whether an append can be merged behind others of its stream without losing what it expects."""
    if append.tenant != group[0].append.tenant or append.lane is not group[0].append.lane:
        return False
    if not all(append.ids.isdisjoint(entry.append.ids) for entry in group):
        return False  # a repetition, which the database tells from the first once that is there
    if append.expected == ANY:
        return True
    first = group[0].append.expected
    return first != ANY and append.expected == first + sum(len(entry.append.rows) for entry in group)


def merged(group: Sequence[Entry]) -> PreparedAppend:
    """Return the one append that a group of one stream amounts to."""
    appends = [entry.append for entry in group]
    if len(appends) == 1:
        return appends[0]
    return replace(
        appends[0],
        rows=[row for append in appends for row in append.rows],
        ids=frozenset().union(*(append.ids for append in appends)),
        recordings=[chunk for append in appends for chunk in append.recordings],
        sealed=any(append.sealed for append in appends),
        size=sum(append.size for append in appends),
    )


def settle(group: Sequence[Entry], last: Appended) -> None:
    """Tell each append of a merged one where it landed, from where the last event did."""
    behind = sum(len(entry.append.rows) for entry in group)
    # In the order of submission, since whoever waits acts on it in the order of being told.
    for entry in group:
        behind -= len(entry.append.rows)
        if not entry.done.done():
            entry.done.set_result(
                Appended(stream_position=last.stream_position - behind, position=last.position - behind)
            )


def fail_all(entries: Iterable[Entry], error: StoreError) -> None:
    """Tell every append of the failure that they share; each gets an exception of its own, as each is raised."""
    for entry in entries:
        if entry.append.lane is not None:
            entry.append.lane.refused = entry.append.lane.refused or error
        if not entry.done.done():
            own = type(error)(*error.args)
            own.__cause__ = error
            entry.done.set_exception(own)
