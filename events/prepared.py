"""An append made ready for the database: encoded once, however often it is sent."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from events.codec import CodecError, encode, hot_fields
from events.envelope import NewEvent
from events.store import ANY, Append, RecordingChunk

type Row = tuple[
    UUID, str, int, datetime, int, UUID | None, UUID | None, int | None, int | None, int | None, float | None, bytes
]
"""An event as the append function takes it: id, type, schema version, occurred, elapsed, correlation, causation,
phrase, first sample, last sample, latency, data."""

_ROW_OVERHEAD: Final = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class PreparedAppend:
    """An append whose events are encoded and known to fit the database."""

    stream: str
    tenant: str
    expected: int
    rows: Sequence[Row]
    ids: frozenset[UUID]
    """Of the rows."""
    recordings: Sequence[RecordingChunk]
    size: int
    """Bytes that it holds, about."""


def prepare(append: Append) -> PreparedAppend:
    """Encode an append.

    Raises:
        CodecError: an event cannot be kept (see `events.codec.encode`).
        ValueError: there are no events, an id occurs twice, a time has no zone, the expected position is
            negative, or a name is no text that the database could keep.
    """
    if not append.events:
        raise ValueError(f"an append to {append.stream} holds no event")
    if append.expected < ANY:
        raise ValueError(f"{append.expected} is no position to expect")
    if b"\0" in f"{append.stream}{append.tenant}".encode():
        raise ValueError("the name of a stream or tenant holds a NUL")
    ids = frozenset(event.event_id for event in append.events)
    if len(ids) != len(append.events):
        raise ValueError(f"an append to {append.stream} holds one event id twice")
    rows = [_row(event) for event in append.events]
    size = sum(len(row[-1]) + _ROW_OVERHEAD for row in rows) + sum(len(chunk.data) for chunk in append.recordings)
    return PreparedAppend(
        stream=append.stream,
        tenant=append.tenant,
        expected=append.expected,
        rows=rows,
        ids=ids,
        recordings=append.recordings,
        size=size,
    )


def columns(appends: Sequence[PreparedAppend]) -> list[list[Any]]:
    """Turn appends into the arrays that the function `append_events` takes, in its order."""
    numbers = range(1, len(appends) + 1)
    chunks = [(n, chunk) for n, append in zip(numbers, appends, strict=True) for chunk in append.recordings]
    by_column = zip(*(row for append in appends for row in append.rows), strict=True)
    return [
        [append.stream for append in appends],
        [append.tenant for append in appends],
        [append.expected for append in appends],
        [len(append.rows) for append in appends],
        [n for n, append in zip(numbers, appends, strict=True) for _ in append.rows],
        *map(list, by_column),
        [n for n, _ in chunks],
        [chunk.byte_start for _, chunk in chunks],
        [chunk.data for _, chunk in chunks],
    ]


def _row(new: NewEvent) -> Row:
    if new.occurred_at.utcoffset() is None:
        raise ValueError(f"the time of a {type(new.event).__name__} has no zone")
    data = encode(new.event)
    hot = hot_fields(new.event)
    if not 0 <= new.elapsed_us < 1 << 63:
        raise CodecError(f"the elapsed time of a {type(new.event).__name__} does not fit its column")
    return (
        new.event_id,
        type(new.event).__name__,
        new.event.schema_version,
        new.occurred_at,
        new.elapsed_us,
        new.correlation_id,
        new.causation_id,
        hot.phrase,
        hot.sample_start,
        hot.sample_end,
        hot.latency_ms,
        data,
    )
