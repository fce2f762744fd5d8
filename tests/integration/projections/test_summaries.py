"""What the summaries hold: sessions, counters' days, engines' hours, the machine at each phrase."""

from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

import asyncpg
import pytest

from events.catalogue import (
    AttemptEnded,
    AttemptStarted,
    AudioReceived,
    ClassificationCompleted,
    ClassificationRequested,
    PhraseDiscarded,
    PhraseOffered,
    RecommendationAnswered,
    RecommendationWithheld,
    SessionEnded,
    SessionResumed,
    SubjectErased,
    TranscriptionFailed,
    TranscriptionRejected,
    TranscriptionRequested,
)
from events.catalogue.attempts import AttemptOutcome
from projections.projector import Projector
from tests.integration.projections.days import day
from tests.integration.projections.script import Ledger, captured, received, sampled, sent, started

HOUR_US = 3_600_000_000


async def rows(pool: asyncpg.Pool, query: str) -> list[dict[str, Any]]:
    return [dict(row) for row in await pool.fetch(query)]


async def a_day(ledger: Ledger) -> None:
    """Nine o'clock UTC: two sessions at one counter, the second one past midnight in Brasília."""
    asked = TranscriptionRequested(phrase=1, provider="local", model="whisper-base", audio_ms=2_000.0)
    heard = AudioReceived(byte_start=0, byte_end=100, sample_start=0, sample_end=16_001)
    early = [started("s1", "c1"), heard, captured(1), sampled(1, 30.0), asked, received(1, latency_ms=599.5)]
    await ledger.append("session-s1", "100000", *early)
    advised = [sent(1, "r1"), RecommendationAnswered(recommendation_id="r1", answer="exibida")]
    await ledger.append("session-s1", "100000", *advised, at_us=1_000_000)
    accepted = RecommendationAnswered(recommendation_id="r1", answer="aceita")
    end = SessionEnded(reason="client_finished", bytes_received=100, samples=16_001, phrases=1, recommendations=1)
    await ledger.append("session-s1", "100000", SessionResumed(byte_offset=1, epoch=1), accepted, end, at_us=2_500_000)
    noise = TranscriptionRejected(
        phrase=1, provider="local", model="whisper-base", reason="noise", text="…", latency_ms=1_500.0, cost_usd=0.25
    )
    discarded = PhraseDiscarded(phrase=2, sample_start=0, sample_end=99, reason="too_short")
    late = [
        started("s2", "c1"),
        captured(1),
        asked,
        noise,
        discarded,
        RecommendationWithheld(phrase=1, reason="no_basket"),
    ]
    await ledger.append("session-s2", "100000", *late, at_us=18 * HOUR_US)
    await ledger.append("session-s2", "100000", SubjectErased(reason="asked for"), at_us=18 * HOUR_US)


async def test_a_session_is_summed_up(ledger: Ledger, projector: Projector, pool: asyncpg.Pool) -> None:
    await a_day(ledger)
    await projector.catch_up()
    first, second = await rows(pool, "SELECT * FROM projections.session_summary ORDER BY session_id")
    assert (first["tenant"], first["counter_id"], first["end_reason"]) == ("100000", "c1", "client_finished")
    assert (first["duration_ms"], first["heard_ms"], first["spoken_ms"]) == (2_500.0, Decimal("1000.0625"), 2_000)
    assert (first["phrases"], first["transcribed"], first["recommendations"], first["resumed"]) == (1, 1, 1, 1)
    assert (first["shown"], first["accepted"], first["dismissed"], first["events"]) == (1, 1, 0, 11)
    assert (second["ended_at"], second["rejected"], second["withheld"], second["discarded"]) == (None, 1, 1, 1)
    assert (first["erased"], second["erased"]) == (False, True)
    assert (first["cost_usd"], second["cost_usd"]) == (Decimal("0.0001"), Decimal("0.25"))


async def test_a_counters_day_ends_at_midnight_in_brasilia(
    ledger: Ledger, projector: Projector, pool: asyncpg.Pool
) -> None:
    await a_day(ledger)
    await projector.catch_up()
    first, second = await rows(pool, "SELECT * FROM projections.counter_daily ORDER BY day")
    assert (first["day"], second["day"]) == (date(2026, 3, 2), date(2026, 3, 3))
    assert (first["sessions"], first["phrases"], first["transcribed"], first["recommendations"]) == (1, 1, 1, 1)
    assert (first["heard_ms"], first["spoken_ms"], first["accepted"]) == (Decimal("1000.0625"), 2_000, 1)
    assert (second["tenant"], second["counter_id"], second["rejected"], second["withheld"]) == ("100000", "c1", 1, 1)
    assert second["cost_usd"] == Decimal("0.25")


