"""What days, counters and sessions cost, and engines side by side, in the read models."""

from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import asyncpg
import pytest

from events.catalogue import (
    AttemptEnded,
    ComparisonFailed,
    CounterTermsChanged,
    Event,
    NormalisationCompleted,
    OfferTranscribed,
    PhraseOfferWithdrawn,
    TranscriptCompared,
    TranscriptionReceived,
    TranscriptionRejected,
)
from events.postgres import PostgresStore
from events.store import Append
from projections import reports, spending
from projections.projector import Projector
from projections.spending import ComparedRow, CostRow
from tests.events_at_hand import new_event
from tests.integration.projections.script import DAY, Ledger, classified, registration, started

HOUR_US = 3_600_000_000
DEAR, CHEAP = ("elevenlabs", "scribe_v2"), ("assemblyai", "universal")


def near(value: float) -> Any:
    return pytest.approx(value)


def received(phrase: int, engine: tuple[str, str], usd: float, *, offer: int = 0) -> TranscriptionReceived:
    return TranscriptionReceived(
        phrase=phrase,
        provider=engine[0],
        model=engine[1],
        text="dor de cabeça",
        confidence=None,
        latency_ms=300.0,
        cost_usd=usd,
        offer=offer,
    )


def attempt(engine: tuple[str, str], outcome: str, usd: float, step: str = "transcription") -> AttemptEnded:
    return AttemptEnded(
        phrase=1,
        step=step,  # type: ignore[arg-type] # one of the literal's
        attempt=1,
        engine=engine[0],
        model=engine[1],
        outcome=outcome,  # type: ignore[arg-type] # one of the literal's
        code="slower",
        latency_ms=900.0,
        cost_usd=usd,
    )


def compared(phrase: int, *, errors: int = 1, rejected: str | None = None, latency_ms: float = 500.0) -> Event:
    return TranscriptCompared(
        phrase=phrase,
        provider=CHEAP[0],
        model=CHEAP[1],
        text="dor na cabeça",
        confidence=0.9,
        rejected=rejected,
        latency_ms=latency_ms,
        cost_usd=0.0002,
        word_errors=errors,
        chosen_words=3,
        chosen_provider=DEAR[0],
        chosen_model=DEAR[1],
        chosen_latency_ms=300.0,
        chosen_cost_usd=0.0001,
        audio_ms=3_600.0,
    )


def failed(phrase: int, code: str, usd: float) -> Event:
    return ComparisonFailed(
        phrase=phrase,
        provider=CHEAP[0],
        model=CHEAP[1],
        code=code,
        latency_ms=8_000.0,
        cost_usd=usd,
        chosen_provider=DEAR[0],
        chosen_model=DEAR[1],
    )


async def tell(ledger: Ledger, session_id: str, *events: Event, at_us: int = 0, counter_id: str | None = "c1") -> None:
    opening = [started(session_id, counter_id)] if counter_id else []
    await ledger.append(f"session-{session_id}", "100000", *opening, *events, at_us=at_us)


async def test_every_call_counts_once_for_who_was_called(
    ledger: Ledger, projector: Projector, pool: asyncpg.Pool
) -> None:
    offered = OfferTranscribed(
        phrase=1, offer=4, provider=DEAR[0], model=DEAR[1], text="dor", confidence=None, rejected=None,
        latency_ms=300.0, cost_usd=0.001,
    )  # fmt: skip
    withdrawn = [
        PhraseOfferWithdrawn(phrase=2, offer=n, reason="speech_went_on", cost_usd=usd, provider=DEAR[0], model=DEAR[1])
        for n, usd in ((5, 0.002), (6, 0.0))
    ]
    noise = TranscriptionRejected(
        phrase=3, provider=DEAR[0], model=DEAR[1], reason="noise", text="…", latency_ms=9.0, cost_usd=0.004
    )
    certain = NormalisationCompleted(
        phrase=1, engine="lexicon", model="v1", entities=(), entity_count=0, latency_ms=1.0, cost_usd=0.0
    )
    await tell(
        ledger,
        "s1",
        offered,
        received(1, DEAR, 0.0, offer=4),
        *withdrawn,
        noise,
        received(4, CHEAP, 0.008),
        attempt(DEAR, "cancelled", 0.016),
        attempt(DEAR, "passed_over", 0.0),
        attempt(("openai", "small"), "passed_over", 0.0, "normalisation"),
        certain,
        classified(1, cost_usd=0.032),
        compared(1),
        failed(4, "timeout", 0.064),
    )
    await projector.catch_up()
    rows = {(row.step, row.provider): (row.calls, near(row.usd)) for row in await spending.cost(pool)}
    assert rows == {
        ("transcription", "elevenlabs"): (4, 0.001 + 0.002 + 0.004 + 0.016),
        ("transcription", "assemblyai"): (1, 0.008),
        ("comparison", "assemblyai"): (2, 0.0002 + 0.064),
        ("normalisation", "openai"): (0, 0.0),
        ("normalisation", "lexicon"): (1, 0.0),
        ("classification", "lexicon"): (1, 0.032),
    }
    of_session = await spending.session_cost(pool, "s1")
    assert {(row.step, row.provider): (row.calls, row.usd) for row in of_session} == rows
    # What a phrase cost in its timeline is the same money.
    timeline = await reports.timeline(pool, "s1")
    assert sum(row.cost_usd for row in timeline) == near(sum(row.usd for row in of_session))


