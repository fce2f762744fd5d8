"""Rows of the database as recorded events, or as plain values, with what was sealed opened."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final
from uuid import UUID

import asyncpg
from orjson import loads

from events.codec import decode, join
from events.envelope import RecordedEvent
from events.frozen import ColdRow
from events.sealing import StreamKey

type _Opener = Callable[[UUID, bytes], bytes]
type _Openers = dict[str, tuple[UUID, _Opener]]

_NONE: Final[tuple[None, None]] = (None, None)


def recorded_events(rows: Sequence[asyncpg.Record | ColdRow], keys: Mapping[str, StreamKey]) -> Iterator[RecordedEvent]:
    """Yield rows as typed events.

    Args:
        rows: of one of the reading statements: their columns are those of `event_columns.sql`, in its order.
        keys: by stream; a sealed row of a stream that is not there reads as erased.

    Raises:
        SealingError: a seal is broken.
        CodecError: the data is not what its type and version promise.
    """
    openers = _openers(keys)
    for row in rows:
        position, stream, number, tenant, event_id, name, version, data, sealed, key_id, *rest = row
        occurred, recorded, elapsed, about, cause = rest
        data, erased = (data, False) if sealed is None else _opened(stream, event_id, data, sealed, key_id, openers)
        event = decode(name, version, data, erased=erased)
        yield RecordedEvent(
            position, stream, number, tenant, event_id, name, version, event,
            occurred, recorded, elapsed, about, cause, erased,
        )  # fmt: skip


def raw_events(
    rows: Sequence[asyncpg.Record | ColdRow], keys: Mapping[str, StreamKey], *, open_sealed: bool = True
) -> list[dict[str, Any]]:
    """Return rows as mappings with the names of `RecordedEvent`, but `data` (as stored, not upcast) for `event`.

    Erased fields are missing from `data`. Takes and raises the same as `recorded_events`.

    Args:
        rows: as there.
        keys: as there.
        open_sealed: otherwise personal fields are missing from `data` throughout, and `erased` says nothing.
    """
    openers = _openers(keys)
    events = []
    for row in rows:
        position, stream, number, tenant, event_id, name, version, data, sealed, key_id, *rest = row
        occurred, recorded, elapsed, about, cause = rest
        content, erased = loads(data), False
        if open_sealed and sealed is not None:
            known, opener = openers.get(stream, _NONE)
            if opener is None or known != key_id:
                erased = True
            else:
                content.update(loads(opener(event_id, sealed)))
        events.append(
            {
                "position": position,
                "stream": stream,
                "stream_position": number,
                "tenant": tenant,
                "event_id": event_id,
                "type": name,
                "schema_version": version,
                "data": content,
                "occurred_at": occurred,
                "recorded_at": recorded,
                "elapsed_us": elapsed,
                "correlation_id": about,
                "causation_id": cause,
                "erased": erased,
            }
        )
    return events


def _openers(keys: Mapping[str, StreamKey]) -> _Openers:
    return {stream: (key.id, key.opener(stream)) for stream, key in keys.items()}


def _opened(
    stream: str, event_id: UUID, data: bytes, sealed: bytes, key_id: UUID | None, openers: _Openers
) -> tuple[bytes, bool]:
    known, opener = openers.get(stream, _NONE)
    # A key that was fetched after this row was read may be there though the row says that it is gone.
    if opener is None or known != key_id:
        return data, True
    return join(data, opener(event_id, sealed)), False
