"""Cold partitions: written to files, checked, detached, read as before, brought back; on hold, kept."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import asyncpg
import pytest

from events.archive import ArchiveError
from events.catalogue import SubjectErased, TranscriptionReceived
from events.cold import drop_detached, freeze
from events.envelope import RecordedEvent
from events.ids import phrase_id
from events.partitions import list_partitions
from events.postgres import PostgresStore
from events.queries import position_at, read
from events.selection import Selection
from events.store import Append
from events.thaw import thaw
from events.verify import verify
from tests.events_at_hand import new_event
from tests.postgres import MASTERS, divide

pytest.importorskip("pyarrow", reason="Parquet needs the extra `export`")

LATER = datetime(2100, 1, 1, tzinfo=UTC)
SAID = TranscriptionReceived(
    phrase=3, provider="local", model="base", text="ação", confidence=0.5, latency_ms=41.25, cost_usd=0.0
)
EVERYTHING = 1 << 60


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "archive"


@pytest.fixture
async def owner(postgres_url: str) -> AsyncIterator[asyncpg.Connection]:
    """A connection to a ledger whose partitions hold ten events."""
    await divide(postgres_url, 10)
    connection = await asyncpg.connect(postgres_url)
    yield connection
    await connection.close()


@pytest.fixture
async def cold_store(owner: asyncpg.Connection, postgres_url: str, folder: Path) -> AsyncIterator[PostgresStore]:
    """A store with 48 events of four streams that lie among one another."""
    store = await PostgresStore.connect(postgres_url, masters=MASTERS, archive=folder)
    for number in range(24):
        began = new_event()
        said = replace(new_event(SAID), correlation_id=phrase_id("s", number), causation_id=began.event_id)
        await store.append(Append(stream=f"session-{number % 4}", tenant=f"t{number % 2}", events=[began, said]))
    yield store
    await store.close()


def content_of(folder: Path) -> bytes:
    return b"".join(file.read_bytes() for file in folder.iterdir())


def spoil(folder: Path) -> Path:
    """Change one bit of the second file."""
    file = sorted(folder.glob("*.parquet"))[1]
    content = bytearray(file.read_bytes())
    content[len(content) // 3] ^= 1
    file.write_bytes(content)
    return file


async def told(store: PostgresStore) -> list[object]:
    """Return what every way of reading gives."""
    cause, at_the_border = await store.read_at([23, 39])
    selections = [
        Selection(),
        Selection(stream="session-2"),
        Selection(tenant="t1", types=("TranscriptionReceived",)),
        Selection(category="session"),
        Selection(correlation_id=phrase_id("s", 4)),
        Selection(causation_id=cause.event_id),
        Selection(causation_id=at_the_border.event_id),
        Selection(slot=(1, 3)),
    ]
    answers: list[object] = []
    for selection in selections:
        for backwards in (False, True):
            answers += [
                [e async for e in read(store, selection, limit=limit, backwards=backwards, page=3)]
                for limit in (None, 7)
            ]
    for backwards in (False, True):
        answers += [
            [e async for e in store.read_stream("session-1", backwards=backwards)],
            [e async for e in store.read_stream("session-1", after=5, limit=3, backwards=backwards)],
        ]
    answers += [
        [e async for e in store.read_all()],
        [e async for e in store.read_all(after=5, limit=20, types=["TranscriptionReceived"], tenant="t0")],
        [e async for e in store.read_all(stream_prefix="session-3")],
        [e async for e in store.read_raw(after=17)],
        await store.read_at([3, 33, 12, 48]),
        [e async for e in store.read_stream("nobody")],
    ]
    return answers


async def test_what_is_cold_is_read_as_before_by_every_way_of_reading(
    owner: asyncpg.Connection, cold_store: PostgresStore, postgres_url: str, folder: Path
) -> None:
    before = await told(cold_store)
    done = await freeze(postgres_url, folder, older_than=LATER, upto=EVERYTHING)
    assert [(one.first, one.end, one.outcome) for one in done] == [(n, n + 10, "frozen") for n in (0, 10, 20, 30)]
    assert await owner.fetchval("SELECT min(position) FROM events") == 40
    assert await told(cold_store) == before
    fresh = await PostgresStore.connect(postgres_url, masters=MASTERS, archive=folder)
    assert await told(fresh) == before
    await fresh.close()
    found = await verify(postgres_url, archive=folder, batch=7)
    assert (found.flaws, found.events, found.skipped) == ((), 48, ())


@pytest.mark.parametrize("way", ["by condition", "one stream", "all"])
async def test_readings_that_meet_at_a_freeze_or_a_thaw_all_notice(
    cold_store: PostgresStore, postgres_url: str, folder: Path, way: str
) -> None:
    """What is cold is known to a store once: whoever finds it changed must not be the only one to look again."""

    async def positions() -> list[int]:
        if way == "by condition":
            return [event.position async for event in read(cold_store, Selection(slot=(0, 2)))]
        if way == "one stream":
            return [event.position async for event in cold_store.read_stream("session-2")]
        return [event.position async for event in cold_store.read_all()]

    before = await positions()
    assert before[0] < 10
    await freeze(postgres_url, folder, older_than=LATER, upto=EVERYTHING)
    assert await asyncio.gather(*(positions() for _ in range(6))) == [before] * 6
    await thaw(postgres_url, folder, first=10)
    assert await asyncio.gather(*(positions() for _ in range(6))) == [before] * 6


async def test_a_moment_is_found_in_files_and_in_the_table(
    owner: asyncpg.Connection, cold_store: PostgresStore, postgres_url: str, folder: Path
) -> None:
    events = [e async for e in cold_store.read_all()]
    moments = [e.recorded_at for e in events] + [events[0].recorded_at - timedelta(seconds=1), LATER]
    before = [await position_at(cold_store, moment) for moment in moments]
    await freeze(postgres_url, folder, older_than=LATER, upto=EVERYTHING)
    assert [await position_at(cold_store, moment) for moment in moments] == before


async def test_writing_goes_on_and_chains_go_over_the_border(
    cold_store: PostgresStore, postgres_url: str, folder: Path
) -> None:
    await freeze(postgres_url, folder, older_than=LATER, upto=EVERYTHING)
    for number in range(8):
        await cold_store.append(
            Append(stream=f"session-{number % 4}", tenant=f"t{number % 2}", events=[new_event(SAID)])
        )
    await freeze(postgres_url, folder, older_than=LATER, upto=EVERYTHING)
    assert [e.position async for e in cold_store.read_all()] == list(range(1, 57))
    found = await verify(postgres_url, archive=folder, batch=4)
    assert (found.flaws, found.events) == ((), 56)


async def test_only_what_is_old_and_read_by_all_is_frozen(
    cold_store: PostgresStore, postgres_url: str, folder: Path
) -> None:
    tenth = [e async for e in cold_store.read_all(limit=20)][-1]
    done = await freeze(postgres_url, folder, older_than=tenth.recorded_at, upto=EVERYTHING)
    assert [one.first for one in done] == [0]
    done = await freeze(postgres_url, folder, older_than=LATER, upto=19)
    assert [(one.first, one.outcome) for one in done] == [(10, "frozen"), (20, "behind"), (30, "behind")]


async def test_an_erased_stream_stays_erased_in_files_written_before(
    cold_store: PostgresStore, postgres_url: str, folder: Path
) -> None:
    await freeze(postgres_url, folder, older_than=LATER, upto=EVERYTHING)
    await cold_store.erase("session-1", new_event(SubjectErased(reason="asked for")))
    read_back = [e async for e in cold_store.read_stream("session-1")]
    said = [e for e in read_back if isinstance(e.event, TranscriptionReceived)]
    assert len(said) == 6
    assert all(e.erased and isinstance(e.event, TranscriptionReceived) and e.event.text == "" for e in said)
    assert "ação".encode() not in content_of(folder)
    assert (await verify(postgres_url, archive=folder)).whole


async def test_erasing_again_is_told_where_the_first_time_was_though_that_is_cold(
    cold_store: PostgresStore, postgres_url: str, folder: Path
) -> None:
    landed = await cold_store.erase("session-1", new_event(SubjectErased(reason="asked for")))
    for _ in range(12):
        await cold_store.append(Append(stream="session-0", tenant="t0", events=[new_event()]))
    await freeze(postgres_url, folder, older_than=LATER, upto=EVERYTHING)
    assert await cold_store.erase("session-1", new_event(SubjectErased(reason="again"))) == landed
    await thaw(postgres_url, folder, first=40)
    assert await cold_store.erase("session-1", new_event(SubjectErased(reason="again"))) == landed


@pytest.mark.parametrize("hold", ["'session-2', NULL", "NULL, 't1'"])
async def test_a_partition_with_a_stream_on_hold_stays_and_the_others_go(
    owner: asyncpg.Connection, cold_store: PostgresStore, postgres_url: str, folder: Path, hold: str
) -> None:
    for number in range(40):
        await cold_store.append(Append(stream=f"other-{number}", tenant="t9", events=[new_event()]))
    before = [e async for e in cold_store.read_all()]
    hold_id = await owner.fetchval(f"SELECT place_hold({hold}, 'a court asked')")
    done = await freeze(postgres_url, folder, older_than=LATER, upto=EVERYTHING)
    assert [one.outcome for one in done] == ["held"] * 5 + ["frozen"] * 3
    assert [e async for e in cold_store.read_all()] == before
    assert (await verify(postgres_url, archive=folder, batch=3)).flaws == ()
    assert await owner.fetchval("SELECT lift_hold($1)", hold_id)
    done = await freeze(postgres_url, folder, older_than=LATER, upto=EVERYTHING)
    assert [one.outcome for one in done] == ["frozen"] * 5
    assert [e async for e in cold_store.read_all()] == before
    assert (await verify(postgres_url, archive=folder, batch=3)).flaws == ()


async def test_a_detached_table_is_not_dropped_when_a_hold_came_meanwhile(
    owner: asyncpg.Connection, cold_store: PostgresStore, postgres_url: str, folder: Path
) -> None:
    await freeze(postgres_url, folder, older_than=LATER, upto=EVERYTHING, drop=False)
    await owner.execute("SELECT place_hold('session-0', NULL, 'a court asked')")
    assert await drop_detached(owner) == []
    assert await owner.fetchval("SELECT count(*) FROM events_from_10") == 10


@pytest.mark.parametrize("drop", [True, False])
async def test_a_cold_partition_is_brought_back(
    owner: asyncpg.Connection, cold_store: PostgresStore, postgres_url: str, folder: Path, *, drop: bool
) -> None:
    before = await told(cold_store)
    rows = await owner.fetch("SELECT * FROM events ORDER BY position")
    await freeze(postgres_url, folder, older_than=LATER, upto=EVERYTHING, drop=drop)
    assert [await thaw(postgres_url, folder, first=first) for first in (20, 0, 10, 30)] == [10, 9, 10, 10]
    assert await owner.fetch("SELECT * FROM events ORDER BY position") == rows
    assert await told(cold_store) == before
    assert [p.events for p in await list_partitions(owner)][:4] == [9, 10, 10, 10]
    assert (await verify(postgres_url)).whole


async def test_a_changed_file_is_found_and_not_read(cold_store: PostgresStore, postgres_url: str, folder: Path) -> None:
    await freeze(postgres_url, folder, older_than=LATER, upto=EVERYTHING)
    file = spoil(folder)
    found = await verify(postgres_url, archive=folder)
    assert [(flaw.kind, file.name in flaw.message) for flaw in found.flaws] == [("file", True)]
    with pytest.raises(ArchiveError):
        await thaw(postgres_url, folder, first=10)


async def test_without_the_archive_it_is_said_what_is_missing(
    cold_store: PostgresStore, postgres_url: str, folder: Path
) -> None:
    await freeze(postgres_url, folder, older_than=LATER, upto=EVERYTHING)
    found = await verify(postgres_url)
    assert (found.whole, found.events, len(found.skipped)) == (True, 9, 4)
    store = await PostgresStore.connect(postgres_url, masters=MASTERS)
    read_back: list[RecordedEvent] = []
    with pytest.raises(ArchiveError, match="events 1 to 9 are in the archive"):
        read_back += [e async for e in store.read_all()]
    assert [e.position async for e in store.read_all(after=39)] == list(range(40, 49))
    await store.close()