async def test_a_day_is_the_counters_own_and_filters_are_half_open(
    ledger: Ledger, projector: Projector, pool: asyncpg.Pool
) -> None:
    for stream, event in registration("100000", "c1", "k"):
        await ledger.append(stream, "100000", event)
    # Nine in the morning in UTC, six in São Paulo: fifteen hours later it is still the same day in UTC, not there.
    await tell(ledger, "s1", received(1, DEAR, 0.001))
    await tell(ledger, "s1", received(2, DEAR, 0.002), at_us=17 * HOUR_US, counter_id=None)
    await tell(ledger, "s1", received(3, DEAR, 0.004), at_us=18 * HOUR_US, counter_id=None)
    await tell(ledger, "s2", received(1, DEAR, 0.008), counter_id="c2")
    await projector.catch_up()
    first, second = date(2026, 3, 2), date(2026, 3, 3)
    assert [(r.day, r.calls, near(r.usd)) for r in await spending.cost(pool, counter_id="c1")] == [
        (second, 1, 0.004),
        (first, 2, 0.003),
    ]
    assert {r.day for r in await spending.cost(pool, since=second)} == {second}
    (row,) = await spending.cost(pool, until=second, counter_id="c1")
    assert row == CostRow(
        day=first,
        tenant="100000",
        counter_id="c1",
        counter_name="Balcão 1",
        step="transcription",
        provider=DEAR[0],
        model=DEAR[1],
        calls=2,
        usd=0.003,
    )


async def test_days_of_cost_are_those_of_the_counters_whatever_the_clocks_of_that_summer_said(
    store: PostgresStore, ledger: Ledger, projector: Projector, pool: asyncpg.Pool
) -> None:
    """In 2018 São Paulo had summer time, UTC-2, which rules of zones may tell otherwise one day."""
    for stream, event in registration("100000", "c1", "k"):
        await ledger.append(stream, "100000", event)
    event = received(1, DEAR, 0.001)
    late = replace(new_event(event), occurred_at=datetime(2018, 12, 1, 2, 30, tzinfo=UTC))
    begun = replace(new_event(started("s1", "c1")), occurred_at=late.occurred_at)
    await store.append(Append(stream="session-s1", tenant="100000", events=[begun, late]))
    await projector.catch_up()
    assert {row.day for row in await spending.cost(pool)} == {date(2018, 11, 30)}
    assert await pool.fetchval("SELECT DISTINCT day FROM bi.counter_daily_v1") == date(2018, 11, 30)


async def test_the_day_of_a_counter_with_a_budget_is_summed_up_to_a_position(
    ledger: Ledger, projector: Projector, pool: asyncpg.Pool
) -> None:
    for counter_id in ("c1", "c2", "c3"):
        for stream, event in registration("100000", counter_id, f"k{counter_id}"):
            await ledger.append(stream, "100000", event)
    for counter_id, budget in (("c1", 2.5), ("c2", 1.0), ("c2", None)):
        terms = CounterTermsChanged(counter_id=counter_id, prefer=(), fast_path=None, daily_budget_usd=budget)
        await ledger.append(f"counter-{counter_id}", "100000", terms)
    await tell(ledger, "s1", received(1, DEAR, 0.25), received(2, CHEAP, 0.5))
    await tell(ledger, "s1", received(3, DEAR, 4.0), at_us=24 * HOUR_US, counter_id=None)
    await projector.catch_up()
    known = await spending.spent_on(pool, "2026-03-02")
    assert known.position == await pool.fetchval("SELECT position FROM head")
    assert {c: (s.tenant, s.budget_usd, s.usd) for c, s in known.counters.items()} == {"c1": ("100000", 2.5, 0.75)}
    known = await spending.spent_on(pool, "2026-03-02", ["c2", "c9"])
    assert {c: (s.budget_usd, s.usd) for c, s in known.counters.items()} == {"c1": (2.5, 0.75), "c2": (None, 0.0)}
    listed = {row.counter_id: row.daily_budget_usd for row in await reports.counters(pool)}
    assert listed == {"c1": 2.5, "c2": None, "c3": None}


async def test_engines_that_heard_the_same_phrases_stand_side_by_side(
    ledger: Ledger, projector: Projector, pool: asyncpg.Pool
) -> None:
    await tell(
        ledger,
        "s1",
        compared(1, errors=1, latency_ms=400.0),
        compared(2, errors=0, latency_ms=600.0),
        compared(3, errors=99, rejected="repetition", latency_ms=500.0),
        failed(4, "transient", 0.0),
    )
    await projector.catch_up()
    (row,) = await spending.compared(pool)
    assert row == ComparedRow(
        chosen_provider=DEAR[0],
        chosen_model=DEAR[1],
        provider=CHEAP[0],
        model=CHEAP[1],
        phrases=4,
        failed=1,
        rejected=1,
        wer=near(1 / 6),
        chosen_p50_ms=300.0,
        chosen_p95_ms=300.0,
        p50_ms=500.0,
        p95_ms=near(590.0),
        chosen_usd_per_hour=near(0.1),
        usd_per_hour=near(0.2),
    )
    assert await spending.compared(pool, since=datetime(2026, 3, 3, tzinfo=DAY.tzinfo)) == []
    assert await spending.compared(pool, counter_id="c2") == []
    columns = await pool.fetch("SELECT * FROM projections.transcripts_compared")
    assert "cabeça" not in str([tuple(each) for each in columns])
