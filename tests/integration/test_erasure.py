"""Sealed at rest and erased for good, on a real PostgreSQL."""

import asyncio
from collections.abc import AsyncIterator

import asyncpg
import pytest

from events.catalogue import SubjectErased, TranscriptionReceived, Word
from events.envelope import NewEvent, UnknownEvent
from events.postgres import PostgresStore
from events.sealing import MasterKeys, SealingError
from events.store import (
    NO_STREAM,
    Append,
    Appended,
    NoStreamError,
    RecordingChunk,
    StreamErasedError,
    WrongExpectedPositionError,
)
from tests.events_at_hand import new_event
from tests.postgres import MASTERS

CANARY = "canário-amarelo-7731"
AUDIO = b"canario-em-audio-4482" * 40


def heard(text: str = CANARY) -> NewEvent:
    return new_event(
        TranscriptionReceived(
            phrase=1,
            provider="local",
            model="base",
            text=text,
            words=(Word(text=text),),
            confidence=0.9,
            latency_ms=321.5,
            cost_usd=0.25,
        )
    )


def erasure() -> NewEvent:
    return new_event(SubjectErased(reason="asked for"))


def said(stream: str = "session-1", text: str = CANARY, expected: int = -1) -> Append:
    return Append(
        stream=stream,
        tenant="t",
        events=[new_event(), heard(text)],
        expected=expected,
        recordings=[RecordingChunk(byte_start=0, data=AUDIO)],
    )


async def dump(url: str) -> bytes:
    """Return every column of every table that is not the server's own, as COPY gives it in text."""
    connection = await asyncpg.connect(url)
    pieces: list[bytes] = []

    async def collect(data: bytes) -> None:
        pieces.append(bytes(data))

    try:
        tables = await connection.fetch(
            "SELECT c.oid::regclass::text AS name, c.relnamespace::regnamespace::text AS place, c.relname"
            "  FROM pg_class c WHERE c.relkind = 'r' AND c.relnamespace::regnamespace::text !~ '^(pg_|information_)'"
        )
        for table in tables:
            await connection.copy_from_query(f"SELECT t, t::text FROM {table['name']} t", output=collect)
    finally:
        await connection.close()
    everything = b"".join(pieces)
    # COPY shows bytes in hex: what was hidden in them must be looked for there, too.
    return everything + b"".join(bytes.fromhex(word) for word in _hex_words(everything))


