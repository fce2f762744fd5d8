"""An append made ready for the database: encoded once, however often it is sent."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from events.codec import CodecError, encode_apart, hot_fields
from events.envelope import NewEvent
from events.sealing import StreamKey
from events.store import ANY, Append, Lane, RecordingChunk

type Row = tuple[
    UUID,
    str,
    int,
    datetime,
    int,
    UUID | None,
    UUID | None,
    int | None,
    int | None,
    int | None,
    float | None,
    bytes,
    bytes | None,
]
"""An event as the append function takes it: id, type, schema version, occurred, elapsed, correlation, causation,
phrase, first sample, last sample, latency, data in the clear, and the personal fields, not sealed yet."""

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
    sealed: bool
    """Whether it holds anything that must be sealed."""
    size: int
    """Bytes that it holds, about."""
    lane: Lane | None = None


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
    rows = [event_row(event) for event in append.events]
    size = sum(len(row[-2]) + len(row[-1] or b"") + _ROW_OVERHEAD for row in rows)
    return PreparedAppend(
        stream=append.stream,
        tenant=append.tenant,
        expected=append.expected,
        rows=rows,
        ids=ids,
        recordings=append.recordings,
        sealed=bool(append.recordings) or any(row[-1] is not None for row in rows),
        size=size + sum(len(chunk.data) for chunk in append.recordings),
        lane=append.lane,
    )


def arguments(appends: Sequence[PreparedAppend], keys: Mapping[str, StreamKey]) -> list[list[Any]]:
    """Seal appends and turn them into what the function `append_events` takes, in its order.

    Args:
        appends: at most one for each stream.
        keys: by stream, of those appends that are `sealed`.
    """
    used = [keys[append.stream] if append.sealed else None for append in appends]
    chunks = [(n, key, append, chunk) for n, key, append in _numbered(used, appends) for chunk in append.recordings]
    return [
        [append.stream for append in appends],
        [append.tenant for append in appends],
        [append.expected for append in appends],
        [len(append.rows) for append in appends],
        [key and key.id for key in used],
        [key and key.master for key in used],
        [key and key.wrapped for key in used],
        [row for n, key, append in _numbered(used, appends) for row in _sealed_rows(n, append, key)],
        [n for n, *_ in chunks],
        [chunk.byte_start for *_, chunk in chunks],
        [chunk.byte_start + len(chunk.data) for *_, chunk in chunks],
        [
            key.seal_recording(append.stream, chunk.byte_start, chunk.data)
            for _, key, append, chunk in chunks
            if key is not None
        ],
    ]


def _numbered(
    keys: Sequence[StreamKey | None], appends: Sequence[PreparedAppend]
) -> Iterable[tuple[int, StreamKey | None, PreparedAppend]]:
    return zip(range(1, len(appends) + 1), keys, appends, strict=True)


def _sealed_rows(number: int, append: PreparedAppend, key: StreamKey | None) -> Iterable[tuple[Any, ...]]:
    for row in append.rows:
        personal = row[-1]
        sealed = None if personal is None or key is None else key.seal_event(append.stream, row[0], personal)
        yield (number, *row[:-1], sealed)


def event_row(new: NewEvent) -> Row:
    """Encode an event; raises as `prepare`."""
    if new.occurred_at.utcoffset() is None:
        raise ValueError(f"the time of a {type(new.event).__name__} has no zone")
    data, personal = encode_apart(new.event)
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
        personal,
    )
