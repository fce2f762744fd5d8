"""The hash chain and what finds a ledger that is not whole, on a real PostgreSQL."""

import asyncio
from dataclasses import replace

import asyncpg
import pytest

from events.catalogue import SubjectErased, TranscriptionReceived
from events.chain import START, canonical, link
from events.ids import phrase_id
from events.postgres import PostgresStore
from events.store import Append, StoreUnavailableError
from events.verify import verify
from tests.events_at_hand import new_event

SAID = TranscriptionReceived(
    phrase=3, provider="local", model="base", text="ação", confidence=None, latency_ms=41.25, cost_usd=0.0
)
ROWS = """
SELECT s.name, s.tenant, s.last_hash, e.*, e.data::text AS text
  FROM events e JOIN streams s ON s.id = e.stream_id ORDER BY e.position
"""


async def fill(store: PostgresStore, streams: int = 3, rounds: int = 4) -> None:
    """Write streams that lie among one another."""
    for number in range(rounds):
        for stream in range(streams):
            events = [
                new_event(),
                replace(new_event(SAID), correlation_id=phrase_id("s", number), causation_id=phrase_id("s", 9)),
            ]
            await store.append(Append(stream=f"session-{stream}", tenant="t", events=events))


async def tamper(url: str, statement: str) -> None:
    """Change what the database protects, as its owner can who takes the protection away."""
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(f"SET session_replication_role = replica; {statement}")
    finally:
        await connection.close()


async def test_the_chain_can_be_computed_outside_of_the_database(store: PostgresStore, postgres_url: str) -> None:
    await fill(store)
    connection = await asyncpg.connect(postgres_url)
    rows = await connection.fetch(ROWS)
    await connection.close()
    tips: dict[str, bytes] = {}
    for row in rows:
        content = canonical(
            stream=row["name"],
            tenant=row["tenant"],
            stream_position=row["stream_position"],
            event_id=row["event_id"],
            type_name=row["type"],
            schema_version=row["schema_version"],
            occurred_at=row["occurred_at"],
            elapsed_us=row["elapsed_us"],
            correlation_id=row["correlation_id"],
            causation_id=row["causation_id"],
            phrase=row["phrase"],
            sample_start=row["sample_start"],
            sample_end=row["sample_end"],
            latency_ms=row["latency_ms"],
            data=row["text"].encode(),
            sealed=row["sealed"],
        )
        tips[row["name"]] = link(tips.get(row["name"], START), content)
        assert row["hash"] == tips[row["name"]]
    assert {row["name"]: row["last_hash"] for row in rows} == tips
    assert any(row["sealed"] is not None for row in rows)


@pytest.mark.parametrize("batch", [1, 5, 7, 1_000])
async def test_a_ledger_as_it_was_written_is_whole_however_it_is_cut(
    store: PostgresStore, postgres_url: str, batch: int
) -> None:
    await fill(store)
    done: list[tuple[int, int]] = []
    found = await verify(postgres_url, batch=batch, progress=lambda checked, of: done.append((checked, of)))
    assert (found.whole, found.events, found.streams, found.flaws) == (True, 24, 3, ())
    assert done[-1] == (24, 24)
    assert len(done) == -(-24 // batch)


async def test_an_empty_ledger_is_whole(store: PostgresStore, postgres_url: str) -> None:
    assert (await verify(postgres_url)).whole


async def test_an_erased_stream_is_still_whole(store: PostgresStore, postgres_url: str) -> None:
    await fill(store)
    await store.erase("session-1", new_event(SubjectErased(reason="asked for")))
    found = await verify(postgres_url, batch=10)
    assert (found.whole, found.events) == (True, 25)


@pytest.mark.parametrize(
    "change",
    [
        "data = data || '{\"sample_start\": 1}'",
        "sealed = 'x'",
        "event_id = gen_random_uuid()",
        "type = 'SpeechEnded'",
        "schema_version = 2",
        "occurred_at = occurred_at + interval '1 microsecond'",
        "elapsed_us = elapsed_us + 1",
        "correlation_id = gen_random_uuid()",
        "causation_id = gen_random_uuid()",
        "phrase = 77",
        "sample_start = 77",
        "sample_end = 77",
        "latency_ms = 77",
        "hash = sha256('x')",
    ],
)
async def test_any_change_of_an_event_is_found(store: PostgresStore, postgres_url: str, change: str) -> None:
    await fill(store)
    await tamper(postgres_url, f"UPDATE events SET {change} WHERE position = 9")
    found = await verify(postgres_url, batch=6)
    (flaw,) = found.flaws
    assert (flaw.kind, flaw.position, flaw.stream) == ("link", 9, "session-1")


async def test_an_event_that_was_taken_away_is_found_by_its_position_and_its_stream(
    store: PostgresStore, postgres_url: str
) -> None:
    await fill(store)
    await tamper(postgres_url, "DELETE FROM events WHERE position = 9")
    found = await verify(postgres_url, batch=6)
    assert {flaw.kind: flaw.position for flaw in found.flaws} == {"position": 9, "link": 10, "stream_position": 10}


async def test_an_end_that_was_cut_off_is_found(store: PostgresStore, postgres_url: str) -> None:
    await fill(store)
    await tamper(postgres_url, "DELETE FROM events WHERE position > 22; UPDATE head SET position = 22")
    found = await verify(postgres_url)
    assert {flaw.kind: flaw.stream for flaw in found.flaws} == {"tip": "session-2", "versions": None}


@pytest.mark.parametrize(
    ("change", "kinds"),
    [
        ("version = version + 1", {"tip", "versions"}),
        ("last_pos = last_pos - 1", {"tip"}),
        ("last_hash = sha256('x')", {"tip"}),
        ("first_pos = first_pos + 1", {"tip"}),
        ("name = 'session-of-another'", {"link"}),
        ("tenant = 'another'", {"link"}),
    ],
)
async def test_a_changed_row_of_a_stream_is_found(
    store: PostgresStore, postgres_url: str, change: str, kinds: set[str]
) -> None:
    await fill(store)
    await tamper(postgres_url, f"UPDATE streams SET {change} WHERE name = 'session-2'")
    assert {flaw.kind for flaw in (await verify(postgres_url)).flaws} == kinds


async def test_verifying_goes_on_while_others_write(store: PostgresStore, postgres_url: str) -> None:
    await fill(store)
    writing = asyncio.create_task(fill(store, rounds=10))
    while not writing.done():
        found = await verify(postgres_url, batch=5)
        assert found.flaws == ()
    await writing


async def test_a_database_that_is_away_is_reported_as_unavailable() -> None:
    with pytest.raises(StoreUnavailableError):
        await verify("postgresql:///balto?host=%2Fnowhere&user=balto")