async def test_an_engines_hour_tells_how_it_fared(ledger: Ledger, projector: Projector, pool: asyncpg.Pool) -> None:
    await a_day(ledger)
    offered = PhraseOffered(phrase=3, offer=3, sample_start=0, sample_end=9, provider="local", model="whisper-base")
    backup = AttemptStarted(
        phrase=3,
        step="transcription",
        attempt=2,
        engine="other",
        model="m",
        why="slow",
        offer=3,
        may_cost_usd=0.5,
    )
    outcomes: list[AttemptOutcome] = ["cancelled", "failed", "lost", "passed_over"]
    endings = [
        AttemptEnded(
            phrase=3,
            step="transcription",
            attempt=n,
            engine="other",
            model="m",
            outcome=outcome,
            code=f"code {n}",
            latency_ms=5.0,
            cost_usd=0.125,
        )
        for n, outcome in enumerate(outcomes)
    ]
    failed = TranscriptionFailed(phrase=3, provider="local", model="whisper-base", code="transient", latency_ms=9.0)
    await ledger.append("session-s1", "100000", offered, backup, *endings, failed)
    await projector.catch_up()
    local, other, late = await rows(pool, "SELECT * FROM projections.provider_health ORDER BY hour, provider")
    assert [one["tenant"] for one in (local, other, late)] == ["100000"] * 3
    assert (local["step"], local["provider"], local["model"]) == ("transcription", "local", "whisper-base")
    assert (local["asked"], local["answered"], local["failed"], local["last_failure"]) == (2, 1, 1, "transient")
    assert (local["within_300_ms"], local["within_600_ms"], local["latency_ms_sum"]) == (0, 1, Decimal("599.5"))
    assert (other["asked"], other["cancelled"], other["failed"], other["lost"], other["passed_over"]) == (1, 1, 1, 1, 1)
    assert (other["last_failure"], other["cost_usd"]) == ("code 1", Decimal("0.5"))
    assert (late["answered"], late["rejected"], late["latency_ms_max"], late["within_1000_ms"]) == (1, 1, 1_500.0, 0)


async def test_the_machine_is_known_at_each_phrase(ledger: Ledger, projector: Projector, pool: asyncpg.Pool) -> None:
    await a_day(ledger)
    await projector.catch_up()
    (row,) = await rows(pool, "SELECT * FROM projections.resources")
    assert (row["session_id"], row["phrase"], row["tenant"], row["counter_id"]) == ("s1", 1, "100000", "c1")
    assert (row["cpu_percent"], row["system_cpu_percent"], row["rss_bytes"]) == (30.0, 15.0, 500_000_000)


async def test_a_days_counters_agree_with_its_sessions(
    ledger: Ledger, projector: Projector, pool: asyncpg.Pool
) -> None:
    events = day(4, sessions=6)
    for stream, tenant, at_us, event in events:
        await ledger.append(stream, tenant, event, at_us=at_us)
    await projector.catch_up()
    summed = (
        "SELECT sum(phrases), sum(discarded), sum(transcribed), sum(rejected), sum(recommendations), sum(withheld),"
        " sum(shown), sum(accepted), sum(dismissed), sum(heard_ms), sum(spoken_ms), sum(cost_usd) FROM projections."
    )
    (by_session,) = await pool.fetch(f"{summed}session_summary")
    (by_day,) = await pool.fetch(f"{summed}counter_daily")
    assert tuple(by_session) == tuple(by_day)
    happened = [event for *_, event in events]
    kinds = [type(event).__name__ for event in happened]
    counted = ("PhraseCaptured", "PhraseDiscarded", "TranscriptionReceived", "TranscriptionRejected")
    advised = ("RecommendationSent", "RecommendationWithheld")
    assert list(by_session)[:6] == [kinds.count(kind) for kind in (*counted, *advised)]
    answers = [event.answer for event in happened if isinstance(event, RecommendationAnswered)]
    assert list(by_session)[6:9] == [answers.count(answer) for answer in ("exibida", "aceita", "dispensada")]
    assert float(by_session[-1]) == pytest.approx(sum(getattr(event, "cost_usd", 0.0) for event in happened))
    by_engine = await pool.fetchval("SELECT sum(cost_usd) FROM projections.provider_health")
    assert by_engine == by_session[-1]


@pytest.mark.parametrize(
    "name", ["session_summary", "provider_health", "counter_daily", "resources", "phrase_timeline"]
)
async def test_a_read_model_says_what_it_is_and_in_what_unit(
    name: str, projector: Projector, pool: asyncpg.Pool
) -> None:
    view = f"projections.{name}"
    assert await pool.fetchval("SELECT obj_description(to_regclass($1), 'pg_class')", view)
    await projector.rebuild(name)
    described = await pool.fetchval(
        "SELECT count(*) FROM pg_description WHERE objoid = to_regclass($1) AND objsubid > 0", view
    )
    assert described >= 5


async def test_a_second_stage_that_came_with_the_first_is_nobodys_call(
    projector: Projector, ledger: Ledger, pool: asyncpg.Pool
) -> None:
    asked = ClassificationRequested(phrase=1, engine="openai", model="m")
    by_itself = ClassificationCompleted(
        phrase=1, engine="openai", model="m", categories=(), anchors=(), confidence=0.5, latency_ms=400.0, cost_usd=0.25
    )
    along = replace(by_itself, latency_ms=0.0, cost_usd=0.0, with_stage_1=True)
    await ledger.append("session-s1", "100000", asked, by_itself, asked, along)
    await projector.catch_up()
    (row,) = await rows(pool, "SELECT * FROM projections.provider_health WHERE step = 'classification'")
    assert (row["asked"], row["answered"], row["within_300_ms"], row["within_600_ms"]) == (1, 1, 0, 1)
    assert (row["latency_ms_sum"], row["cost_usd"]) == (Decimal(400), Decimal("0.25"))
