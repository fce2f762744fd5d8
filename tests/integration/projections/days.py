"""Counters' days made up for tests: sessions as the session actor writes them, from a seed."""

import random
from collections.abc import Iterator
from uuid import UUID

from events.catalogue import (
    Answer,
    AudioFormatDetected,
    AudioReceived,
    BasketResolved,
    ClassificationRequested,
    CounterKeyIssued,
    CounterPresetChanged,
    CounterTermsChanged,
    Event,
    NormalisationRequested,
    PhraseDiscarded,
    PhraseOfferWithdrawn,
    RecommendationAnswered,
    RecommendationDelivered,
    RecommendationWithheld,
    SessionEnded,
    SpeechStarted,
    SubjectErased,
    TranscriptCompared,
    TranscriptionFailed,
    TranscriptionRejected,
    TranscriptionRequested,
)
from tests.integration.projections.script import (
    ITEM,
    captured,
    classified,
    measured,
    normalised,
    received,
    registration,
    sampled,
    sent,
    started,
)


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
