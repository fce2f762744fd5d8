"""The hash chain of a stream, as the database computes it: for whoever checks events outside of it."""

import struct
from collections.abc import Iterable
from datetime import UTC, datetime
from hashlib import sha256
from typing import Final
from uuid import UUID

START: Final = bytes(32)
"""The link before a stream's first event."""

_EPOCH: Final = datetime(2000, 1, 1, tzinfo=UTC)
_INT2, _INT4, _INT8, _FLOAT8, _TEXT, _UUID, _TIMESTAMPTZ, _JSONB, _BYTEA = 21, 23, 20, 701, 25, 2950, 1184, 3802, 17


def link(previous: bytes, content: bytes) -> bytes:
    """Return the link of an event: SHA-256 of the previous link and the event's canonical bytes."""
    return sha256(previous + content).digest()


def canonical(
    *,
    stream: str,
    tenant: str,
    stream_position: int,
    event_id: UUID,
    type_name: str,
    schema_version: int,
    occurred_at: datetime,
    elapsed_us: int,
    correlation_id: UUID | None,
    causation_id: UUID | None,
    phrase: int | None,
    sample_start: int | None,
    sample_end: int | None,
    latency_ms: float | None,
    data: bytes,
    sealed: bytes | None,
) -> bytes:
    """Return an event's canonical bytes, those of the database's function `canonical_event`.

    They are the binary form of a row in PostgreSQL's wire protocol: the number of columns, then for each its type, its
    length (-1 for null) and its value, numbers in network order. Sealed fields are in it as sealed, so that the chain
    holds after they were erased; where and when the event was recorded is not, so that a copy has the same chain.

    Args:
        stream: its name.
        tenant: of the stream.
        stream_position: position in it, from 1.
        event_id: its id.
        type_name: its type.
        schema_version: of its data.
        occurred_at: with a zone; whole microseconds.
        elapsed_us: microseconds since the session's start.
        correlation_id: the phrase that it is about.
        causation_id: the event that led to it.
        phrase: as the typed column has it, as the three that follow.
        sample_start: first sample.
        sample_end: one past the last.
        latency_ms: milliseconds.
        data: its JSON exactly as the database gives it.
        sealed: its personal fields as sealed.
    """
    micros = (occurred_at - _EPOCH) // (datetime.resolution)
    columns: Iterable[tuple[int, bytes | None]] = (
        (_TEXT, stream.encode()),
        (_TEXT, tenant.encode()),
        (_INT8, struct.pack("!q", stream_position)),
        (_UUID, event_id.bytes),
        (_TEXT, type_name.encode()),
        (_INT2, struct.pack("!h", schema_version)),
        (_TIMESTAMPTZ, struct.pack("!q", micros)),
        (_INT8, struct.pack("!q", elapsed_us)),
        (_UUID, None if correlation_id is None else correlation_id.bytes),
        (_UUID, None if causation_id is None else causation_id.bytes),
        (_INT4, _packed("!i", phrase)),
        (_INT8, _packed("!q", sample_start)),
        (_INT8, _packed("!q", sample_end)),
        (_FLOAT8, _packed("!d", latency_ms)),
        (_JSONB, b"\x01" + data),
        (_BYTEA, sealed),
    )
    parts = [struct.pack("!i", 16)]
    for oid, value in columns:
        parts.append(struct.pack("!Ii", oid, -1 if value is None else len(value)))
        parts.append(value or b"")
    return b"".join(parts)


def _packed(form: str, value: float | None) -> bytes | None:
    return None if value is None else struct.pack(form, value)
