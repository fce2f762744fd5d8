"""A day at a counter as a session's events, and how long it takes to fold them with and without a snapshot."""

import time
from collections.abc import Iterator
from statistics import median

from actors.session.resting import KEEP_EVERY
from actors.session.state import SessionState, fold
from actors.values import SAMPLE_RATE
from balto.memory import CODEC
from events.catalogue import (
    AudioBookmarked,
    AudioReceived,
    BasketResolved,
    Bookmark,
    Category,
    ClassificationCompleted,
    ClassificationRequested,
    Entity,
    Event,
    Item,
    NormalisationCompleted,
    NormalisationRequested,
    PhraseCaptured,
    RecommendationAnswered,
    RecommendationDelivered,
    RecommendationSent,
    SessionStarted,
    SpeechStarted,
    TranscriptionReceived,
    TranscriptionRequested,
    VadSnapshot,
)

HOURS = 10
BASKET = "DOR_FEBRE_INFLAMACAO/FEBRE"
EVERY_S = 12
"""Seconds from one phrase to the next."""
VAD = VadSnapshot(
    noise_floor_rms=80.0, threshold_rms=120.0, threshold_multiplier=1.5, min_energy=120.0, voiced_ratio=0.8, mode=3
)
ITEM = Item(sugestao="Termômetro digital", explicacao="Para acompanhar a febre em casa.")
SYMPTOM = Entity(kind="symptom", name="febre", span="com febre", score=1.0)


def a_day() -> Iterator[Event]:
    """Yield the events of a session of ten hours: a record a second, a phrase every twelve, each advised."""
    yield SessionStarted(session_id="s", counter_id="c", protocol=2, encoding="auto", settings={}, versions={})
    for second in range(HOURS * 3600):
        end = (second + 1) * SAMPLE_RATE
        yield AudioReceived(byte_start=2 * (end - SAMPLE_RATE), byte_end=2 * end, sample_start=end, sample_end=end)
        if second % 30 == 24:
            place = Bookmark(encoding="pcm_s16le", header_bytes=0, byte_offset=2 * end, sample=end, place=())
            yield AudioBookmarked(bookmark=place)
        if second % EVERY_S == 0:
            yield from a_phrase(1 + second // EVERY_S, end)


def a_phrase(number: int, end: int) -> Iterator[Event]:
    """Yield what becomes of a phrase."""
    start, advice = end - SAMPLE_RATE, f"recommendation-{number}"
    yield SpeechStarted(phrase=number, sample_start=start)
    yield PhraseCaptured(phrase=number, sample_start=start, sample_end=end, cut_reason="pause", vad=VAD)
    yield TranscriptionRequested(phrase=number, provider="p", model="m", audio_ms=1000.0)
    yield TranscriptionReceived(
        phrase=number, provider="p", model="m", text="está com febre", confidence=None, latency_ms=1.0, cost_usd=0.0
    )
    yield NormalisationRequested(phrase=number, engine="e", model="m")
    yield NormalisationCompleted(
        phrase=number, engine="e", model="m", entities=(SYMPTOM,), entity_count=1, latency_ms=1.0, cost_usd=0.0
    )
    yield ClassificationRequested(phrase=number, engine="e", model="m")
    yield ClassificationCompleted(
        phrase=number,
        engine="e",
        model="m",
        categories=(Category(macro="DOR_FEBRE_INFLAMACAO", micro="FEBRE"),),
        anchors=(),
        confidence=1.0,
        latency_ms=1.0,
        cost_usd=0.0,
    )
    yield BasketResolved(phrase=number, basket="DOR_FEBRE_INFLAMACAO/FEBRE", rule="macro_micro", items=(ITEM,))
    yield RecommendationSent(
        phrase=number, recommendation_id=advice, basket="DOR_FEBRE_INFLAMACAO/FEBRE", items=(ITEM,)
    )
    yield RecommendationDelivered(phrase=number, recommendation_id=advice)
    yield RecommendationAnswered(recommendation_id=advice, answer="aceita")


def recall(repeats: int) -> dict[str, float]:
    """Measure the fold of a day, from its start and from the snapshot that a session keeps. CPU milliseconds."""
    events = list(a_day())
    began = time.process_time()
    whole = fold(events)
    from_start_ms = 1e3 * (time.process_time() - began)
    snapshot = CODEC.encode(fold(events[:-KEEP_EVERY]))
    taken: list[float] = []
    again = SessionState()
    for _ in range(repeats):
        began = time.process_time()
        again = fold(events[-KEEP_EVERY:], CODEC.decode(snapshot))
        taken.append(1e3 * (time.process_time() - began))
    if again != whole:
        raise SystemExit("the snapshot with the rest folded in is not the fold of all")
    return {
        "from_snapshot_ms": median(taken),
        "from_start_ms": from_start_ms,
        "events": len(events),
        "snapshot_kb": len(snapshot) / 1024,
    }
