"""Counters' sessions as the server writes them, made up from a seed: audio once a second, a phrase every few."""

import random
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from itertools import batched
from typing import Final
from uuid import UUID

from events.catalogue import (
    Answer,
    AttemptEnded,
    AttemptStarted,
    AudioFormatDetected,
    AudioReceived,
    BasketResolved,
    ClassificationRequested,
    Event,
    NormalisationRequested,
    PhraseDiscarded,
    PhraseOffered,
    RecommendationAnswered,
    RecommendationDelivered,
    RecommendationWithheld,
    SessionEnded,
    SessionStarted,
    SpeechStarted,
    TranscriptionRejected,
    TranscriptionRequested,
)
from events.envelope import NewEvent
from events.ids import phrase_id, uuid7
from events.postgres import PostgresStore
from events.prepared import prepare
from events.store import Append, Appended
from tests.integration.projections.script import (
    DAY,
    ITEM,
    captured,
    classified,
    measured,
    normalised,
    received,
    sampled,
    sent,
)

RATE: Final = 16_000
_SETTINGS: Final = {f"group.setting_{n}": n / 3 for n in range(40)}
"""As many as a session really has: they are most of what its first event weighs."""
_VERSIONS: Final = {"balto": "1.0.0", "baskets": "sha256:0123456789abcdef", "stt": "whisper-base", "vad": "silero-5"}
_ASKED: Final = "moça tem alguma coisa boa pra dor de garganta e febre que não dê sono"

type Moment = tuple[int, list[Event]]
"""Microseconds since the session began, and what is recorded then, in one append."""


@dataclass(frozen=True, slots=True)
class Session:
    """One counter's session: its stream and what is appended to it, in order."""

    stream: str
    tenant: str
    moments: Sequence[Moment]


