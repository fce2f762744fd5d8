"""Rows of the database as recorded events, or as plain values, with what was sealed opened."""

from collections.abc import Mapping
from typing import Any

import asyncpg
import orjson

from events.codec import decode, join
from events.envelope import RecordedEvent
from events.sealing import StreamKey


def recorded_event(row: asyncpg.Record, keys: Mapping[str, StreamKey]) -> RecordedEvent:
    """Return a row as a typed event.

    Args:
        row: of one of the reading statements.
        keys: by stream; a sealed row of a stream that is not there reads as erased.

    Raises:
        SealingError: the seal is broken.
        CodecError: the data is not what its type and version promise.
    """
    data, erased = _opened(row, keys)
    return RecordedEvent(
        position=row["position"],
        stream=row["name"],
        stream_position=row["stream_position"],
        tenant=row["tenant"],
        event_id=row["event_id"],
        type=row["type"],
        schema_version=row["schema_version"],
        event=decode(row["type"], row["schema_version"], data, erased=erased),
        occurred_at=row["occurred_at"],
        recorded_at=row["recorded_at"],
        elapsed_us=row["elapsed_us"],
        correlation_id=row["correlation_id"],
        causation_id=row["causation_id"],
        erased=erased,
    )


def raw_event(row: asyncpg.Record, keys: Mapping[str, StreamKey]) -> dict[str, Any]:
    """Return a row as a mapping with the names of `RecordedEvent`, but `data` (as stored, not upcast) for `event`.

    Erased fields are missing from `data`. Raises `SealingError` where the seal is broken.
    """
    data, erased = _opened(row, keys)
    return {
        "position": row["position"],
        "stream": row["name"],
        "stream_position": row["stream_position"],
        "tenant": row["tenant"],
        "event_id": row["event_id"],
        "type": row["type"],
        "schema_version": row["schema_version"],
        "data": orjson.loads(data),
        "occurred_at": row["occurred_at"],
        "recorded_at": row["recorded_at"],
        "elapsed_us": row["elapsed_us"],
        "correlation_id": row["correlation_id"],
        "causation_id": row["causation_id"],
        "erased": erased,
    }


def _opened(row: asyncpg.Record, keys: Mapping[str, StreamKey]) -> tuple[bytes, bool]:
    data: bytes = row["data"]
    sealed: bytes | None = row["sealed"]
    if sealed is None:
        return data, False
    key = keys.get(row["name"])
    # A key that was fetched after this row was read may be there though the row says that it is gone.
    if key is None or key.id != row["key_id"]:
        return data, True
    return join(data, key.open_event(row["name"], row["event_id"], sealed)), False
