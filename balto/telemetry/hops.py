"""Where a phrase's time went, from its own events: the hops of the timeline."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from actors.values import SAMPLE_RATE
from balto.telemetry.stories import Story
from events.catalogue import (
    ClassificationCompleted,
    ClassificationFailed,
    NormalisationCompleted,
    NormalisationFailed,
    PhraseCaptured,
    RecommendationDelivered,
    RecommendationSent,
    TranscriptionFailed,
    TranscriptionReceived,
    TranscriptionRejected,
    TranscriptionRequested,
)
from events.envelope import NewEvent
from projections.pace import AHEAD_MS, SHARE

HOPS: Final = ("audio", "stt", "ai1", "ai2", "ws", "total")
"""As the read model `phrase_timeline` names them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hop:
    """One step of a phrase."""

    name: str
    """One of `HOPS`."""
    end: NewEvent
    """The event that ended it."""
    ms: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """An answer of an engine, or its failure."""

    hop: str
    engine: str
    model: str
    outcome: str
    """`answered`, `rejected`, or the code of the failure."""
    ms: float
    end: NewEvent


def hops(story: Story) -> Iterator[Hop]:
    """Give the hops that a phrase took; an answer for comparison alone is none."""
    first: dict[type, NewEvent] = {}
    for new in story.events:
        first.setdefault(type(new.event), new)
    captured, sent = first.get(PhraseCaptured), first.get(RecommendationSent)
    requested, delivered = first.get(TranscriptionRequested), first.get(RecommendationDelivered)
    if captured and requested:
        yield Hop(name="audio", end=requested, ms=_between(captured, requested))
    seen: set[str] = set()
    for call in calls(story):
        if call.outcome in ("answered", "rejected") and call.hop not in seen:
            seen.add(call.hop)
            yield Hop(name=call.hop, end=call.end, ms=call.ms)
    if sent and delivered:
        yield Hop(name="ws", end=delivered, ms=_between(sent, delivered))
    if captured and delivered:
        yield Hop(name="total", end=delivered, ms=_between(captured, delivered))


def is_hurried(story: Story) -> bool:
    """Tell whether a phrase's audio had come faster than speech: what such a phrase waits for is others of its session.

    By the measure of `projections.pace`, and by what is known when the phrase is captured.
    """
    first = story.events[0]
    if not isinstance(first.event, PhraseCaptured):
        return False
    heard_ms = 1000 * first.event.sample_end / SAMPLE_RATE
    return heard_ms - first.elapsed_us / 1000 > max(AHEAD_MS, SHARE * heard_ms)


def calls(story: Story) -> Iterator[Call]:
    """Give what the engines of a phrase answered, in order, but for those that were asked for comparison alone."""
    for new in story.events:
        match new.event:
            case TranscriptionReceived(role="chosen") as event:
                yield _call("stt", event.provider, event.model, "answered", event.latency_ms, new)
            case TranscriptionRejected() as event:
                yield _call("stt", event.provider, event.model, "rejected", event.latency_ms, new)
            case TranscriptionFailed() as event:
                yield _call("stt", event.provider, event.model, event.code, event.latency_ms, new)
            case NormalisationCompleted() as event:
                yield _call("ai1", event.engine, event.model, "answered", event.latency_ms, new)
            case NormalisationFailed() as event:
                yield _call("ai1", event.engine, event.model, event.code, event.latency_ms, new)
            case ClassificationCompleted(with_stage_1=False) as event:
                yield _call("ai2", event.engine, event.model, "answered", event.latency_ms, new)
            case ClassificationFailed() as event:
                yield _call("ai2", event.engine, event.model, event.code, event.latency_ms, new)


def _call(hop: str, engine: str, model: str, outcome: str, ms: float, end: NewEvent) -> Call:
    return Call(hop=hop, engine=engine, model=model, outcome=outcome, ms=ms, end=end)


def _between(start: NewEvent, end: NewEvent) -> float:
    return (end.elapsed_us - start.elapsed_us) / 1000
