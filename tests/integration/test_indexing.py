"""Which index serves which question, by the server's own plans; and indexes of partitions that are full."""

from collections.abc import AsyncIterator

import asyncpg
import pytest

from events.catalogue import SpeechStarted, SubjectErased
from events.indexing import index_full
from events.postgres import PostgresStore
from events.queries import _prepare, read
from events.selection import Selection
from events.store import Append
from tests.events_at_hand import new_event
from tests.postgres import divide

SIZE = 4_000
RARE = SIZE // 2


@pytest.fixture
async def owner(postgres_url: str, store: PostgresStore) -> AsyncIterator[asyncpg.Connection]:
    """A ledger with two full partitions and the beginning of a third, whose rare events are three."""
    await divide(postgres_url, SIZE)
    for start in range(0, 2 * SIZE + 500, 1_000):
        rare = {RARE, SIZE + RARE, 2 * SIZE + 100}
        events = [
            new_event(SubjectErased(reason="asked") if n in rare else SpeechStarted(phrase=n, sample_start=n))
            for n in range(start, start + 1_000)
        ]
        await store.append(Append(stream=f"session-{start}", tenant="t", events=events))
    connection = await asyncpg.connect(postgres_url)
    try:
        yield connection
    finally:
        await connection.close()


async def plan(store: PostgresStore, owner: asyncpg.Connection, selection: Selection, *, backwards: bool) -> str:
    text, arguments, _ = await _prepare(store, selection, 0, 3 * SIZE, limit=50, backwards=backwards)
    return "\n".join(row[0] for row in await owner.fetch(f"EXPLAIN {text}", 0, 3 * SIZE, 50, *arguments))


QUESTIONS = [
    (Selection(types=("SubjectErased",)), "by_type"),
    (Selection(types=("SubjectErased", "SessionStarted")), "by_type"),
    (Selection(where='$.reason == "asked"'), "by_data"),
    (Selection(where='$ ? (@.reason == "asked")'), "by_data"),
    (Selection(where="$.phrase == 7 && $.sample_start == 7"), "by_data"),
]


async def test_full_partitions_find_what_is_rare_by_type_and_by_data(
    store: PostgresStore, owner: asyncpg.Connection
) -> None:
    before = [await of(store, selection) for selection, _ in QUESTIONS]
    made = await index_full(owner)
    assert made == [f"events_from_{first}_{by}" for first in (0, SIZE) for by in ("by_type", "by_data")]
    assert await index_full(owner) == []
    await owner.execute("ANALYZE events")
    for selection, by in QUESTIONS:
        for backwards in (False, True):
            told = await plan(store, owner, selection, backwards=backwards)
            assert f"events_from_0_{by}" in told, told
            assert f"events_from_{SIZE}_{by}" in told, told
            assert not any(f"Seq Scan on events_from_{first} " in told for first in (0, SIZE)), told
    assert [await of(store, selection) for selection, _ in QUESTIONS] == before
    assert before[0] == [RARE + 1, SIZE + RARE + 1, 2 * SIZE + 101]


async def test_what_is_common_is_still_met_along_the_positions(store: PostgresStore, owner: asyncpg.Connection) -> None:
    await index_full(owner)
    await owner.execute("ANALYZE events")
    told = await plan(store, owner, Selection(types=("SpeechStarted",)), backwards=False)
    assert "events_from_0_pkey" in told
    assert "Sort" not in told


async def of(store: PostgresStore, selection: Selection) -> list[int]:
    return [event.position async for event in read(store, selection)]


async def test_one_process_makes_them_at_a_time(postgres_url: str, owner: asyncpg.Connection) -> None:
    other = await asyncpg.connect(postgres_url)
    try:
        await other.execute("SELECT pg_advisory_lock(4712000005)")
        assert await index_full(owner) == []
        await other.execute("SELECT pg_advisory_unlock(4712000005)")
        told: list[tuple[int, int]] = []
        assert len(await index_full(owner, lambda *done: told.append(done))) == 4
        assert told == [(n, 4) for n in range(4)]
    finally:
        await other.close()
