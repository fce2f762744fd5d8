"""The embedded server, killed while sessions write: it starts again where it was, and nothing acknowledged is lost."""

import asyncio
import logging
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from events.embedded import EmbeddedPostgres, EmbeddedPostgresError
from events.guard import ended, guarded
from events.journal import Journal
from events.postgres import PostgresStore
from events.store import Append, Appended
from events.verify import verify
from tests.events_at_hand import new_event
from tests.postgres import an_embedded_server

DURABLE = {"fsync": "on", "synchronous_commit": "on", "full_page_writes": "on"}


@pytest.fixture
def data_dir() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="balto-guard-") as folder:
        Path(folder).chmod(0o755)  # the server's user must get in where tests run as root
        yield Path(folder) / "data"


def postmaster(data_dir: Path) -> psutil.Process:
    return psutil.Process(int((data_dir / "postgres" / "postmaster.pid").read_text().splitlines()[0]))


async def kill(data_dir: Path) -> None:
    process = postmaster(data_dir)
    process.kill()
    await ended(process.pid)


def said(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.name == "events.guard"]


async def until_told(caplog: pytest.LogCaptureFixture, times: int) -> None:
    while len(said(caplog)) < times:  # noqa: ASYNC110 - the log has no event of ours
        await asyncio.sleep(0.02)
    assert len(said(caplog)) == times


async def talk(journal: Journal, stream: str, enough: asyncio.Event) -> list[Appended]:
    """Append one event after the other, each expecting the one before, until told that it is enough."""
    landed: list[Appended] = []
    while not enough.is_set():
        append = Append(stream=stream, tenant="t", events=[new_event()], expected=len(landed))
        landed.append(await journal.append(append))
    return landed


async def test_a_server_killed_under_appends_comes_back_and_the_journal_rides_through(
    data_dir: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING, "events.guard")
    async with an_embedded_server(data_dir, DURABLE) as server, guarded(server, first_pause_s=0.01):
        store = await PostgresStore.connect(server.dsn)
        journal = Journal(store)
        await journal.start()
        enough, address = asyncio.Event(), server.dsn
        talking = [asyncio.create_task(talk(journal, f"s-{n}", enough)) for n in range(8)]
        for turn in range(3):
            wanted = await store.last_position() + 50
            while (await journal.append(Append(stream="watch", tenant="t", events=[new_event()]))).position < wanted:
                pass
            await kill(data_dir)
            # Answered only once the server is back.
            await journal.append(Append(stream="watch", tenant="t", events=[new_event()]))
            await until_told(caplog, turn + 1)
        enough.set()
        acknowledged = await asyncio.gather(*talking)
        await journal.close()
        assert server.dsn == address
        for n, landed in enumerate(acknowledged):
            told = [(a.stream_position, a.position) for a in landed]
            assert [(e.stream_position, e.position) async for e in store.read_stream(f"s-{n}")] == told
        await store.close()
        assert (await verify(server.dsn)).whole
    assert [line.startswith("the embedded PostgreSQL died and was started again") for line in said(caplog)] == [
        True
    ] * 3
    assert not (data_dir / "postgres" / "postmaster.pid").exists()


async def test_those_who_share_a_server_start_it_once(data_dir: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING, "events.guard")
    async with (
        an_embedded_server(data_dir) as one,
        an_embedded_server(data_dir) as other,
        guarded(one),
        guarded(other),
    ):
        before = postmaster(data_dir).pid
        await kill(data_dir)
        await until_told(caplog, 1)
        pid = postmaster(data_dir).pid
        assert pid != before
        # Whoever came second found it running: it takes the gate once more, and nothing is left to do.
        assert (await one.revive(), await other.revive()) == (False, False)
        assert postmaster(data_dir).pid == pid
        assert len(said(caplog)) == 1
        store = await PostgresStore.connect(other.dsn)
        await store.close()


async def test_a_server_that_is_stopped_on_purpose_stays_so(data_dir: Path) -> None:
    server: EmbeddedPostgres = an_embedded_server(data_dir)
    await server.start()
    async with guarded(server):
        process = postmaster(data_dir)
    await server.stop()
    assert not process.is_running() or process.status() == psutil.STATUS_ZOMBIE
    assert not await server.revive()


class Doomed:
    """A server that dies as soon as it lives, and at times does not even start; counts the starts."""

    def __init__(self, lives: int, clock: "Hands") -> None:
        self._lives, self._clock = lives, clock
        self.starts: list[float] = []
        self.over = asyncio.Event()

    async def died(self) -> None:
        if len(self.starts) == self._lives:
            self.over.set()
            await asyncio.Event().wait()
        await asyncio.sleep(0)

    async def revive(self) -> bool:
        self.starts.append(self._clock.now)
        if len(self.starts) % 2:
            raise EmbeddedPostgresError("no room on the disk")
        return True


class Hands:
    """A clock that sleeping moves on, without anybody waiting."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 0.0
        self._sleep = asyncio.sleep
        monkeypatch.setattr("events.guard.asyncio.sleep", self.sleep)

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.now += seconds
        await self._sleep(0)


async def test_one_that_cannot_live_is_started_ever_more_rarely(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    clock = Hands(monkeypatch)
    server = Doomed(lives=10, clock=clock)
    async with guarded(server, clock=clock):
        await server.over.wait()
    pauses = [later - earlier for earlier, later in zip([0.0, *server.starts], server.starts, strict=False)]
    assert pauses == [0, 0.5, 1, 2, 4, 8, 16, 30, 30, 30]
    assert [record.levelname for record in caplog.records] == ["ERROR", "WARNING"] * 5
    assert "no room on the disk" in caplog.records[0].getMessage()
