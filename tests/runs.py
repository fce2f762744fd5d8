"""Runs of a session for tests: events that were written down by hand, in envelopes as the ledger gives them."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid5

from balto.replay.run import Run
from events.catalogue import (
    AudioReceived,
    BasketResolved,
    BasketRule,
    Category,
    ClassificationCompleted,
    ClassificationRequested,
    Entity,
    Event,
    Item,
    NormalisationCompleted,
    NormalisationRequested,
    PhraseCaptured,
    RecommendationSent,
    SessionEnded,
    SessionStarted,
    SpeechStarted,
    TranscriptionReceived,
    TranscriptionRequested,
    VadSnapshot,
)
from events.envelope import RecordedEvent, UnknownEvent
from events.ids import phrase_id
from events.store import RecordingChunk

SESSION = "0192f0c1-2d3e-7f40-8a5b-6c7d8e9f0a1b"
OTHER = "0192f0c1-2d3e-7f40-8a5b-6c7d8e9f0a1c"
BEGAN = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
SETTINGS: dict[str, Any] = {
    "stt": "local",
    "gather_ms": 1500,
    "cooldown_s": 600.0,
    "engines": {"prefer": [], "fast_path": True},
    "vad": {"threshold_multiplier": 1.5, "min_energy": 120.0},
    "audio": {"encoding": "pcm_s16le", "sample_rate": 16_000, "channels": 1},
    "resumable": False,
}
VAD = VadSnapshot(
    noise_floor_rms=20.0, threshold_rms=120.0, threshold_multiplier=1.5, min_energy=120.0, voiced_ratio=0.8, mode=3
)


def recorded(events: Iterable[Event], session: str = SESSION) -> list[RecordedEvent]:
    """Put events into envelopes: a tenth of a second apart, each caused by the one before of its phrase."""
    last: dict[int, UUID] = {}
    found = []
    for number, event in enumerate(events, 1):
        event_id, phrase = uuid5(UUID(session), str(number)), getattr(event, "phrase", None)
        unknown = isinstance(event, UnknownEvent)
        at = BEGAN + timedelta(seconds=number / 10)
        found.append(
            RecordedEvent(
                position=number,
                stream=f"session-{session}",
                stream_position=number,
                tenant="t",
                event_id=event_id,
                type=event.type_name if isinstance(event, UnknownEvent) else type(event).__name__,
                schema_version=event.version if isinstance(event, UnknownEvent) else event.schema_version,
                event=event,
                occurred_at=at,
                recorded_at=at,
                elapsed_us=100_000 * number,
                correlation_id=None if phrase is None or unknown else phrase_id(session, phrase),
                causation_id=None if phrase is None else last.get(phrase),
            )
        )
        if phrase is not None:
            last[phrase] = event_id
    return found


def run(
    events: Iterable[Event], *, session: str = SESSION, name: str = "", audio: Sequence[RecordingChunk] = ()
) -> Run:
    """Return a run of events."""
    stream = f"session-{session}"
    return Run(
        name=name or stream, stream=stream, tenant="t", recorded=tuple(recorded(events, session)), audio=tuple(audio)
    )


def started(settings: dict[str, Any] | None = None, **versions: str) -> SessionStarted:
    """Return the start of a session."""
    return SessionStarted(
        session_id=SESSION,
        counter_id="c",
        protocol=1,
        encoding="auto",
        settings={**SETTINGS, **(settings or {})},
        versions={"balto": "0.1.0", "baskets": "1", **versions},
    )


def phrase(number: int, at_s: float, text: str, *, name: str = "dor de cabeça", item: str = "Chá") -> list[Event]:
    """Return what comes of a phrase of a second that is understood and answered."""
    start = int(at_s * 16_000)
    items = (Item(sugestao=item, explicacao="Faz bem."),)
    rule: BasketRule = "macro_micro"
    return [
        SpeechStarted(phrase=number, sample_start=start),
        PhraseCaptured(phrase=number, sample_start=start, sample_end=start + 16_000, cut_reason="pause", vad=VAD),
        TranscriptionRequested(phrase=number, provider="local", model="base", audio_ms=1000.0),
        TranscriptionReceived(
            phrase=number, provider="local", model="base", text=text, confidence=0.9, latency_ms=300.0, cost_usd=0.0
        ),
        NormalisationRequested(phrase=number, engine="lexicon", model="1"),
        NormalisationCompleted(
            phrase=number,
            engine="lexicon",
            model="1",
            entities=(Entity(kind="symptom", name=name, span=name, score=1.0),),
            entity_count=1,
            latency_ms=2.0,
            cost_usd=0.0,
        ),
        ClassificationRequested(phrase=number, engine="lexicon", model="1"),
        ClassificationCompleted(
            phrase=number,
            engine="lexicon",
            model="1",
            categories=(Category(macro="DOR", micro="CABECA"),),
            anchors=(),
            confidence=1.0,
            latency_ms=1.0,
            cost_usd=0.0,
        ),
        BasketResolved(phrase=number, basket="DOR/CABECA", rule=rule, items=items, catalogue="1"),
        RecommendationSent(phrase=number, recommendation_id=f"r{number}", basket="DOR/CABECA", items=items, rule=rule),
    ]


def session(*phrases: Sequence[Event], start: SessionStarted | None = None, seconds: int = 20) -> list[Event]:
    """Return a session's events."""
    samples = seconds * 16_000
    return [
        start or started(),
        AudioReceived(byte_start=0, byte_end=2 * samples, sample_start=0, sample_end=samples),
        *(event for each in phrases for event in each),
        SessionEnded(
            reason="client_finished",
            bytes_received=2 * samples,
            samples=samples,
            phrases=len(phrases),
            recommendations=len(phrases),
        ),
    ]
