"""The envelope of an event: one type before recording, another after."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from events.catalogue.base import Event


@dataclass(frozen=True, slots=True, kw_only=True)
class NewEvent:
    """An event to be appended. Its id makes the append idempotent."""

    event_id: UUID
    """UUIDv7."""
    event: Event
    occurred_at: datetime
    """UTC, by the session's clock."""
    elapsed_us: int = 0
    """Monotonic microseconds since the session's start; 0 on streams that are no session."""
    correlation_id: UUID | None = None
    """The phrase that this event is about."""
    causation_id: UUID | None = None
    """The event that led to this one."""


@dataclass(frozen=True, slots=True)
class UnknownEvent(Event):
    """What reading gives for a type or version that this program does not know: the data as stored."""

    type_name: str
    version: int
    data: dict[str, Any]


class RecordedEvent(NamedTuple):
    """An event as the store gives it back: a tuple, which is made in a third of the time of a frozen dataclass."""

    position: int
    """Global position: dense, from 1, in commit order."""
    stream: str
    stream_position: int
    """Position in its stream: dense, from 1."""
    tenant: str
    event_id: UUID
    type: str
    schema_version: int
    event: Event
    occurred_at: datetime
    recorded_at: datetime
    """UTC, by the database."""
    elapsed_us: int
    correlation_id: UUID | None
    causation_id: UUID | None
    erased: bool = False
    """Its personal fields were destroyed with the key of its stream: what stands in them says nothing."""


def as_recorded(new: NewEvent, position: int, stream: str, tenant: str) -> RecordedEvent:
    """Return an event as a ledger would give it back that held this one stream alone.

    Args:
        new: the event.
        position: from 1 on.
        stream: its name.
        tenant: whose it is.
    """
    return RecordedEvent(
        position=position,
        stream=stream,
        stream_position=position,
        tenant=tenant,
        event_id=new.event_id,
        type=type(new.event).__name__,
        schema_version=new.event.schema_version,
        event=new.event,
        occurred_at=new.occurred_at,
        recorded_at=new.occurred_at,
        elapsed_us=new.elapsed_us,
        correlation_id=new.correlation_id,
        causation_id=new.causation_id,
    )
