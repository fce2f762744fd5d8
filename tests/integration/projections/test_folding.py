"""What the read models hold, however the events reach them."""

import random

import asyncpg
import pytest

from events.catalogue import (
    BasketResolved,
    CounterKeyIssued,
    CounterPresetChanged,
    Event,
    NormalisationRequested,
    PhraseDiscarded,
    PhraseGathered,
    RecommendationAnswered,
    RecommendationDelivered,
    RecommendationWithheld,
    SessionEnded,
    SpeechStarted,
    SubjectErased,
    TranscriptionReceived,
    TranscriptionRejected,
    TranscriptionRequested,
)
from events.postgres import PostgresStore
from projections import reports
from projections.projector import Projector
from projections.rows import CounterMetric, TimelineRow
from tests.events_at_hand import new_event
from tests.integration.projections.conftest import all_rows
from tests.integration.projections.days import day
from tests.integration.projections.script import (
    DAY,
    ITEM,
    Ledger,
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

REQUESTED = TranscriptionRequested(phrase=1, provider="local", model="whisper-base", audio_ms=2_000.0)


async def speak(ledger: Ledger, session_id: str = "s1") -> None:
    """One phrase from its onset to the attendant's answer, at known moments."""
    stream = f"session-{session_id}"
    recommended = BasketResolved(phrase=1, basket="RESPIRATORIO_GRIPE/GRIPE", rule="macro_micro", items=(ITEM,))
    moments: list[tuple[int, list[Event]]] = [
        (0, [started(session_id, "c1")]),
        (1_000_000, [SpeechStarted(phrase=1, sample_start=40_000)]),
        (3_000_000, [captured(1), sampled(1, 30.0)]),
        (3_040_000, [measured(1, 180.0), REQUESTED]),
        (3_445_000, [received(1), NormalisationRequested(phrase=1, engine="lexicon", model="v1")]),
        (3_450_000, [normalised(1, cost_usd=0.0002)]),
        (3_455_000, [classified(1, cost_usd=0.0003), recommended, sent(1, f"{session_id}-r")]),
        (3_457_500, [RecommendationDelivered(phrase=1, recommendation_id=f"{session_id}-r")]),
        (9_000_000, [RecommendationAnswered(recommendation_id=f"{session_id}-r", answer="aceita")]),
    ]
    for at_us, events in moments:
        await ledger.append(stream, "100000", *events, at_us=at_us)


async def test_a_recommended_phrase_has_every_hop_in_its_timeline(
    ledger: Ledger, projector: Projector, pool: asyncpg.Pool
) -> None:
    await speak(ledger)
    await projector.catch_up()
    (row,) = await reports.timeline(pool, "s1")
    assert (row.audio_ms, row.stt_ms, row.ai1_ms, row.ai2_ms, row.ws_ms, row.total_ms) == (
        40.0,
        400.0,
        3.0,
        2.0,
        2.5,
        457.5,
    )
    assert (row.sample_start, row.sample_end, row.speech_ms) == (40_000, 72_000, 2_000.0)
    assert (row.stt_provider, row.stt_model, row.ai1_engine, row.ai2_model) == (
        "local",
        "whisper-base",
        "lexicon",
        "v1",
    )
    assert row.categories == ("RESPIRATORIO_GRIPE/GRIPE", "OUTRO")
    assert (row.outcome, row.basket, row.cost_usd) == ("recommended", "RESPIRATORIO_GRIPE/GRIPE", 0.0006)
    assert (row.cpu_percent, row.system_cpu_percent, row.rss_bytes) == (30.0, 15.0, 500_000_000)
    assert (row.tenant, row.counter_id) == ("100000", "c1")
    assert row.captured_at is not None
    assert (row.captured_at - DAY).total_seconds() == 3.0


async def test_what_the_customer_said_is_in_no_read_model(
    ledger: Ledger, projector: Projector, pool: asyncpg.Pool
) -> None:
    await speak(ledger)
    await projector.catch_up()
    rows = await all_rows(pool)
    assert rows["interactions"]
    assert [name for name, found in rows.items() if "quero algo para gripe" in repr(found)] == []


@pytest.mark.parametrize(
    ("last", "outcome"),
    [
        ([captured(1), REQUESTED], None),
        (
            [captured(1), REQUESTED, received(1), RecommendationWithheld(phrase=1, reason="no_basket")],
            "withheld:no_basket",
        ),
        ([PhraseDiscarded(phrase=1, sample_start=0, sample_end=99, reason="too_quiet")], "discarded:too_quiet"),
        ([captured(1), REQUESTED, received(1), PhraseGathered(phrase=1, into=2)], "gathered"),
    ],
)
async def test_a_phrase_without_recommendation_says_why(
    ledger: Ledger, projector: Projector, pool: asyncpg.Pool, last: list[Event], outcome: str | None
) -> None:
    await ledger.append("session-s1", "100000", started("s1", "c1"), SpeechStarted(phrase=1, sample_start=0), *last)
    await projector.catch_up()
    (row,) = await reports.timeline(pool, "s1")
    assert (row.outcome, row.total_ms, row.ws_ms) == (outcome, None, None)


async def test_a_rejected_transcript_is_the_outcome_and_its_cost_counts(
    ledger: Ledger, projector: Projector, pool: asyncpg.Pool
) -> None:
    rejected = TranscriptionRejected(
        phrase=1, provider="p", model="m", reason="noise", text="…", latency_ms=50.0, cost_usd=0.25
    )
    await ledger.append("session-s1", "100000", started("s1", "c1"), captured(1), REQUESTED, rejected)
    await projector.catch_up()
    (row,) = await reports.timeline(pool, "s1")
    assert (row.outcome, row.stt_provider, row.stt_ms, row.cost_usd) == ("rejected:noise", "p", 50.0, 0.25)
    assert await reports.interactions(pool, "100000") == []


async def test_an_interaction_shows_where_the_words_are_advice_and_the_attendants_last_answer(
    ledger: Ledger, store: PostgresStore, projector: Projector, pool: asyncpg.Pool
) -> None:
    await speak(ledger)
    again = RecommendationAnswered(recommendation_id="s1-r", answer="dispensada")
    await ledger.append("session-s1", "100000", again)
    await projector.catch_up()
    (shown,) = await reports.interactions(pool, "100000")
    assert (shown.answer, shown.recommendation_id) == ("dispensada", "s1-r")
    (said,) = await store.read_at([shown.position])
    assert isinstance(said.event, TranscriptionReceived)
    assert said.event.text == "quero algo para gripe"
    assert shown.items == ({"sugestao": "Soro fisiológico", "explicacao": "Alivia o nariz.", "tag": None},)
    assert await reports.interactions(pool, "200000") == []


async def test_erasing_a_session_takes_its_words_and_leaves_its_numbers(
    ledger: Ledger, store: PostgresStore, projector: Projector, pool: asyncpg.Pool
) -> None:
    await speak(ledger, "s1")
    await speak(ledger, "s2")
    await projector.catch_up()
    before = await reports.timeline(pool, "s1")
    await store.erase("session-s1", new_event(SubjectErased(reason="asked for")))
    await projector.catch_up()
    shown = {row.session_id: row.position for row in await reports.interactions(pool, "100000")}
    said = await store.read_at([shown["s1"], shown["s2"]])
    texts = [(read.erased, getattr(read.event, "text", None)) for read in said]
    assert texts == [(True, ""), (False, "quero algo para gripe")]
    assert await reports.timeline(pool, "s1") == before


async def test_a_session_counts_what_it_heard_and_said(
    ledger: Ledger, projector: Projector, pool: asyncpg.Pool
) -> None:
    await speak(ledger)
    await projector.catch_up()
    (live,) = await reports.sessions(pool)
    assert (live.ended_at, live.phrases, live.recommendations, live.counter_id) == (None, 1, 1, "c1")
    end = SessionEnded(reason="client_left", bytes_received=0, samples=0, phrases=1, recommendations=1)
    await ledger.append("session-s1", "100000", end, at_us=10_000_000)
    await projector.catch_up()
    (ended,) = await reports.sessions(pool, tenant="100000")
    assert (ended.end_reason, ended.phrases, ended.recommendations) == ("client_left", 1, 1)
    assert ended.ended_at is not None
    assert await reports.sessions(pool, tenant="200000") == []


async def test_a_replaced_key_opens_nothing(ledger: Ledger, projector: Projector, pool: asyncpg.Pool) -> None:
    for stream, event in registration("100000", "c1", "old"):
        await ledger.append(stream, "100000", event)
    await projector.catch_up()
    assert await reports.counter_by_key(pool, "old") is not None
    await ledger.append("counter-c1", "100000", CounterKeyIssued(counter_id="c1", key_sha256="new"))
    preset = CounterPresetChanged(counter_id="c1", threshold_multiplier=2.0, min_energy=300.0)
    await ledger.append("counter-c1", "100000", preset)
    await projector.catch_up()
    assert await reports.counter_by_key(pool, "old") is None
    found = await reports.counter_by_key(pool, "new")
    assert found is not None
    assert (found.counter_id, found.code, found.legal_name, found.name) == (
        "c1",
        "100000",
        "Farmácia 100000",
        "Balcão 1",
    )
    assert (found.threshold_multiplier, found.min_energy) == (2.0, 300.0)
    assert await reports.counters(pool, "100000") == [found]
    assert await reports.counters(pool, "200000") == []


async def test_a_counters_metrics_join_latency_and_voice(
    ledger: Ledger, projector: Projector, pool: asyncpg.Pool
) -> None:
    await speak(ledger)
    await projector.catch_up()
    (metric,) = await reports.counter_metrics(pool, "c1")
    assert isinstance(metric, CounterMetric)
    assert (metric.total_ms, metric.pitch_mean_hz, metric.snr_db) == (457.5, 180.0, 18.25)
    (voice,) = await reports.biometrics(pool, counter_id="c1")
    assert (voice.pitch_mean_hz, voice.band_low, voice.band_high, voice.peak_dbfs) == (180.0, 0.5, 0.2, -3.5)
    assert voice.words_per_minute == 150.0
    assert await reports.biometrics(pool, session_id="another") == []
    assert await reports.counter_metrics(pool, "another") == []


@pytest.mark.parametrize("seed", range(4))
async def test_the_rows_do_not_depend_on_where_the_batches_were_cut(
    seed: int, ledger: Ledger, store: PostgresStore, projector: Projector, pool: asyncpg.Pool
) -> None:
    rng = random.Random(seed)
    for stream, tenant, at_us, event in day(seed):
        await ledger.append(stream, tenant, event, at_us=at_us)
        if rng.random() < 0.3:
            await Projector(pool, batch=rng.randrange(1, 20)).catch_up()
    await projector.catch_up()
    in_pieces = await all_rows(pool)
    assert all(in_pieces.values())
    for status in await projector.status():
        assert (status.state, status.lag) == ("live", 0)
        assert await projector.rebuild(status.name) == await store.last_position()
    assert await all_rows(pool) == in_pieces


async def test_folding_events_again_changes_nothing(ledger: Ledger, projector: Projector, pool: asyncpg.Pool) -> None:
    for stream, tenant, at_us, event in day(7):
        await ledger.append(stream, tenant, event, at_us=at_us)
    await projector.catch_up()
    once = await all_rows(pool)
    await pool.execute("UPDATE projections.checkpoints SET position = 0")
    assert await projector.catch_up() > 0
    assert await all_rows(pool) == once


async def test_the_rows_agree_with_a_count_of_the_events(
    ledger: Ledger, projector: Projector, pool: asyncpg.Pool
) -> None:
    events = day(11, sessions=6)
    for stream, tenant, at_us, event in events:
        await ledger.append(stream, tenant, event, at_us=at_us)
    await projector.catch_up()
    phrases: list[TimelineRow] = []
    for session in await reports.sessions(pool):
        phrases += await reports.timeline(pool, session.session_id)
    kinds = [type(event).__name__ for *_, event in events]
    outcomes = [str(row.outcome).split(":", 1)[0] for row in phrases]
    assert len(phrases) == kinds.count("SpeechStarted")
    assert outcomes.count("recommended") == kinds.count("RecommendationSent")
    assert outcomes.count("withheld") == kinds.count("RecommendationWithheld")
    assert outcomes.count("rejected") == kinds.count("TranscriptionRejected")
    assert outcomes.count("discarded") == kinds.count("PhraseDiscarded")
    voices = await reports.biometrics(pool)
    assert len(voices) == kinds.count("PhraseMeasured")
    for session_id in {voice.session_id for voice in voices}:
        numbers = [voice.phrase for voice in voices if voice.session_id == session_id]
        assert numbers == sorted(numbers)
    cost = sum(getattr(event, "cost_usd", 0.0) for *_, event in events)
    assert sum(row.cost_usd for row in phrases) == pytest.approx(cost)
