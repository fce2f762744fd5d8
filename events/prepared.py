"""An append made ready for the database: encoded once, however often it is sent."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from events.codec import CodecError, encode_apart, hot_fields
from events.envelope import NewEvent
from events.sealing import StreamKey, draw_nonces
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


@dataclass(slots=True, kw_only=True)
class PreparedAppend:
    """An append whose events are encoded and known to fit the database. Nobody changes it: freezing it costs CPU."""

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
    size, sealed = _ROW_OVERHEAD * len(rows), bool(append.recordings)
    for row in rows:
        size += len(row[-2])
        if row[-1] is not None:
            size += len(row[-1])
            sealed = True
    for chunk in append.recordings:
        size += len(chunk.data)
    return PreparedAppend(
        stream=append.stream,
        tenant=append.tenant,
        expected=append.expected,
        rows=rows,
        ids=ids,
        recordings=append.recordings,
        sealed=sealed,
        size=size,
        lane=append.lane,
    )


def arguments(
    appends: Sequence[PreparedAppend], keys: Mapping[str, StreamKey], *, together: bool
) -> tuple[str, list[Any]]:
    """Seal appends and turn them into what the database takes.

    Args:
        appends: at most one for each stream.
        keys: by stream, of those appends that are `sealed`.
        together: whether all are refused where one is.

    Returns:
        The name of the statement that appends them, and its arguments. The driver spends a microsecond on each element
        of an array, so that there are few arrays, of rows.
    """
    heads: list[tuple[Any, ...]] = []
    rows: list[tuple[Any, ...]] = []
    chunks: list[tuple[int, int, int, bytes]] = []
    nonces = draw_nonces(sum(len(append.rows) for append in appends if append.sealed))
    for number, append in enumerate(appends, 1):
        stream, count = append.stream, len(append.rows)
        if not append.sealed:
            heads.append((stream, append.tenant, append.expected, count, None, None, None))
            rows += [(number, *row) for row in append.rows]
            continue
        key = keys[stream]
        heads.append((stream, append.tenant, append.expected, count, key.id, key.master, key.wrapped))
        seal = key.sealer(stream)
        rows += [
            (number, *row) if row[-1] is None else (number, *row[:-1], seal(row[0], row[-1], next(nonces)))
            for row in append.rows
        ]
        for chunk in append.recordings:
            sealed = key.seal_recording(stream, chunk.byte_start, chunk.data)
            chunks.append((number, chunk.byte_start, chunk.byte_start + len(chunk.data), sealed))
    if len(rows) == 1 and not chunks:
        return "append_one", [heads[0], rows[0]]
    return "append", [heads, rows, chunks, together]


def event_row(new: NewEvent) -> Row:
    """Encode an event; raises as `prepare`."""
    if new.occurred_at.utcoffset() is None:
        raise ValueError(f"the time of a {type(new.event).__name__} has no zone")
    event = new.event
    data, personal = encode_apart(event)
    if not 0 <= new.elapsed_us < 1 << 63:
        raise CodecError(f"the elapsed time of a {type(event).__name__} does not fit its column")
    return (
        new.event_id,
        type(event).__name__,
        event.schema_version,
        new.occurred_at,
        new.elapsed_us,
        new.correlation_id,
        new.causation_id,
        *hot_fields(event),
        data,
        personal,
    )
