"""How long recordings are kept, and what legal holds keep, on a real PostgreSQL."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from uuid import uuid4

import asyncpg
import pytest

from events.catalogue import RecordingsExpired, SessionEnded, SubjectErased
from events.driver import one_connection
from events.postgres import PostgresStore
from events.retention import expire_recordings, lift_hold, list_holds, place_hold
from events.store import Append, NoStreamError, RecordingChunk, StoreError, StreamHeldError
from events.verify import verify
from tests.events_at_hand import new_event

LATER = datetime(2100, 1, 1, tzinfo=UTC)
ENDED = SessionEnded(reason="client_finished", bytes_received=10, samples=5, phrases=0, recommendations=0)


@pytest.fixture
async def owner(postgres_url: str) -> AsyncIterator[asyncpg.Connection]:
    async with one_connection(postgres_url, application_name="test") as connection:
        yield connection


async def record(store: PostgresStore, stream: str, *, ended: bool = True, tenant: str = "t") -> None:
    chunks = [RecordingChunk(byte_start=start, data=b"audio") for start in (0, 5)]
    await store.append(Append(stream=stream, tenant=tenant, events=[new_event()], recordings=chunks))
    if ended:
        await store.append(Append(stream=stream, tenant=tenant, events=[new_event(ENDED)]))


async def heard(store: PostgresStore, stream: str) -> bytes:
    return b"".join([chunk.data async for chunk in store.read_recording(stream)])


async def test_audio_of_ended_sessions_goes_and_an_event_says_so(
    store: PostgresStore, owner: asyncpg.Connection, postgres_url: str
) -> None:
    for stream in ("a", "b"):
        await record(store, stream)
    await record(store, "live", ended=False)
    steps: list[tuple[int, int]] = []
    gone = await expire_recordings(
        owner, older_than=LATER, wrap=new_event, progress=lambda done, of: steps.append((done, of))
    )
    assert (gone.streams, gone.bytes, steps) == (2, 20, [(1, 2), (2, 2)])
    assert [await heard(store, stream) for stream in ("a", "b", "live")] == [b"", b"", b"audioaudio"]
    last = [e async for e in store.read_stream("a")][-1]
    assert last.event == RecordingsExpired(bytes_deleted=10, older_than=LATER)
    assert (await verify(postgres_url)).whole
    assert (await expire_recordings(owner, older_than=LATER, wrap=new_event)).streams == 0


async def test_audio_that_is_not_older_stays(store: PostgresStore, owner: asyncpg.Connection) -> None:
    await record(store, "a")
    since = await owner.fetchval("SELECT max(recorded_at) FROM recordings")
    assert (await expire_recordings(owner, older_than=since, wrap=new_event)).streams == 0
    assert await heard(store, "a") == b"audioaudio"
    outcome = await owner.fetchval(
        "SELECT outcome FROM expire_recordings('a', $1, ROW(1, gen_random_uuid(), 'RecordingsExpired', 1, now(), 0,"
        " NULL, NULL, NULL, NULL, NULL, NULL, '{}', NULL)::new_event)",
        since,
    )
    assert outcome == "young"


@pytest.mark.parametrize("by", ["stream", "tenant"])
async def test_what_is_on_hold_is_neither_expired_nor_erased_until_the_hold_is_lifted(
    store: PostgresStore, owner: asyncpg.Connection, by: str
) -> None:
    await record(store, "held", tenant="court")
    await record(store, "free")
    hold = await place_hold(owner, **{by: "held" if by == "stream" else "court"}, reason="case 1")
    assert (await expire_recordings(owner, older_than=LATER, wrap=new_event)).streams == 1
    with pytest.raises(StreamHeldError):
        await store.erase("held", new_event(SubjectErased(reason="asked for")))
    for table in ("recordings", "keys"):
        with pytest.raises(asyncpg.PostgresError, match="on legal hold"):
            await owner.execute(f"DELETE FROM {table}")
    assert await heard(store, "held") == b"audioaudio"
    assert await lift_hold(owner, hold)
    assert not await lift_hold(owner, hold)
    assert (await expire_recordings(owner, older_than=LATER, wrap=new_event)).streams == 1
    await store.erase("held", new_event(SubjectErased(reason="asked for")))


async def test_holds_stay_on_record(store: PostgresStore, owner: asyncpg.Connection) -> None:
    await record(store, "a")
    first = await place_hold(owner, stream="a", reason="one")
    second = await place_hold(owner, tenant="t", reason="two")
    await lift_hold(owner, first)
    assert [(h.id, h.tenant, h.reason) for h in await list_holds(owner)] == [(second, "t", "two")]
    assert [h.lifted_at is None for h in await list_holds(owner, lifted=True)] == [False, True]


async def test_a_hold_is_on_one_thing_that_is_there(owner: asyncpg.Connection) -> None:
    with pytest.raises(NoStreamError):
        await place_hold(owner, stream="nobody", reason="x")
    for both in ({}, {"stream": "a", "tenant": "t"}):
        with pytest.raises(ValueError, match="stream or on a tenant"):
            await place_hold(owner, **both, reason="x")


async def test_the_eraser_expires_and_the_app_may_not(
    store: PostgresStore, owner: asyncpg.Connection, postgres_url: str
) -> None:
    await record(store, "a")
    for role, gone in (("balto_app", None), ("balto_eraser", 1)):
        name = f"{role}_{uuid4().hex}"
        await owner.execute(f"CREATE ROLE {name} LOGIN IN ROLE {role}")
        url = postgres_url.replace("user=balto", f"user={name}")
        async with one_connection(url, application_name="test") as connection:
            if gone is None:
                with pytest.raises(StoreError, match="InsufficientPrivilege"):
                    await expire_recordings(connection, older_than=LATER, wrap=new_event)
            else:
                assert (await expire_recordings(connection, older_than=LATER, wrap=new_event)).streams == gone
        await owner.execute(f"DROP ROLE {name}")