def sessions(seed: int = 1, *, phrases: int = 16) -> Iterator[Session]:
    """Yield sessions without end, of so many phrases in the mean, at 40 counters of 8 pharmacies."""
    rng = random.Random(seed)
    counters = [(f"{100_000 + n % 8}", str(UUID(int=rng.getrandbits(128), version=4))) for n in range(40)]
    while True:
        tenant, counter_id = rng.choice(counters)
        session_id = str(UUID(int=rng.getrandbits(128), version=4))
        moments = _moments(rng, session_id, counter_id, rng.randint(phrases // 2, phrases * 3 // 2))
        yield Session(f"session-{session_id}", tenant, moments)


def _moments(rng: random.Random, session_id: str, counter_id: str, phrases: int) -> list[Moment]:
    begin: list[Event] = [
        SessionStarted(
            session_id=session_id,
            counter_id=counter_id,
            protocol=1,
            encoding="auto",
            settings=_SETTINGS,
            versions=_VERSIONS,
        ),
        AudioFormatDetected(encoding="webm-opus", sample_rate=48_000, channels=1),
    ]
    spoken: list[Moment] = []
    clock = 1_000_000
    for phrase in range(1, phrases + 1):
        clock += rng.randrange(1_500_000, 9_000_000)
        spoken += [(clock + at, events) for at, events in _phrase(rng, session_id, phrase)]
    seconds = clock // 1_000_000 + 3
    heard: list[Moment] = [(1_000_000 * (n + 1), [_second(n)]) for n in range(seconds)]
    end = SessionEnded(
        reason="client_finished",
        bytes_received=4000 * seconds,
        samples=RATE * seconds,
        phrases=phrases,
        recommendations=sum(type(event).__name__ == "RecommendationSent" for _, said in spoken for event in said),
    )
    middle = sorted(spoken + heard, key=lambda moment: moment[0])
    return [(0, begin), *middle, (1_000_000 * seconds + 500_000, [end])]


def _second(n: int) -> AudioReceived:
    return AudioReceived(byte_start=4000 * n, byte_end=4000 * (n + 1), sample_start=RATE * n, sample_end=RATE * (n + 1))


def _phrase(rng: random.Random, session_id: str, n: int) -> Iterator[Moment]:
    """Yield what a phrase leads to; microseconds are since its onset. Phrases overlap: the next may begin meanwhile."""
    start, end = n * 40_000, n * 40_000 + 32_000
    yield 0, [SpeechStarted(phrase=n, sample_start=start)]
    if rng.random() < 0.08:
        yield 400_000, [PhraseDiscarded(phrase=n, sample_start=start, sample_end=start + 2_000, reason="too_short")]
        return
    if rng.random() < 0.7:
        offered = PhraseOffered(phrase=n, offer=n, sample_start=start, sample_end=end, provider="local", model="base")
        yield 1_900_000, [offered]
    request = TranscriptionRequested(phrase=n, provider="elevenlabs", model="scribe_v1", audio_ms=2_000.0)
    yield 2_000_000, [captured(n), sampled(n, rng.uniform(0, 90)), measured(n, rng.uniform(80, 300)), request]
    heard_at = 2_000_000 + int(rng.lognormvariate(12.9, 0.4))
    if rng.random() < 0.05:
        yield from _backed_up(n, heard_at)
    if rng.random() < 0.1:
        rejected = TranscriptionRejected(
            phrase=n, provider="elevenlabs", model="scribe_v1", reason="noise", text="…", latency_ms=77.5, cost_usd=3e-4
        )
        yield heard_at, [rejected]
        return
    understood = NormalisationRequested(phrase=n, engine="openai", model="gpt-4o-mini")
    text = received(n, text=_ASKED, latency_ms=rng.uniform(100, 900), cost_usd=round(rng.uniform(1e-4, 1e-3), 6))
    yield heard_at, [text, understood]
    named = normalised(n, latency_ms=rng.uniform(1, 400), cost_usd=round(rng.uniform(0, 1e-4), 7))
    if rng.random() < 0.5:
        yield heard_at + 150_000, [named, RecommendationWithheld(phrase=n, reason="nothing_asked")]
        return
    yield heard_at + 150_000, [named, ClassificationRequested(phrase=n, engine="openai", model="gpt-4o-mini")]
    placed = classified(n, latency_ms=rng.uniform(1, 400), cost_usd=round(rng.uniform(0, 1e-4), 7))
    basket = BasketResolved(phrase=n, basket="RESPIRATORIO_GRIPE/GRIPE", rule="macro_micro", items=(ITEM, ITEM, ITEM))
    recommendation_id = f"{session_id}-{n}"
    yield heard_at + 300_000, [placed, basket, sent(n, recommendation_id)]
    yield heard_at + 302_000, [RecommendationDelivered(phrase=n, recommendation_id=recommendation_id)]
    if rng.random() < 0.4:
        answer: Answer = rng.choice(["aceita", "dispensada"])
        yield heard_at + 4_000_000, [RecommendationAnswered(recommendation_id=recommendation_id, answer=answer)]


def _backed_up(n: int, heard_at: int) -> Iterator[Moment]:
    """Yield what it leaves behind that the preferred engine was slow and a second one was asked as well."""
    second = AttemptStarted(
        phrase=n,
        step="transcription",
        attempt=2,
        engine="assemblyai",
        model="universal",
        why="slow",
        offer=0,
        may_cost_usd=2e-4,
    )
    lost = AttemptEnded(
        phrase=n,
        step="transcription",
        attempt=2,
        engine="assemblyai",
        model="universal",
        outcome="cancelled",
        code="second",
        latency_ms=120.0,
        cost_usd=2e-4,
    )
    yield heard_at - 150_000, [second]
    yield heard_at - 1_000, [lost]


def appends(session: Session, rng: random.Random) -> Iterator[Append]:
    """Yield the appends of a session, about two seconds each, each expecting the one before."""
    at = 0
    for some in batched(session.moments, 3):
        wrapped = [_wrap(session.stream, event, at_us, rng) for at_us, events in some for event in events]
        yield Append(stream=session.stream, tenant=session.tenant, events=wrapped, expected=at)
        at += len(wrapped)


async def write(store: PostgresStore, events: int, *, seed: int = 1, counters: int = 64) -> AsyncIterator[int]:
    """Append sessions of so many counters at once, their events among one another, until there are so many events.

    Yields:
        How many have been written so far.
    """
    rng = random.Random(seed)
    source = sessions(seed)
    lines = [appends(next(source), rng) for _ in range(counters)]
    written = 0
    while written < events:
        group: list[Append] = []
        for n, line in enumerate(lines):
            append = next(line, None)
            if append is None:
                lines[n] = appends(next(source), rng)
                append = next(lines[n])
            group.append(append)
        outcomes = await store.append_group([prepare(append) for append in group])
        if not all(isinstance(outcome, Appended) for outcome in outcomes):
            raise RuntimeError("the store refused an append of the benchmark")
        written += sum(len(append.events) for append in group)
        yield written


def _wrap(stream: str, event: Event, at_us: int, rng: random.Random) -> NewEvent:
    phrase: int | None = getattr(event, "phrase", None)
    occurred_at = DAY + timedelta(microseconds=at_us)
    return NewEvent(
        event_id=uuid7(int(occurred_at.timestamp() * 1000), rng.randbytes(10)),
        event=event,
        occurred_at=occurred_at,
        elapsed_us=at_us,
        correlation_id=None if phrase is None else phrase_id(stream, phrase),
    )
