"""Ledgers that leave in files and come back, and copies from server to server."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from uuid import uuid4

import asyncpg
import pytest

from events.archive import ArchiveError
from events.catalogue import SubjectErased, TranscriptionReceived
from events.copying import copy_ledger
from events.driver import one_connection
from events.embedded import EmbeddedPostgres
from events.portable import export_file, import_file
from events.postgres import PostgresStore
from events.sealing import MasterKeys, SealingError
from events.selection import Selection
from events.store import Append, RecordingChunk, StreamErasedError
from events.transfer import Rewrap, TransferError
from events.verify import verify
from tests.events_at_hand import new_event
from tests.postgres import MASTERS

OTHER = MasterKeys({4: bytes(range(32, 64))})
CANARY = "losartana cinquenta"
SAID = TranscriptionReceived(
    phrase=3, provider="local", model="base", text=CANARY, confidence=0.5, latency_ms=41.25, cost_usd=0.0
)
ROWS = "SELECT e.*, s.name, s.tenant, s.last_hash FROM events e JOIN streams s ON s.id = e.stream_id ORDER BY position"
SAME = (
    "position",
    "name",
    "tenant",
    "stream_position",
    "event_id",
    "recorded_at",
    "hash",
    "last_hash",
    "data",
    "sealed",
)


class Ledger:
    """A ledger, its owner's connection and its address."""

    def __init__(self, url: str, store: PostgresStore, owner: asyncpg.Connection) -> None:
        self.url, self.store, self.owner = url, store, owner

    async def rows(self) -> list[tuple[object, ...]]:
        return [tuple(row[column] for column in SAME) for row in await self.owner.fetch(ROWS)]

    async def said(self, stream: str) -> list[str]:
        events = [recorded.event async for recorded in self.store.read_stream(stream)]
        return [event.text for event in events if isinstance(event, TranscriptionReceived)]

    async def heard(self, stream: str) -> bytes:
        return b"".join([chunk.data async for chunk in self.store.read_recording(stream)])


async def open_ledger(stack: AsyncExitStack, url: str, masters: MasterKeys) -> Ledger:
    store = await PostgresStore.connect(url, masters=masters)
    stack.push_async_callback(store.close)
    owner = await stack.enter_async_context(one_connection(url, application_name="test"))
    return Ledger(url, store, owner)


