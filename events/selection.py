"""Which events are meant: conditions that hold together."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final
from uuid import UUID

_FIRST: Final = datetime(2, 1, 1, tzinfo=UTC)
_LAST: Final = datetime(9998, 12, 31, tzinfo=UTC)


def within_calendar(moment: datetime) -> datetime:
    """Return a time with a zone, moved so far from the calendar's ends that zones and slack can be added to it."""
    return min(max(moment, _FIRST), _LAST)


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """Conditions on events, all of which must hold. Without any, every event is meant.

    Raises:
        ValueError: a category and a prefix, or a time without a zone.
    """

    stream: str | None = None
    """The stream of exactly this name."""
    prefix: str | None = None
    """Streams whose names begin so."""
    category: str | None = None
    """Streams of this kind: what stands before the first hyphen of their names, as in `session-…`."""
    types: tuple[str, ...] = ()
    """Names of event types, any of which will do; none: all."""
    tenant: str | None = None
    correlation_id: UUID | None = None
    causation_id: UUID | None = None
    """What this event led to directly, in its own stream."""
    since: datetime | None = None
    """Recorded then or later."""
    until: datetime | None = None
    """Recorded before then."""
    where: str | None = None
    """An SQL/JSON path (ISO/IEC 9075-2, as PostgreSQL has it) over the data in the clear, as stored: a condition such
    as `$.latency_ms > 500` that holds, or a path such as `$.categories[*] ? (@.macro == "OUTRO")` that finds something.
    Events in the archive are not looked into."""
    slot: tuple[int, int] | None = None
    """Streams of one slot of so many, as a consumer group divides them: `(0, 4)` is the first of four."""

    def __post_init__(self) -> None:
        if self.category is not None and self.prefix is not None:
            raise ValueError("a category is a prefix: give one of them")
        if any(moment is not None and moment.utcoffset() is None for moment in (self.since, self.until)):
            raise ValueError("a time of a selection has no zone")
        for name in ("since", "until"):
            if (moment := getattr(self, name)) is not None:
                object.__setattr__(self, name, within_calendar(moment))

    @property
    def names(self) -> str | None:
        """What the streams' names begin with, None where any will do."""
        return self.prefix if self.category is None else f"{self.category}-"

    @property
    def of_streams(self) -> bool:
        """Whether it says anything of streams, rather than of events alone."""
        return (self.stream, self.names, self.tenant) != (None, None, None)


EVERYTHING = Selection()
"""Every event."""
