"""A session as the ledger would hold it, for tests of what is read from it."""

from datetime import UTC, datetime, timedelta

from balto.app import Balto
from events.catalogue import (
    Category,
    ClassificationCompleted,
    Event,
    Item,
    PhraseCaptured,
    RecommendationDelivered,
    RecommendationSent,
    SessionStarted,
    TranscriptionReceived,
    TranscriptionRequested,
    VadSnapshot,
)
from events.envelope import NewEvent
from events.store import Append
from tests.events_at_hand import new_event

START = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)


async def record_session(
    balto: Balto, session_id: str, *, tenant: str, counter_id: str, text: str = "dor de cabeça", at_minute: int = 0
) -> int:
    """Record a session of one phrase that was answered and return how many events it has."""
    happened = [_started(session_id, counter_id), *_phrase(text)]
    events = [_placed(event, at_minute, n) for n, event in enumerate(happened)]
    await balto.library.store.append(Append(stream=f"session-{session_id}", tenant=tenant, events=events))
    return len(events)


def _placed(event: Event, minute: int, number: int) -> NewEvent:
    return NewEvent(
        event_id=new_event(event).event_id,
        event=event,
        occurred_at=START + timedelta(minutes=minute, milliseconds=100 * number),
        elapsed_us=100_000 * number,
    )


def _started(session_id: str, counter_id: str) -> SessionStarted:
    return SessionStarted(
        session_id=session_id, counter_id=counter_id, protocol=1, encoding="auto", settings={}, versions={}
    )


def _phrase(text: str) -> list[Event]:
    vad = VadSnapshot(
        noise_floor_rms=50, threshold_rms=120, threshold_multiplier=1.5, min_energy=120, voiced_ratio=0.8, mode=3
    )
    item = Item(sugestao="Termômetro", explicacao="Para acompanhar a febre.")
    return [
        PhraseCaptured(phrase=1, sample_start=0, sample_end=16_000, cut_reason="pause", vad=vad),
        TranscriptionRequested(phrase=1, provider="scripted", model="script", audio_ms=1000),
        TranscriptionReceived(
            phrase=1, provider="scripted", model="script", text=text, confidence=0.9, latency_ms=100, cost_usd=0.001
        ),
        ClassificationCompleted(
            phrase=1,
            engine="lexicon",
            model="1",
            categories=(Category(macro="DOR_FEBRE_INFLAMACAO", micro="FEBRE"),),
            anchors=(),
            confidence=0.9,
            latency_ms=1,
            cost_usd=0,
        ),
        RecommendationSent(phrase=1, recommendation_id="r1", basket="DOR_FEBRE_INFLAMACAO/FEBRE", items=(item,)),
        RecommendationDelivered(phrase=1, recommendation_id="r1"),
    ]
