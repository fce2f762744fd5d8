"""An event exactly as the ledger stores it, sealed and with its link: for files, copies and checks."""

from collections.abc import Iterable
from datetime import datetime
from typing import Final, NamedTuple
from uuid import UUID

from events.chain import START, canonical, link
from events.selection import Selection


class StoredEvent(NamedTuple):
    """A row of the ledger with the names of its stream and tenant. Personal fields are in `sealed`, encrypted."""

    position: int
    stream_id: int
    stream: str
    tenant: str
    stream_position: int
    event_id: UUID
    type: str
    schema_version: int
    occurred_at: datetime
    recorded_at: datetime
    elapsed_us: int
    correlation_id: UUID | None
    causation_id: UUID | None
    phrase: int | None
    sample_start: int | None
    sample_end: int | None
    latency_ms: float | None
    data: str
    """JSON exactly as the database writes it: the link is made of it."""
    sealed: bytes | None
    hash: bytes
    """Link of the stream's chain."""

    def canonical(self) -> bytes:
        """Return the bytes that its link is made of; see `events.chain.canonical`."""
        return canonical(
            stream=self.stream,
            tenant=self.tenant,
            stream_position=self.stream_position,
            event_id=self.event_id,
            type_name=self.type,
            schema_version=self.schema_version,
            occurred_at=self.occurred_at,
            elapsed_us=self.elapsed_us,
            correlation_id=self.correlation_id,
            causation_id=self.causation_id,
            phrase=self.phrase,
            sample_start=self.sample_start,
            sample_end=self.sample_end,
            latency_ms=self.latency_ms,
            data=self.data.encode(),
            sealed=self.sealed,
        )


class ChainCheck:
    """Follows the chains of many streams through a run of events, and remembers the first place that is wrong."""

    def __init__(self, after: int, tips: dict[int, tuple[int, bytes]]) -> None:
        """Take the position before the run, and by stream the place and link that it has there, where it has any."""
        self.position = after
        self.tips = dict(tips)
        self.broken: int | None = None
        """The first event whose link does not hold."""
        self.misplaced: int | None = None
        """The first event that does not follow the one before in its stream."""
        self.missing: int | None = None
        """The first position that no event has."""

    def feed(self, events: Iterable[StoredEvent]) -> None:
        """Check the events that come next."""
        for event in events:
            if event.position != self.position + 1 and self.missing is None:
                self.missing = self.position + 1
            self.position = event.position
            place, tip = self.tips.get(event.stream_id, (0, START))
            if event.stream_position != place + 1 and self.misplaced is None:
                self.misplaced = event.position
            if event.hash != link(tip, event.canonical()) and self.broken is None:
                self.broken = event.position
            self.tips[event.stream_id] = (event.stream_position, event.hash)

    @property
    def whole(self) -> bool:
        """Whether nothing was found."""
        return self.broken is None and self.misplaced is None and self.missing is None


_HASH: Final = 2_654_435_761


def matches(event: StoredEvent, selection: Selection) -> bool:
    """Tell whether an event is meant by a selection, as the database would."""
    if selection.slot is not None:
        slot, slots = selection.slot
        if ((event.stream_id & 0x7FFFFFFF) * _HASH >> 16) % slots != slot:
            return False
    names = selection.names
    return (
        (not selection.types or event.type in selection.types)
        and (selection.stream is None or event.stream == selection.stream)
        and (names is None or event.stream.startswith(names))
        and (selection.tenant is None or event.tenant == selection.tenant)
        and (selection.since is None or event.recorded_at >= selection.since)
        and (selection.until is None or event.recorded_at < selection.until)
        and (selection.correlation_id is None or event.correlation_id == selection.correlation_id)
        and (selection.causation_id is None or event.causation_id == selection.causation_id)
    )
