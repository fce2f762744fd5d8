"""Counters' days made up for tests: sessions as the session actor writes them, from a seed."""

import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from uuid import UUID

from events.catalogue import (
    Answer,
    AudioFormatDetected,
    AudioReceived,
    BandEnergies,
    BasketResolved,
    Category,
    ClassificationCompleted,
    ClassificationRequested,
    ClientRegistered,
    CounterKeyIssued,
    CounterPresetChanged,
    CounterRegistered,
    CounterTermsChanged,
    Entity,
    Event,
    Item,
    NormalisationCompleted,
    NormalisationRequested,
    PhraseCaptured,
    PhraseDiscarded,
    PhraseMeasured,
    PhraseOfferWithdrawn,
    RecommendationAnswered,
    RecommendationDelivered,
    RecommendationSent,
    RecommendationWithheld,
    ResourcesSampled,
    SessionEnded,
    SessionStarted,
    SpeechStarted,
    SubjectErased,
    TranscriptCompared,
    TranscriptionFailed,
    TranscriptionReceived,
    TranscriptionRejected,
    TranscriptionRequested,
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


def day(seed: int, sessions: int = 4, phrases: int = 4) -> list[tuple[str, str, int, Event]]:
    """Return a day's events as (stream, tenant, µs, event): several counters' sessions, interleaved at random."""
    rng = random.Random(seed)
    lines = []
    for number in range(sessions):
        tenant = f"{rng.choice([100_000, 200_000])}"
        counter_id = str(UUID(int=rng.getrandbits(128), version=4))
        lines.append([(stream, tenant, 0, event) for stream, event in registration(tenant, counter_id, f"k{number}")])
        change = CounterPresetChanged(counter_id=counter_id, threshold_multiplier=rng.uniform(1, 3), min_energy=99.0)
        terms = CounterTermsChanged(
            counter_id=counter_id, prefer=("local",), fast_path=rng.choice([None, True]), daily_budget_usd=2.5
        )
        reissued = CounterKeyIssued(counter_id=counter_id, key_sha256=f"new{number}")
        lines.append(
            [
                (f"counter-{counter_id}", tenant, 0, change),
                (f"counter-{counter_id}", tenant, 0, reissued),
                (f"counter-{counter_id}", tenant, 0, terms),
            ]
        )
        session_id = str(UUID(int=rng.getrandbits(128), version=4))
        lines.append(
            [(f"session-{session_id}", tenant, us, e) for us, e in _session(rng, session_id, counter_id, phrases)]
        )
    whole = []
    while lines:
        line = rng.choice(lines)
        whole.append(line.pop(0))
        lines = [left for left in lines if left]
    return whole


def _session(rng: random.Random, session_id: str, counter_id: str, phrases: int) -> Iterator[tuple[int, Event]]:
    clock = 0
    yield clock, started(session_id, counter_id)
    yield clock, AudioFormatDetected(encoding="webm-opus", sample_rate=48_000, channels=1)
    lines = [list(_phrase(rng, session_id, number)) for number in range(1, phrases + 1)]
    heard = 0
    # The phrases of a session overlap too: one is understood while the next one is heard.
    while lines:
        clock += rng.randrange(1_000, 900_000)
        yield (
            clock,
            AudioReceived(
                byte_start=heard * 100,
                byte_end=(heard + 1) * 100,
                sample_start=heard * 800,
                sample_end=(heard + 1) * 800,
            ),
        )
        heard += 1
        line = rng.choice(lines[:2])
        yield clock, line.pop(0)
        lines = [left for left in lines if left]
    yield (
        clock + 5,
        SessionEnded(
            reason="client_finished", bytes_received=heard * 100, samples=heard * 800, phrases=0, recommendations=0
        ),
    )
    if rng.random() < 0.3:
        yield clock + 6, SubjectErased(reason="asked for")


def _phrase(rng: random.Random, session_id: str, n: int) -> Iterator[Event]:
    yield SpeechStarted(phrase=n, sample_start=n * 40_000)
    if rng.random() < 0.15:
        yield PhraseDiscarded(phrase=n, sample_start=n * 40_000, sample_end=n * 40_000 + 2_000, reason="too_short")
        return
    yield captured(n)
    yield sampled(n, rng.uniform(0, 90))
    yield measured(n, rng.choice([None, rng.uniform(80, 300)]))
    if rng.random() < 0.3:
        yield PhraseOfferWithdrawn(
            phrase=n, offer=n, reason="speech_went_on", cost_usd=rng.uniform(0, 0.01), provider="local", model="m"
        )
    yield TranscriptionRequested(phrase=n, provider="local", model="whisper-base", audio_ms=2_000.0)
    if rng.random() < 0.3:
        yield TranscriptionFailed(phrase=n, provider="local", model="whisper-base", code="transient", latency_ms=9.5)
        yield TranscriptionRequested(phrase=n, provider="backup", model="b", audio_ms=2_000.0)
    if rng.random() < 0.2:
        yield TranscriptionRejected(
            phrase=n, provider="local", model="m", reason="noise", text="…", latency_ms=77.5, cost_usd=0.0003
        )
        return
    yield received(n, text=f"frase {n}", latency_ms=rng.uniform(100, 900), cost_usd=rng.uniform(0, 0.01))
    if rng.random() < 0.3:
        yield _compared(rng, n)
    yield NormalisationRequested(phrase=n, engine="lexicon", model="v1")
    yield normalised(n, latency_ms=rng.uniform(1, 9), cost_usd=rng.uniform(0, 0.01))
    if rng.random() < 0.2:
        yield RecommendationWithheld(phrase=n, reason="nothing_asked")
        return
    yield ClassificationRequested(phrase=n, engine="lexicon", model="v1")
    yield classified(n, latency_ms=rng.uniform(1, 9), cost_usd=rng.uniform(0, 0.01))
    yield BasketResolved(phrase=n, basket="RESPIRATORIO_GRIPE/GRIPE", rule="macro_micro", items=(ITEM,))
    recommendation_id = f"{session_id}-{n}"
    yield sent(n, recommendation_id)
    yield RecommendationDelivered(phrase=n, recommendation_id=recommendation_id)
    answers: list[Answer] = ["exibida", "aceita", "dispensada"]
    for answer in rng.sample(answers, rng.randrange(3)):
        yield RecommendationAnswered(recommendation_id=recommendation_id, answer=answer)


def _compared(rng: random.Random, n: int) -> TranscriptCompared:
    return TranscriptCompared(
        phrase=n,
        provider="backup",
        model="b",
        text=f"frase {n}",
        confidence=None,
        rejected=None,
        latency_ms=rng.uniform(100, 900),
        cost_usd=rng.uniform(0, 0.01),
        word_errors=rng.randrange(3),
        chosen_words=3,
        chosen_provider="local",
        chosen_model="whisper-base",
        chosen_latency_ms=rng.uniform(100, 900),
        chosen_cost_usd=0.0,
        audio_ms=2_000.0,
    )