def _hex_words(text: bytes) -> list[str]:
    words = text.decode().replace('"', " ").replace(",", " ").replace(")", " ").split("\\x")[1:]
    found = []
    for word in words:
        digits = word.split()[0] if word.split() else ""
        even = digits[: len(digits) // 2 * 2]
        if even and set(even) <= set("0123456789abcdef"):
            found.append(even)
    return found


async def texts(store: PostgresStore, stream: str) -> list[str]:
    return [r.event.text async for r in store.read_stream(stream) if isinstance(r.event, TranscriptionReceived)]


@pytest.fixture
async def other(postgres_url: str) -> AsyncIterator[PostgresStore]:
    store = await PostgresStore.connect(postgres_url, masters=MASTERS)
    yield store
    await store.close()


async def test_the_dump_would_show_what_stands_in_the_clear(store: PostgresStore, postgres_url: str) -> None:
    await store.append(said("stream-aberto"))
    found = await dump(postgres_url)
    assert b"stream-aberto" in found
    assert b"TranscriptionReceived" in found


async def test_personal_fields_and_recordings_are_nowhere_in_the_clear_and_read_back_whole(
    store: PostgresStore, other: PostgresStore, postgres_url: str
) -> None:
    append = said()
    await store.append(append)
    found = await dump(postgres_url)
    assert CANARY.encode() not in found
    assert AUDIO[:21] not in found
    for reader in (store, other):
        read = [r async for r in reader.read_stream("session-1")]
        assert [r.event for r in read] == [new.event for new in append.events]
        assert [r.erased for r in read] == [False, False]
        assert [chunk async for chunk in reader.read_recording("session-1")] == list(append.recordings)
        assert [r["data"].get("text") async for r in reader.read_raw()] == [None, CANARY]


async def test_a_reader_may_leave_closed_what_is_sealed(store: PostgresStore) -> None:
    await store.append(said())
    opened = [r async for r in store.read_raw()]
    closed = [r async for r in store.read_raw(open_sealed=False)]
    assert [r.pop("erased") for r in closed] == [False, False]
    assert "text" in opened[1]["data"]
    assert "text" not in closed[1]["data"]
    for whole, part in zip(opened, closed, strict=True):
        assert part.pop("data").items() <= whole["data"].items()
        assert part.items() <= whole.items()


async def test_an_erased_session_is_in_no_table_while_its_numbers_count(
    store: PostgresStore, other: PostgresStore, postgres_url: str
) -> None:
    await store.append(said())
    await store.append(said("session-2", "fica"))
    assert await texts(other, "session-1") == [CANARY]  # the other store remembers the key
    landed = await store.erase("session-1", erasure())
    assert landed == Appended(stream_position=3, position=5)
    found = await dump(postgres_url)
    assert CANARY.encode() not in found
    connection = await asyncpg.connect(postgres_url)
    try:
        assert await connection.fetchval("SELECT count(*) FROM keys") == 1
        assert await connection.fetchval("SELECT count(*) FROM recordings") == 1
        assert await connection.fetchval("SELECT sum(latency_ms) FROM events") == 643.0
    finally:
        await connection.close()
    for reader in (store, other):
        read = [r async for r in reader.read_stream("session-1")]
        assert [r.erased for r in read] == [False, True, False]
        erased = read[1].event
        assert isinstance(erased, TranscriptionReceived)
        assert (erased.text, erased.words, erased.cost_usd) == ("", (), 0.25)
        assert [chunk async for chunk in reader.read_recording("session-1")] == []
        assert [r.get("text", "-") for r in [e["data"] async for e in reader.read_raw(stream_prefix="session-1")]] == (
            ["-"] * 3
        )
        assert await texts(reader, "session-2") == ["fica"]


async def test_erasing_again_changes_nothing_and_tells_where_the_first_time_was(store: PostgresStore) -> None:
    await store.append(said())
    first = await store.erase("session-1", erasure())
    await store.append(Append(stream="session-1", tenant="t", events=[new_event()]))
    assert await store.erase("session-1", erasure()) == first
    assert await store.last_position() == 4


async def test_a_stream_that_does_not_exist_cannot_be_erased(store: PostgresStore) -> None:
    with pytest.raises(NoStreamError):
        await store.erase("nobody", erasure())
    assert await store.last_position() == 0


async def test_nothing_personal_is_written_to_an_erased_stream(store: PostgresStore, other: PostgresStore) -> None:
    append = said()
    landed = await store.append(append)
    await other.erase("session-1", erasure())
    for writer in (store, other):
        with pytest.raises(StreamErasedError):
            await writer.append(said())
    with pytest.raises(StreamErasedError):
        await store.append_atomically([said(), Append(stream="s2", tenant="t", events=[new_event()])])
    assert await store.stream_position("s2") == 0
    assert await store.append(append) == landed
    clear = Append(stream="session-1", tenant="t", events=[new_event()])
    assert await store.append(clear) == Appended(stream_position=4, position=4)


async def test_a_stream_without_anything_personal_has_no_key(store: PostgresStore, postgres_url: str) -> None:
    await store.append(Append(stream="counter-1", tenant="t", events=[new_event()]))
    connection = await asyncpg.connect(postgres_url)
    try:
        assert await connection.fetchval("SELECT count(*) FROM keys") == 0
        await store.append(Append(stream="counter-1", tenant="t", events=[heard()]))
        assert await connection.fetchval("SELECT count(*) FROM keys") == 1
    finally:
        await connection.close()
    assert await texts(store, "counter-1") == [CANARY]


async def test_writers_that_meet_on_a_new_stream_end_up_with_one_key(
    store: PostgresStore, other: PostgresStore, postgres_url: str
) -> None:
    writes = [
        writer.append(Append(stream="s", tenant="t", events=[heard(f"{number}-{turn}")]))
        for turn in range(6)
        for number, writer in enumerate((store, other))
    ]
    await asyncio.gather(*writes)
    assert sorted(await texts(store, "s")) == sorted(f"{n}-{turn}" for n in (0, 1) for turn in range(6))
    connection = await asyncpg.connect(postgres_url)
    try:
        assert await connection.fetchval("SELECT count(*) FROM keys") == 1
    finally:
        await connection.close()


async def test_a_key_that_lost_the_race_is_replaced_also_for_appends_that_go_together(
    store: PostgresStore, other: PostgresStore
) -> None:
    with pytest.raises(WrongExpectedPositionError):  # leaves a key at hand that never became the stream's
        await store.append_atomically(
            [said("s", expected=NO_STREAM), Append(stream="x", tenant="t", events=[new_event()], expected=7)]
        )
    await other.append(said("s", "dele"))
    await store.append_atomically([said("s", "nosso"), said("z", "também")])
    assert await texts(other, "s") == ["dele", "nosso"]
    assert await texts(other, "z") == ["também"]


async def test_without_a_master_key_nothing_personal_is_written_or_read(
    store: PostgresStore, postgres_url: str
) -> None:
    keyless = await PostgresStore.connect(postgres_url)
    try:
        with pytest.raises(SealingError):
            await keyless.append(said())
        assert await keyless.last_position() == 0
        await keyless.append(Append(stream="clear", tenant="t", events=[new_event()]))
        await store.append(said())
        with pytest.raises(SealingError):
            await texts(keyless, "session-1")
        assert len([r async for r in keyless.read_stream("clear")]) == 1
    finally:
        await keyless.close()


async def test_another_master_key_of_the_same_version_is_refused_at_the_start(
    store: PostgresStore, postgres_url: str
) -> None:
    with pytest.raises(SealingError, match="not the master key 1"):
        await PostgresStore.connect(postgres_url, masters=MasterKeys({1: bytes(32)}))


async def test_a_rotated_master_key_reads_the_old_streams_and_writes_the_new(
    store: PostgresStore, postgres_url: str
) -> None:
    await store.append(said("old"))
    both = MasterKeys({1: bytes(range(32)), 2: bytes(range(32, 64))})
    rotated = await PostgresStore.connect(postgres_url, masters=both)
    try:
        await rotated.append(said("new"))
        await rotated.append(said("old", "mais"))
        assert await texts(rotated, "old") == [CANARY, "mais"]
        assert await texts(rotated, "new") == [CANARY]
    finally:
        await rotated.close()
    with pytest.raises(SealingError, match="master key 2 is not at hand"):
        await texts(store, "new")


async def test_an_erased_event_of_a_version_that_is_not_known_reads_without_what_is_gone(
    store: PostgresStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    await store.append(said())
    await store.erase("session-1", erasure())
    monkeypatch.setattr(TranscriptionReceived, "schema_version", 0)
    read = [r async for r in store.read_stream("session-1")][1]
    assert isinstance(read.event, UnknownEvent)
    assert read.erased
    assert "text" not in read.event.data