@pytest.fixture
async def here(postgres_url: str) -> AsyncIterator[Ledger]:
    """A ledger of 41 events in four streams that lie among one another; one is erased."""
    async with AsyncExitStack() as stack:
        ledger = await open_ledger(stack, postgres_url, MASTERS)
        for number in range(20):
            chunk = RecordingChunk(byte_start=10 * (number // 4), data=b"0123456789")
            events = [new_event(), new_event(SAID)]
            await ledger.store.append(
                Append(stream=f"session-{number % 4}", tenant=f"t{number % 2}", events=events, recordings=[chunk])
            )
        await ledger.store.erase("session-3", new_event(SubjectErased(reason="asked for")))
        yield ledger


@pytest.fixture
async def elsewhere(postgres_server: EmbeddedPostgres) -> AsyncIterator[str]:
    name = f"other_{uuid4().hex}"
    connection = await asyncpg.connect(postgres_server.dsn)
    await connection.execute(f"CREATE DATABASE {name}")
    yield postgres_server.dsn_of(name)
    await connection.execute(f"DROP DATABASE {name} WITH (FORCE)")
    await connection.close()


@pytest.fixture
async def there(elsewhere: str) -> AsyncIterator[Ledger]:
    """An empty ledger with other master keys."""
    async with AsyncExitStack() as stack:
        yield await open_ledger(stack, elsewhere, OTHER)


def assert_is_private(file: Path) -> None:
    for part in file.parent.glob(f"{file.name}*"):
        assert CANARY.encode() not in part.read_bytes()
        assert part.stat().st_mode & 0o077 == 0


def spoil(file: Path, place: float) -> None:
    content = bytearray(file.read_bytes())
    content[int(len(content) * place)] ^= 1
    file.write_bytes(content)


def cut(file: Path) -> None:
    """Take the last line away."""
    file.write_bytes(file.read_bytes().rsplit(b"\n", 2)[0] + b"\n")


def formats() -> list[str]:
    return ["out.ndjson", "out.parquet"]


@pytest.fixture(params=formats())
def file(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    if request.param.endswith("parquet"):
        pytest.importorskip("pyarrow", reason="Parquet needs the extra `export`")
    return tmp_path / str(request.param)


async def test_what_left_comes_back_as_it_was_under_other_master_keys(here: Ledger, there: Ledger, file: Path) -> None:
    out = await export_file(here.owner, file, archive=None, rewrap=Rewrap(MASTERS, OTHER), recordings=True)
    assert (out.events, out.keys) == (41, 3)
    assert_is_private(file)
    came = await import_file(there.owner, file, own=OTHER)
    assert (came.events, came.new, came.sha256) == (41, 41, out.sha256)
    assert await there.rows() == await here.rows()
    assert await there.said("session-1") == [CANARY] * 5
    assert await there.said("session-3") == [""] * 5
    if file.suffix == ".ndjson":
        assert await there.heard("session-1") == b"0123456789" * 5
        assert await there.heard("session-3") == b""
    found = await verify(there.url)
    assert (found.flaws, found.events) == ((), 41)
    again = await import_file(there.owner, file, own=OTHER)
    assert (again.events, again.new) == (41, 0)
    with pytest.raises(StreamErasedError):
        await there.store.append(Append(stream="session-3", tenant="t1", events=[new_event(SAID)]))
    await there.store.append(Append(stream="session-1", tenant="t1", events=[new_event(SAID)]))
    assert (await verify(there.url)).whole


async def test_a_file_for_other_master_keys_says_so_and_theirs_open_it(here: Ledger, there: Ledger, file: Path) -> None:
    await export_file(here.owner, file, archive=None, rewrap=Rewrap(MASTERS, None))
    with pytest.raises(SealingError, match="other master keys"):
        await import_file(there.owner, file, own=OTHER)
    assert await there.store.last_position() == 0
    await import_file(there.owner, file, own=OTHER, theirs=MASTERS)
    assert await there.said("session-2") == [CANARY] * 5


async def test_a_redacted_file_reads_as_erased(here: Ledger, there: Ledger, file: Path) -> None:
    out = await export_file(here.owner, file, archive=None, rewrap=Rewrap(MASTERS, None), redacted=True)
    assert out.keys == 0
    await import_file(there.owner, file, own=OTHER)
    assert await there.said("session-1") == [""] * 5
    assert (await verify(there.url)).whole


async def test_one_tenants_events_are_exported_alone(here: Ledger, there: Ledger, file: Path) -> None:
    selection = Selection(tenant="t0")
    out = await export_file(here.owner, file, archive=None, rewrap=Rewrap(MASTERS, OTHER), selection=selection)
    assert (out.events, out.keys) == (20, 2)
    await import_file(there.owner, file, own=OTHER)
    assert {row[2] for row in await there.rows()} == {"t0"}
    assert (await verify(there.url)).whole


@pytest.mark.parametrize("place", [0.3, 0.9])
async def test_a_changed_file_is_refused_before_anything_comes_in(
    here: Ledger, there: Ledger, file: Path, place: float
) -> None:
    await export_file(here.owner, file, archive=None, rewrap=Rewrap(MASTERS, OTHER))
    spoil(file, place)
    with pytest.raises(ArchiveError):
        await import_file(there.owner, file, own=OTHER)
    assert await there.store.last_position() == 0


async def test_a_file_that_was_cut_off_is_refused(here: Ledger, there: Ledger, tmp_path: Path) -> None:
    file = tmp_path / "out.ndjson"
    await export_file(here.owner, file, archive=None, rewrap=Rewrap(MASTERS, OTHER))
    cut(file)
    with pytest.raises(ArchiveError, match="no whole export"):
        await import_file(there.owner, file, own=OTHER)


async def test_events_of_its_own_keep_a_file_out(here: Ledger, there: Ledger, file: Path) -> None:
    await there.store.append(Append(stream="session-1", tenant="t1", events=[new_event()]))
    await export_file(here.owner, file, archive=None, rewrap=Rewrap(MASTERS, OTHER))
    with pytest.raises(TransferError, match="session-1 holds other events"):
        await import_file(there.owner, file, own=OTHER)
    assert await there.store.last_position() == 1


async def test_a_part_without_what_was_before_is_refused(here: Ledger, there: Ledger, file: Path) -> None:
    since = (await here.store.read_at([21]))[0].recorded_at
    selection = Selection(since=since)
    await export_file(here.owner, file, archive=None, rewrap=Rewrap(MASTERS, OTHER), selection=selection)
    with pytest.raises(TransferError, match="missing in between"):
        await import_file(there.owner, file, own=OTHER)


async def test_a_copy_is_the_same_and_is_brought_up_to_date(here: Ledger, there: Ledger) -> None:
    rewrap = Rewrap(MASTERS, OTHER)
    assert await copy_ledger(here.owner, there.owner, archive=None, rewrap=rewrap) == 41
    assert await there.rows() == await here.rows()
    assert await there.heard("session-2") == b"0123456789" * 5
    await here.store.append(Append(stream="session-1", tenant="t1", events=[new_event(SAID)]))
    await here.store.erase("session-0", new_event(SubjectErased(reason="asked for")))
    assert await copy_ledger(here.owner, there.owner, archive=None, rewrap=rewrap) == 2
    assert await there.rows() == await here.rows()
    assert await there.said("session-0") == [""] * 5
    assert await there.heard("session-0") == b""
    assert await there.owner.fetchval("SELECT count(*) FROM keys") == 2
    assert (await verify(there.url)).whole


async def test_a_ledger_with_events_of_its_own_is_no_copy(here: Ledger, there: Ledger) -> None:
    await there.store.append(Append(stream="s", tenant="t", events=[new_event()]))
    with pytest.raises(TransferError, match="no copy"):
        await copy_ledger(here.owner, there.owner, archive=None, rewrap=Rewrap(MASTERS, OTHER))
