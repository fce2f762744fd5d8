"""What made-up days of counters are made of: a ledger to append to, and the events of a phrase."""

import random
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from uuid import UUID

from events.catalogue import (
    BandEnergies,
    Category,
    ClassificationCompleted,
    ClientRegistered,
    CounterKeyIssued,
    CounterRegistered,
    Entity,
    Event,
    Item,
    NormalisationCompleted,
    PhraseCaptured,
    PhraseMeasured,
    RecommendationSent,
    ResourcesSampled,
    SessionStarted,
    TranscriptionReceived,
    VadSnapshot,
)
from events.envelope import NewEvent
from events.ids import phrase_id
from events.postgres import PostgresStore
from events.store import Append

DAY = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
ITEM = Item(sugestao="Soro fisiológico", explicacao="Alivia o nariz.")
VAD = VadSnapshot(
    noise_floor_rms=80.0, threshold_rms=120.0, threshold_multiplier=1.5, min_energy=120.0, voiced_ratio=0.8, mode=3
)


@dataclass
class Ledger:
    """Appends events one by one; what follows when is the caller's."""

    store: PostgresStore
    ids: random.Random = field(default_factory=lambda: random.Random(1))

    async def append(self, stream: str, tenant: str, *events: Event, at_us: int = 0) -> None:
        """Append events that all happened `at_us` after the day began."""
        new = [self._wrap(stream, event, at_us) for event in events]
        await self.store.append(Append(stream=stream, tenant=tenant, events=new))

    def _wrap(self, stream: str, event: Event, at_us: int) -> NewEvent:
        phrase: int | None = getattr(event, "phrase", None)
        return NewEvent(
            event_id=UUID(int=self.ids.getrandbits(128), version=4),
            event=event,
            occurred_at=DAY + timedelta(microseconds=at_us),
            elapsed_us=at_us,
            correlation_id=None if phrase is None else phrase_id(stream, phrase),
        )


def captured(phrase: int) -> PhraseCaptured:
    """A phrase of two seconds."""
    start = phrase * 40_000
    return PhraseCaptured(phrase=phrase, sample_start=start, sample_end=start + 32_000, cut_reason="pause", vad=VAD)


def measured(phrase: int, pitch: float | None) -> PhraseMeasured:
    """Its measures."""
    start = phrase * 40_000
    return PhraseMeasured(
        phrase=phrase,
        sample_start=start,
        sample_end=start + 32_000,
        pitch_mean_hz=pitch,
        pitch_std_hz=12.5,
        snr_db=18.25,
        spectral_centroid_hz=1_500.5,
        zero_crossing_rate=0.0625,
        rms_mean=0.05,
        rms_max=0.2,
        peak_dbfs=-3.5,
        clipping_ratio=0.0,
        dc_offset=0.001,
        bands=BandEnergies(low=0.5, mid=0.3, high=0.2),
        duration_ms=4.5,
    )


def sampled(phrase: int, cpu: float) -> ResourcesSampled:
    """The machine at that moment."""
    return ResourcesSampled(
        phrase=phrase,
        cpu_percent=cpu,
        system_cpu_percent=cpu / 2,
        rss_bytes=500_000_000,
        system_memory_percent=41.5,
        loop_lag_ms=0.75,
    )


def received(
    phrase: int, *, text: str = "quero algo para gripe", latency_ms: float = 400.0, cost_usd: float = 0.0001
) -> TranscriptionReceived:
    """A transcript."""
    return TranscriptionReceived(
        phrase=phrase,
        provider="local",
        model="whisper-base",
        text=text,
        confidence=0.9,
        latency_ms=latency_ms,
        cost_usd=cost_usd,
        words_per_minute=150.0 if phrase % 2 else None,
    )


def normalised(phrase: int, *, latency_ms: float = 3.0, cost_usd: float = 0.0) -> NormalisationCompleted:
    """Stage 1's answer."""
    return NormalisationCompleted(
        phrase=phrase,
        engine="lexicon",
        model="v1",
        entities=(Entity(kind="disease", name="gripe", span="gripe", score=1.0),),
        entity_count=1,
        latency_ms=latency_ms,
        cost_usd=cost_usd,
    )


def classified(phrase: int, *, latency_ms: float = 2.0, cost_usd: float = 0.0) -> ClassificationCompleted:
    """Stage 2's answer."""
    return ClassificationCompleted(
        phrase=phrase,
        engine="lexicon",
        model="v1",
        categories=(Category(macro="RESPIRATORIO_GRIPE", micro="GRIPE"), Category(macro="OUTRO")),
        anchors=(),
        confidence=0.9,
        latency_ms=latency_ms,
        cost_usd=cost_usd,
    )


def sent(phrase: int, recommendation_id: str) -> RecommendationSent:
    """A recommendation."""
    return RecommendationSent(
        phrase=phrase, recommendation_id=recommendation_id, basket="RESPIRATORIO_GRIPE/GRIPE", items=(ITEM,)
    )


def started(session_id: str, counter_id: str) -> SessionStarted:
    """A session's first event."""
    return SessionStarted(
        session_id=session_id, counter_id=counter_id, protocol=1, encoding="auto", settings={}, versions={}
    )


def registration(code: str, counter_id: str, key: str) -> list[tuple[str, Event]]:
    """A client and its counter, by stream."""
    stream = f"counter-{counter_id}"
    return [
        (f"client-{code}", ClientRegistered(code=code, legal_name=f"Farmácia {code}", email=f"{code}@example.com")),
        (stream, CounterRegistered(counter_id=counter_id, code=code, name="Balcão 1")),
        (stream, CounterKeyIssued(counter_id=counter_id, key_sha256=key)),
    ]
