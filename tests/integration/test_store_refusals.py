"""What the store refuses, and how it says that its database is away."""

from dataclasses import replace

import asyncpg
import pytest

from events.catalogue import SpeechStarted
from events.codec import CodecError
from events.postgres import PostgresStore
from events.store import (
    ANY,
    Appended,
    StoreUnavailableError,
    WrongTenantError,
)
from events.verify import verify
from tests.events_at_hand import START, new_event
from tests.integration.test_store import an_append, everything


@pytest.mark.parametrize("change", ["UPDATE events SET elapsed_us = 1", "DELETE FROM events", "TRUNCATE events"])
async def test_the_database_refuses_to_change_events(store: PostgresStore, postgres_url: str, change: str) -> None:
    await store.append(an_append())
    connection = await asyncpg.connect(postgres_url)
    try:
        with pytest.raises(asyncpg.RestrictViolationError, match="append-only"):
            await connection.execute(change)
    finally:
        await connection.close()
    assert len(await everything(store.read_all())) == 1


async def test_what_cannot_be_kept_is_refused_before_it_is_sent(store: PostgresStore) -> None:
    good = an_append()
    with pytest.raises(ValueError, match="no event"):
        await store.append(replace(good, events=[]))
    with pytest.raises(ValueError, match="twice"):
        await store.append(replace(good, events=[good.events[0], good.events[0]]))
    with pytest.raises(ValueError, match="zone"):
        await store.append(replace(good, events=[replace(good.events[0], occurred_at=START.replace(tzinfo=None))]))
    with pytest.raises(ValueError, match="NUL"):
        await store.append(replace(good, stream="a\0b"))
    with pytest.raises(ValueError, match="position"):
        await store.append(replace(good, expected=-2))
    with pytest.raises(CodecError, match="column"):
        await store.append(replace(good, events=[new_event(SpeechStarted(phrase=1 << 31, sample_start=0))]))
    assert await store.last_position() == 0


async def test_an_unreachable_database_is_reported_as_unavailable(postgres_url: str) -> None:
    with pytest.raises(StoreUnavailableError):
        await PostgresStore.connect("postgresql:///balto?host=%2Fnowhere&user=balto", timeout_s=5)
    store = await PostgresStore.connect(postgres_url)
    await store.close()
    with pytest.raises(StoreUnavailableError):
        await store.append(an_append())


async def test_a_database_that_does_not_answer_in_time_is_reported_as_unavailable(postgres_url: str) -> None:
    store = await PostgresStore.connect(postgres_url, timeout_s=0.3)
    blocker = await asyncpg.connect(postgres_url)
    try:
        append = an_append()
        async with blocker.transaction():
            await blocker.execute("LOCK TABLE head")
            with pytest.raises(StoreUnavailableError):
                await store.append(append)
        assert await store.append(append) == Appended(stream_position=1, position=1)
    finally:
        await blocker.close()
        await store.close()


@pytest.mark.parametrize("expected", [2, ANY])
@pytest.mark.parametrize("count", [1, 2])
async def test_a_stream_takes_nothing_from_another_tenant_and_stays_whole(
    store: PostgresStore, postgres_url: str, expected: int, count: int
) -> None:
    await store.append(an_append("a", 2, tenant="111111"))
    with pytest.raises(WrongTenantError):
        await store.append(replace(an_append("a", count, tenant="222222"), expected=expected))
    assert await store.append(replace(an_append("a", tenant="111111"), expected=2)) == Appended(
        stream_position=3, position=3
    )
    assert (await verify(postgres_url)).whole
