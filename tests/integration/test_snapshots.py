"""Snapshots: sealed, never needed, gone with their stream's key."""

from collections.abc import AsyncIterator, Iterable

import asyncpg
import pytest

from actors.session import state as session
from actors.session.state import SessionState, fold
from events.catalogue import (
    Event,
    PhraseCaptured,
    SubjectErased,
    TranscriptionReceived,
    TranscriptionRequested,
    VadSnapshot,
)
from events.envelope import NewEvent
from events.postgres import PostgresStore
from events.sealing import MasterKeys
from events.snapshots import JsonCodec, Snapshot, Snapshots
from events.store import Append
from tests.events_at_hand import new_event
from tests.postgres import MASTERS

VAD = VadSnapshot(
    noise_floor_rms=80.0, threshold_rms=120.0, threshold_multiplier=1.5, min_energy=120.0, voiced_ratio=0.8, mode=3
)
CANARY = "tenho alergia a dipirona"


@pytest.fixture
async def pool(postgres_url: str) -> AsyncIterator[asyncpg.Pool]:
    async with asyncpg.create_pool(postgres_url, min_size=1, max_size=2) as opened:
        yield opened


def a_phrase(number: int) -> list[NewEvent]:
    """A phrase under way: its transcript is there, what it means is not."""
    heard = TranscriptionReceived(
        phrase=number, provider="local", model="m", text=CANARY, confidence=None, latency_ms=1.0, cost_usd=0.0
    )
    captured = PhraseCaptured(phrase=number, sample_start=0, sample_end=1, cut_reason="pause", vad=VAD)
    request = TranscriptionRequested(phrase=number, provider="local", model="m", audio_ms=1.0)
    return [new_event(event) for event in (captured, request, heard)]


async def say(store: PostgresStore, *events: NewEvent) -> None:
    await store.append(Append(stream="session-1", tenant="1", events=events))


def snapshots(pool: asyncpg.Pool, store: PostgresStore, masters: MasterKeys = MASTERS) -> Snapshots[SessionState]:
    return Snapshots(pool, store, masters, JsonCodec(SessionState, session))


async def test_a_state_rebuilt_from_a_snapshot_is_that_of_all_events(store: PostgresStore, pool: asyncpg.Pool) -> None:
    kept = snapshots(pool, store)
    assert await kept.rebuild("session-1", fold) == Snapshot(stream_position=0, position=0, state=SessionState())
    await store.append(Append(stream="other", tenant="1", events=[new_event()]))
    await say(store, *a_phrase(1), *a_phrase(2))
    first = await kept.rebuild("session-1", fold)
    assert (first.stream_position, first.position, first.state.position) == (6, 7, 6)
    assert await kept.save("session-1", first)
    assert await kept.latest("session-1") == first
    await say(store, *a_phrase(3))
    rebuilt = await kept.rebuild("session-1", fold)
    assert rebuilt.state == fold([event.event async for event in store.read_stream("session-1")])
    assert await kept.save("session-1", rebuilt)
    assert await kept.save("session-1", first)  # comes late: the later one stays
    assert await kept.latest("session-1") == rebuilt
    assert await pool.fetchval("SELECT count(*) FROM snapshots") == 1


async def test_only_what_came_after_the_snapshot_is_folded(store: PostgresStore, pool: asyncpg.Pool) -> None:
    kept = snapshots(pool, store)
    await say(store, *a_phrase(1))
    await kept.save("session-1", await kept.rebuild("session-1", fold))
    await say(store, *a_phrase(2))
    folded: list[object] = []

    def collect(events: Iterable[Event], state: SessionState | None) -> SessionState:
        folded.extend(events)
        return fold([], state)

    await kept.rebuild("session-1", collect)
    assert folded == [event.event async for event in store.read_stream("session-1", after=3)]


async def test_a_snapshot_is_sealed_and_erased_with_its_stream(store: PostgresStore, pool: asyncpg.Pool) -> None:
    kept = snapshots(pool, store)
    await say(store, *a_phrase(1))
    before = await kept.rebuild("session-1", fold)
    assert before.state.open_phrases[1].text == CANARY
    await kept.save("session-1", before)
    sealed = await pool.fetchval("SELECT state FROM snapshots")
    assert CANARY.encode() not in sealed
    await store.erase("session-1", new_event(SubjectErased(reason="asked")))
    assert await kept.latest("session-1") is None
    assert not await kept.save("session-1", before)
    assert await pool.fetchval("SELECT count(*) FROM snapshots") == 0
    after = await kept.rebuild("session-1", fold)
    assert after.state.position == 4
    assert CANARY not in repr(after)


async def test_a_snapshot_that_was_changed_or_moved_or_is_of_another_fold_is_passed_over(
    store: PostgresStore, pool: asyncpg.Pool
) -> None:
    kept = snapshots(pool, store)
    await say(store, *a_phrase(1))
    right = await kept.rebuild("session-1", fold)
    await kept.save("session-1", right)
    other: Snapshots[SessionState] = Snapshots(pool, store, MASTERS, JsonCodec(SessionState, asyncpg))
    assert await other.latest("session-1") is None
    for change in (
        "UPDATE snapshots SET stream_position = 2",
        "UPDATE snapshots SET stream_position = 3, state = set_byte(state, 20, 255 - get_byte(state, 20))",
        "UPDATE snapshots SET state = 'short'",
    ):
        await pool.execute(change)
        assert await kept.latest("session-1") is None
        assert await kept.rebuild("session-1", fold) == right
    stranger = snapshots(pool, store, MasterKeys({2: bytes(32)}))
    assert await stranger.latest("session-1") is None


async def test_a_stream_that_holds_nothing_personal_has_no_key_and_no_snapshot(
    store: PostgresStore, pool: asyncpg.Pool
) -> None:
    kept = snapshots(pool, store)
    await say(store, new_event())
    assert not await kept.save("session-1", await kept.rebuild("session-1", fold))
    assert await kept.latest("session-1") is None
