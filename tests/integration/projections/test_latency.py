"""Percentiles of the hops, against sets that one can work out by hand."""

from datetime import timedelta

import asyncpg
import pytest

from events.catalogue import RecommendationDelivered, TranscriptionRequested
from projections import reports
from projections.distributions import over_time
from projections.pace import faster_than_speech
from projections.projector import Projector
from tests.integration.projections.script import DAY, Ledger, captured, received, sent, started

SECOND = 1_000_000


async def hear(ledger: Ledger, minute: int, *, stt_ms: float, total_ms: int, tenant: str = "100000") -> None:
    """Append one phrase of a session of its own, captured at a minute of the day."""
    session_id = f"{tenant}-{minute}"
    stream = f"session-{session_id}"
    at_us = minute * 60 * SECOND
    request = TranscriptionRequested(phrase=1, provider="local", model="m", audio_ms=2_000.0)
    delivered = RecommendationDelivered(phrase=1, recommendation_id=session_id)
    await ledger.append(stream, tenant, started(session_id, "c1"), captured(1), request, at_us=at_us)
    await ledger.append(stream, tenant, received(1, latency_ms=stt_ms), sent(1, session_id), at_us=at_us)
    await ledger.append(stream, tenant, delivered, at_us=at_us + total_ms * 1_000)


async def test_percentiles_of_1_to_101_ms_are_51_96_and_100(
    ledger: Ledger, projector: Projector, pool: asyncpg.Pool
) -> None:
    for value in range(1, 102):
        await hear(ledger, value, stt_ms=float(value), total_ms=10 * value)
    await projector.catch_up()
    hops = {hop.hop: hop for hop in await reports.latency(pool)}
    assert list(hops) == ["audio", "stt", "ai1", "ai2", "ws", "total"]
    stt, total = hops["stt"], hops["total"]
    assert (stt.count, stt.p50, stt.p95, stt.p99) == (101, 51.0, 96.0, 100.0)
    assert (total.count, total.p50, total.p95, total.p99) == (101, 510.0, 960.0, 1_000.0)
    assert (hops["audio"].p50, hops["ai1"].count, hops["ai1"].p50) == (0.0, 0, None)


async def test_percentiles_between_two_values_are_interpolated(
    ledger: Ledger, projector: Projector, pool: asyncpg.Pool
) -> None:
    await hear(ledger, 1, stt_ms=100.0, total_ms=1)
    await hear(ledger, 2, stt_ms=200.0, total_ms=1)
    await projector.catch_up()
    stt = (await reports.latency(pool))[1]
    assert (stt.p50, stt.p95, stt.p99) == pytest.approx((150.0, 195.0, 199.0))


async def test_only_the_phrases_of_the_time_and_the_tenant_count(
    ledger: Ledger, projector: Projector, pool: asyncpg.Pool
) -> None:
    for minute, tenant in [(1, "100000"), (2, "100000"), (3, "100000"), (2, "200000")]:
        await hear(ledger, minute, stt_ms=float(minute), total_ms=1, tenant=tenant)
    await projector.catch_up()
    since, until = DAY + timedelta(minutes=2), DAY + timedelta(minutes=3)
    counts = [
        (await reports.latency(pool, since=earliest, until=latest))[1].count
        for earliest, latest in [(None, None), (since, None), (None, until), (since, until)]
    ]
    assert counts == [4, 3, 3, 2]
    (stt,) = [hop for hop in await reports.latency(pool, since=since, tenant="100000") if hop.hop == "stt"]
    assert (stt.count, stt.p50) == (2, 2.5)


async def hurry(ledger: Ledger, session_id: str, *, speed: float, stt_ms: float, phrases: int = 4) -> None:
    """Append a session whose audio came so many times as fast as it was spoken."""
    stream = f"session-{session_id}"
    await ledger.append(stream, "100000", started(session_id, "c1"))
    for phrase in range(1, phrases + 1):
        event = captured(phrase)
        at_us = round(event.sample_end / 16_000 / speed * SECOND)
        await ledger.append(stream, "100000", event, received(phrase, latency_ms=stt_ms), at_us=at_us)


async def stt_of(pool: asyncpg.Pool) -> tuple[int, float | None, int, bool]:
    stt = (await reports.latency(pool))[1]
    assert sum(point.count for point in await over_time(pool) if point.hop == "stt") == stt.count
    return stt.count, stt.p50, stt.left_out, stt.faster_than_speech


async def test_sessions_sent_faster_than_speech_are_left_out_and_counted(
    ledger: Ledger, projector: Projector, pool: asyncpg.Pool
) -> None:
    await hurry(ledger, "fast", speed=40.0, stt_ms=900.0)
    await hurry(ledger, "twice", speed=2.0, stt_ms=800.0)
    await projector.catch_up()
    assert await stt_of(pool) == (8, 850.0, 0, True)
    await hurry(ledger, "spoken", speed=1.0, stt_ms=100.0)
    await hurry(ledger, "slow", speed=0.9, stt_ms=100.0)
    await projector.catch_up()
    assert await stt_of(pool) == (8, 100.0, 8, False)
    (row,) = await pool.fetch("SELECT * FROM bi.latency_hourly_v2 WHERE hop = 'stt'")
    assert (row["phrases"], row["p50_ms"], row["left_out"]) == (8, 100.0, 8)
    for session_id, faster in (("fast", True), ("twice", True), ("spoken", False), ("slow", False)):
        assert faster_than_speech(await reports.timeline(pool, session_id)) is faster


async def test_a_long_session_that_had_to_wait_for_its_connection_counts(
    ledger: Ledger, projector: Projector, pool: asyncpg.Pool
) -> None:
    stream = "session-waited"
    await ledger.append(stream, "100000", started("waited", "c1"))
    for phrase in (1, 80):
        event, waited_us = captured(phrase), 5 * SECOND
        at_us = max(0, event.sample_end * 125 // 2 - waited_us)
        await ledger.append(stream, "100000", event, received(phrase, latency_ms=100.0), at_us=at_us)
        await projector.catch_up()
        assert (await stt_of(pool))[3] is (phrase == 1)
    await hurry(ledger, "fast", speed=40.0, stt_ms=900.0)
    await projector.catch_up()
    assert await stt_of(pool) == (2, 100.0, 4, False)
