"""Where the time of a run's phrases went, from its events alone: what `phrase_timeline` says of sessions."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final

from actors.values import SAMPLE_RATE
from balto.replay.run import Run
from events.catalogue import (
    BasketResolved,
    Category,
    ClassificationCompleted,
    Event,
    NormalisationCompleted,
    PhraseCaptured,
    PhraseDiscarded,
    PhraseGathered,
    RecommendationDelivered,
    RecommendationSent,
    RecommendationWithheld,
    ResourcesSampled,
    SpeechStarted,
    TranscriptionReceived,
    TranscriptionRejected,
    TranscriptionRequested,
)
from events.envelope import RecordedEvent
from projections.rows import TimelineRow

_SAMPLES_A_MS: Final = SAMPLE_RATE / 1000


def timeline_of(run: Run) -> list[TimelineRow]:
    """Return the phrases of a run in their order, as `projections.reports.timeline` does of a session of the ledger.

    Replays and exported sessions have no rows in the read models. The session's id of a replay is its stream.
    """
    phrases: defaultdict[int, list[RecordedEvent]] = defaultdict(list)
    for each in run.recorded:
        number = getattr(each.event, "phrase", None)
        if number is not None:
            phrases[number].append(each)
    return [_row(run, number, phrases[number]) for number in sorted(phrases)]


def _row(run: Run, phrase: int, events: Sequence[RecordedEvent]) -> TimelineRow:
    heard = _first(events, TranscriptionReceived | TranscriptionRejected, _chosen)
    named, placed = _first(events, NormalisationCompleted), _first(events, ClassificationCompleted)
    basket, machine = _first(events, BasketResolved), _first(events, ResourcesSampled)
    captured = _recorded(events, PhraseCaptured)
    start = min((e.sample_start for e in _of(events, SpeechStarted | PhraseCaptured | PhraseDiscarded)), default=None)
    end = max((e.sample_end for e in _of(events, PhraseCaptured | PhraseDiscarded)), default=None)
    captured_us, requested_us = _at(events, PhraseCaptured), _at(events, TranscriptionRequested)
    sent_us, delivered_us = _at(events, RecommendationSent), _at(events, RecommendationDelivered)
    return TimelineRow(
        session_id=run.stream.removeprefix("session-"),
        phrase=phrase,
        tenant=run.tenant,
        counter_id=None if run.started is None else run.started.counter_id,
        captured_at=None if captured is None else captured.occurred_at,
        sample_start=start,
        sample_end=end,
        speech_ms=None if start is None or end is None else (end - start) / _SAMPLES_A_MS,
        audio_ms=_ms(captured_us, requested_us),
        stt_ms=heard and heard.latency_ms,
        ai1_ms=named and named.latency_ms,
        ai2_ms=placed and placed.latency_ms,
        ws_ms=_ms(sent_us, delivered_us),
        total_ms=_ms(captured_us, delivered_us),
        stt_provider=heard and heard.provider,
        stt_model=heard and heard.model,
        ai1_engine=named and named.engine,
        ai1_model=named and named.model,
        ai2_engine=placed and placed.engine,
        ai2_model=placed and placed.model,
        categories=placed and tuple(map(_path, placed.categories)),
        basket=basket and basket.basket,
        outcome=next(filter(None, (_outcome(each.event) for each in events)), None),
        cost_usd=sum(getattr(each.event, "cost_usd", 0.0) for each in events),
        cpu_percent=machine and machine.cpu_percent,
        system_cpu_percent=machine and machine.system_cpu_percent,
        rss_bytes=machine and machine.rss_bytes,
        system_memory_percent=machine and machine.system_memory_percent,
        loop_lag_ms=machine and machine.loop_lag_ms,
        ahead_ms=None if end is None or captured_us is None else end / _SAMPLES_A_MS - captured_us / 1000,
    )


def _outcome(event: Event) -> str | None:
    match event:
        case RecommendationSent():
            return "recommended"
        case RecommendationWithheld():
            return f"withheld:{event.reason}"
        case TranscriptionRejected():
            return f"rejected:{event.reason}"
        case PhraseGathered():
            return "gathered"
        case PhraseDiscarded():
            return f"discarded:{event.reason}"
        case _:
            return None


def _chosen(event: Any) -> bool:
    return getattr(event, "role", "chosen") == "chosen"


def _recorded(events: Iterable[RecordedEvent], kind: Any) -> RecordedEvent | None:
    return next((each for each in events if isinstance(each.event, kind)), None)


def _of(events: Iterable[RecordedEvent], kind: Any) -> Iterable[Any]:
    return (each.event for each in events if isinstance(each.event, kind))


def _first(events: Iterable[RecordedEvent], kind: Any, wanted: Callable[[Any], bool] = lambda _: True) -> Any:
    return next(filter(wanted, _of(events, kind)), None)


def _at(events: Iterable[RecordedEvent], kind: Any) -> int | None:
    found = _recorded(events, kind)
    return None if found is None else found.elapsed_us


def _ms(since_us: int | None, until_us: int | None) -> float | None:
    return None if since_us is None or until_us is None else (until_us - since_us) / 1000


def _path(category: Category) -> str:
    return category.macro if category.micro is None else f"{category.macro}/{category.micro}"
