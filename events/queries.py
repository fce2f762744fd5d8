"""Reading the ledger by any condition: pages that say how far they looked, forwards or backwards, up to a moment."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from operator import itemgetter
from typing import Final, Protocol
from uuid import UUID

import asyncpg

from events.conditions import conditions_of
from events.envelope import RecordedEvent
from events.ranges import NOWHERE, ColdRanges, LedgerMovedError, Segment
from events.selection import EVERYTHING, Selection
from events.sql import statement
from events.store import StoreError

_FEW_STREAMS: Final = 2_000
_SHORT: Final = 5_000
_WINDOW: Final = 200_000
_SLACK: Final = timedelta(minutes=1)
"""How far the server's clock may have been set back and events still be found by time."""


class MissingEventsError(StoreError):
    """The ledger has a hole: positions are dense, so an event was lost or taken away. Nothing behind it is given."""

    def __init__(self, after: int, upto: int) -> None:
        super().__init__(f"events are missing from the ledger after position {after}, up to {upto}")
        self.after = after
        self.upto = upto


class EventReader(Protocol):
    """What reading by condition needs of a store."""

    async def fetch_events(self, query: str, *arguments: object, anew: bool = False) -> list[RecordedEvent]:
        """Run a statement that selects the columns of `event_columns.sql`; `anew` plans it for these arguments."""
        ...

    async def fetch_rows(self, query: str, *arguments: object) -> list[asyncpg.Record]:
        """Run a statement."""
        ...

    async def last_position(self) -> int:
        """Return the global position of the last event, 0 in an empty store."""
        ...

    async def cold_ranges(self) -> ColdRanges:
        """Return which positions are in files, where `fetch_events` does not find them."""
        ...

    async def read_cold(
        self, segment: Segment, selection: Selection, *, limit: int, backwards: bool = False
    ) -> list[RecordedEvent]:
        """Return the selected events of such a segment, in order, `limit` at most."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """A run of selected events in order, and where to go on."""

    events: list[RecordedEvent]
    after: int
    """Where it began: the events are later."""
    upto: int
    """How far it looked: no other selected event is after `after` and up to here."""


async def read_page(
    reader: EventReader, selection: Selection = EVERYTHING, *, after: int, upto: int, limit: int = 1_000
) -> Page:
    """Return the selected events after a position up to another, `limit` at most, or less where few are found.

    Raises:
        MissingEventsError: positions are missing.
        ArchiveError: what is meant is in a file that cannot be read.
        StoreUnavailableError: the database is away.
    """
    end, events = await _look(reader, selection, after, upto, limit=limit, backwards=False)
    if len(events) >= limit:
        end = events[-1].position
    if selection == EVERYTHING:
        _demand_density(events, after, end)
    return Page(events=events, after=after, upto=end)


async def read_page_backwards(
    reader: EventReader, selection: Selection = EVERYTHING, *, after: int = 0, upto: int, limit: int = 1_000
) -> Page:
    """Return the last selected events up to a position, the latest first; the next page is `upto=page.after`.

    Raises:
        ArchiveError: what is meant is in a file that cannot be read.
        StoreUnavailableError: the database is away.
    """
    start, events = await _look(reader, selection, after, upto, limit=limit, backwards=True)
    if len(events) >= limit:
        start = events[-1].position - 1
    return Page(events=events, after=start, upto=upto)


async def _look(
    reader: EventReader, selection: Selection, after: int, upto: int, *, limit: int, backwards: bool
) -> tuple[int, list[RecordedEvent]]:
    """Return how far was looked from `after`, or backwards from `upto`, and what was found there."""
    while True:
        ranges = await reader.cold_ranges()
        segment = (ranges.last_segment if backwards else ranges.segment)(after, upto)
        try:
            low, high = segment.after, segment.upto
            if segment.cold is not None:
                events = await reader.read_cold(segment, selection, limit=limit, backwards=backwards)
            else:
                text, arguments, window = await _prepare(reader, selection, low, high, limit=limit, backwards=backwards)
                low, high = (max(low, high - window), high) if backwards else (low, min(high, low + window))
                # Which index serves depends on how rare this type is, or what this path looks for.
                anew = bool(selection.types or selection.where)
                events = await reader.fetch_events(text, low, high, limit, *arguments, anew=anew)
        except LedgerMovedError:
            continue
        # Another reading may have noticed the change that this one fell into: then only it was told.
        if (await reader.cold_ranges()).generation == ranges.generation:
            return low if backwards else high, events


async def read(
    reader: EventReader,
    selection: Selection = EVERYTHING,
    *,
    after: int = 0,
    upto: int | None = None,
    limit: int | None = None,
    backwards: bool = False,
    page: int = 1_000,
) -> AsyncIterator[RecordedEvent]:
    """Yield the selected events that the ledger held at the call, by default all of them.

    Args:
        reader: the store.
        selection: which events.
        after: the events are later than this position.
        upto: the ledger as it was when this was its last position (see `position_at`), by default as it is.
        limit: events, at most.
        backwards: the latest first.
        page: events read at a time.

    Raises:
        MissingEventsError: positions are missing.
        StoreUnavailableError: the database is away; go on after the last event that was yielded.
    """
    head = await reader.last_position()
    upto = head if upto is None else min(upto, head)
    after, upto = await bounds(reader, selection, after, upto)
    left = limit
    while after < upto and (left is None or left > 0):
        size = page if left is None else min(page, left)
        turn = read_page_backwards if backwards else read_page
        found = await turn(reader, selection, after=after, upto=upto, limit=size)
        for event in found.events:
            yield event
        left = None if left is None else left - len(found.events)
        after, upto = (after, found.after) if backwards else (found.upto, upto)


async def position_at(reader: EventReader, moment: datetime) -> int:
    """Return the position of the last event recorded at a moment or before, 0 if there was none.

    It is found by halving: about 24 looks in ten million events. Exact unless the server's clock was set back.
    """
    while True:
        ranges = await reader.cold_ranges()
        try:
            position = await _position_at(reader, ranges, moment)
        except LedgerMovedError:
            continue
        if (await reader.cold_ranges()).generation == ranges.generation:
            return position


async def _position_at(reader: EventReader, ranges: ColdRanges, moment: datetime) -> int:
    low, high = 0, NOWHERE
    for cold in ranges.partitions:
        if moment < cold.first_recorded_at:
            high = max(cold.first - 1, 0)
            break
        low = cold.end - 1
        if moment < cold.last_recorded_at:
            segment = Segment(max(cold.first - 1, 0), cold.end - 1, cold)
            later = Selection(since=moment + timedelta(microseconds=1))
            (first_later,) = await reader.read_cold(segment, later, limit=1)
            return first_later.position - 1
    rows = await reader.fetch_rows(statement("position_at"), moment, low, high)
    return int(rows[0]["position"])


async def bounds(reader: EventReader, selection: Selection, after: int, upto: int) -> tuple[int, int]:
    """Narrow a range of positions to the times of a selection."""
    if selection.since is not None:
        after = max(after, await position_at(reader, selection.since - _SLACK))
    if selection.until is not None:
        upto = min(upto, await position_at(reader, selection.until + _SLACK))
    return after, upto


async def _prepare(
    reader: EventReader, selection: Selection, after: int, upto: int, *, limit: int, backwards: bool
) -> tuple[str, list[object], int]:
    """Return the statement for a selection, its arguments from $4 on, and how many positions it may look at."""
    cause = None if selection.causation_id is None else await _stream_of(reader, selection.causation_id)
    nowhere = selection.causation_id is not None and cause is None and not (await reader.cold_ranges()).partitions
    few = selection.correlation_id is not None or cause is not None or nowhere
    streams = None
    if selection.of_streams and not few and (selection.stream is not None or upto - after > _SHORT):
        streams = await _few_streams(reader, selection, after, upto)
    window = upto if few else _WINDOW
    arguments: list[object] = []
    if streams is not None:
        start, end = _enough(streams, after, upto, limit, backwards=backwards)
        if selection.types:
            start, end = after, upto
        window = end - start
        arguments.append([row["id"] for row in streams if row["first_pos"] <= end and row["last_pos"] > start])
    conditions = [
        *conditions_of(
            selection,
            arguments,
            cause,
            of_streams=streams is None,
            predicate=selection.where is not None and await _is_predicate(reader, selection.where),
        ),
        *(["false"] if nowhere else []),
    ]
    shape = "select_events" if streams is None else "select_events_of_streams"
    text = statement("select_few_events" if few else shape).format(
        columns=statement("event_columns").strip(),
        conditions="".join(f"\n   AND {condition}" for condition in conditions),
        direction="DESC" if backwards else "ASC",
    )
    return text, arguments, window


async def _stream_of(reader: EventReader, event_id: UUID) -> int | None:
    """Return the stream of an event, where what it led to is found quickly; None where it is cold, or not at all."""
    rows = await reader.fetch_rows("SELECT stream_id FROM events WHERE event_id = $1", event_id)
    return rows[0]["stream_id"] if rows else None


async def _is_predicate(reader: EventReader, path: str) -> bool:
    """Tell whether a path is a condition: it has a truth even over nothing, where other paths find nothing."""
    (row,) = await reader.fetch_rows(
        "SELECT jsonb_typeof(jsonb_path_query_first('{}', $1::text::jsonpath, '{}', true)) AS found", path
    )
    return row["found"] in ("boolean", "null")


async def _few_streams(reader: EventReader, selection: Selection, after: int, upto: int) -> list[asyncpg.Record] | None:
    """Return the selected streams, None where they are so many that reading by position is quicker."""
    rows = await reader.fetch_rows(
        statement("select_streams"), after, upto, selection.names, selection.stream, selection.tenant, _FEW_STREAMS + 1
    )
    return None if len(rows) > _FEW_STREAMS else rows


def _enough(
    streams: Sequence[asyncpg.Record], after: int, upto: int, limit: int, *, backwards: bool
) -> tuple[int, int]:
    """Narrow a range to a part that holds as many events as are wanted: streams that lie wholly in it say how many."""
    whole = [row for row in streams if row["first_pos"] > after and row["last_pos"] <= upto]
    whole.sort(key=itemgetter("first_pos" if backwards else "last_pos"), reverse=backwards)
    held = 0
    for row in whole:
        held += row["version"]
        if held >= limit:
            return (row["first_pos"] - 1, upto) if backwards else (after, row["last_pos"])
    return after, upto


def _demand_density(events: list[RecordedEvent], after: int, upto: int) -> None:
    for expected, event in enumerate(events, after + 1):
        if event.position != expected:
            raise MissingEventsError(expected - 1, event.position)
    if after + len(events) != upto:
        raise MissingEventsError(after + len(events), upto)
