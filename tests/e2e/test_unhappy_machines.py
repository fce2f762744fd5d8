"""A machine in trouble: nothing acknowledged is lost, one line says what to do, and all goes on when it is well."""

import asyncio
import contextlib
import signal
import socket
import tempfile
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import asyncpg
import psutil
import pytest
from pydantic import SecretStr

from actors.runtime.clock import SystemClock
from actors.stt.elevenlabs import ElevenLabsTranscriber
from balto.accounts import register_client, register_counter
from balto.preferences import change_terms
from balto.web.http import ADMIN_DOOR
from balto.web.server import build_app
from balto.web.wire import CloseCode
from benchmarks.store.mortal import Disk
from events.catalogue import AudioReceived, PhraseCaptured, RecommendationSent, TranscriptionReceived
from events.embedded import EmbeddedPostgres
from events.envelope import RecordedEvent
from events.guard import guarded
from tests.e2e.conftest import END, House, Open, converse, of_type
from tests.e2e.counting import Line, line
from tests.fakes import ScriptedTranscriber
from tests.postgres import _run, an_embedded_server
from tests.recordings import conversation

PCM = conversation("dor_de_cabeca", "tosse", "dor_de_cabeca")
DATA = PCM.tobytes()
_DISK_MB = 160
_SMALL = {"max_wal_size": "32MB", "min_wal_size": "32MB", "max_connections": "60"}


@dataclass
class Machine:
    """A database server of a test's own, whose processes and disk may come to grief."""

    server: EmbeddedPostgres
    folder: Path
    disk: Disk

    def processes(self) -> list[psutil.Process]:
        pid = int((self.folder / "postgres" / "postmaster.pid").read_text().splitlines()[0])
        return [psutil.Process(pid), *psutil.Process(pid).children(recursive=True)]

    def signal(self, number: signal.Signals) -> None:
        for process in self.processes():
            with contextlib.suppress(psutil.NoSuchProcess):
                process.send_signal(number)


@pytest.fixture(scope="module")
def machine() -> Iterator[Machine]:
    with tempfile.TemporaryDirectory(prefix="balto-unhappy-") as name:
        Path(name).chmod(0o755)  # the server's user must get in where tests run as root
        place = Path(name) / "disk"
        place.mkdir()
        disk = Disk(place, _DISK_MB)
        server = an_embedded_server(place / "data", _SMALL)
        try:
            _run(server.start())
            try:
                yield Machine(server, place / "data", disk)
            finally:
                _run(server.stop())
        finally:
            disk.close()


@pytest.fixture
async def database(machine: Machine) -> str:
    name = f"test_{uuid4().hex}"
    connection = await asyncpg.connect(machine.server.dsn)
    try:
        await connection.execute(f"CREATE DATABASE {name}")
    finally:
        await connection.close()
    return machine.server.dsn_of(name)


def said(caplog: pytest.LogCaptureFixture, *beginnings: str) -> list[str]:
    return [r.getMessage() for r in caplog.records if r.getMessage().startswith(beginnings)]


async def until_said(caplog: pytest.LogCaptureFixture, *beginnings: str) -> str:
    async with asyncio.timeout(60):
        while not said(caplog, *beginnings):  # noqa: ASYNC110 - the log has no event of ours
            await asyncio.sleep(0.02)
    return said(caplog, *beginnings)[0]


async def assert_nothing_is_lost(house: House, one: Line) -> list[RecordedEvent]:
    assert await one.rest() == CloseCode.NORMAL
    ((*recorded,),) = await house.ended()
    assert [phrase.phrase for phrase in of_type(recorded, PhraseCaptured)] == [1, 2, 3]
    assert of_type(recorded, AudioReceived)[-1].byte_end == len(DATA)
    stream = recorded[0].stream
    assert b"".join([chunk.data async for chunk in house.balto.library.store.read_recording(stream)]) == DATA
    sent = [event.recommendation_id for event in of_type(recorded, RecommendationSent)]
    assert sent == [message["id"] for message in one.messages if message["comando"] == "recomendar"]
    return recorded


@contextlib.asynccontextmanager
async def half_way(open_house: Open, database: str) -> AsyncIterator[tuple[House, Line]]:
    """Open a house on a database of its own, with a session that has said the first half of its audio."""
    async with open_house(database_url=database) as house, line(house, data=DATA) as one:
        await one.send(0, 200_000)
        await one.until_acknowledged(150_000)
        yield house, one


async def the_other_half(one: Line) -> None:
    await one.send(200_000, len(DATA))
    await one.ws.send_str(END)


async def test_a_database_that_hangs_is_waited_for_and_told_of_once(
    open_house: Open,
    machine: Machine,
    database: str,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with half_way(open_house, database) as (house, one):
        machine.signal(signal.SIGSTOP)
        try:
            monkeypatch.setattr("events.absence.LATE_S", 0.3)
            await the_other_half(one)
            told = await until_said(caplog, "the database does not answer")
            await asyncio.sleep(0.5)
        finally:
            # A database that is merely slow is none of those that are told of here.
            monkeypatch.setattr("events.absence.LATE_S", 600.0)
            machine.signal(signal.SIGCONT)
        await assert_nothing_is_lost(house, one)
    assert "see that PostgreSQL runs, is not stopped, and is reached from here" in told
    assert len(said(caplog, "the database does not answer")) == 1
    assert len(said(caplog, "the database answers again after")) == 1


async def test_a_database_that_is_killed_is_started_again_under_a_session(
    open_house: Open, machine: Machine, database: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with half_way(open_house, database) as (house, one), guarded(machine.server):
        machine.processes()[0].kill()
        await the_other_half(one)
        await until_said(caplog, "the embedded PostgreSQL died and was started again")
        await assert_nothing_is_lost(house, one)


async def test_a_full_disk_is_named_and_what_is_said_waits_for_room(
    open_house: Open,
    machine: Machine,
    database: str,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if machine.disk.why_not is not None:
        pytest.skip(machine.disk.why_not)
    async with half_way(open_house, database) as (house, one), guarded(machine.server):
        await asyncio.to_thread(machine.disk.fill)
        try:
            monkeypatch.setattr("events.absence.LATE_S", 0.3)
            await the_other_half(one)
            # On a slow machine, silence may be told of first.
            told = await until_said(caplog, "the database does not answer (DiskFullError)")
        finally:
            machine.disk.relieve()
        await until_said(caplog, "the database answers again")
        await assert_nothing_is_lost(house, one)
    assert ": its disk is full: make room on it" in told


async def test_a_provider_whose_connections_hang_costs_its_hedge_and_no_phrase(
    open_house: Open, caplog: pytest.LogCaptureFixture
) -> None:
    with socket.socket() as listening, contextlib.ExitStack() as stack:
        listening.bind(("127.0.0.1", 0))
        listening.listen(0)
        # Whoever comes once the queue is full is not even refused.
        for _ in range(3):
            full = stack.enter_context(socket.socket())
            full.setblocking(False)
            full.connect_ex(listening.getsockname())
        hole = ElevenLabsTranscriber("chave", "scribe_v2", f"http://127.0.0.1:{listening.getsockname()[1]}", 0.264)
        backup = ScriptedTranscriber("estou com dor de cabeça", provider="backup")
        async with open_house(hole, backup, stt_hedge_s=0.1) as house:
            for number in range(1, 3):
                answer = await converse(house, DATA, protocol=2)
                assert len(answer.of("recomendar")) >= 1
                recorded = (await house.ended(number))[-1]
                heard = of_type(recorded, TranscriptionReceived)
                assert {event.provider for event in heard} == {"backup"}
                assert {event.phrase for event in heard} == {e.phrase for e in of_type(recorded, PhraseCaptured)}
    assert [line for line in said(caplog, "elevenlabs") if "is left alone (" in line]


class JumpingClock(SystemClock):
    """The machine's clock, whose time of day an operator or a time server may set."""

    jump = timedelta()

    def utc(self) -> datetime:
        return datetime.now(UTC) + self.jump


@pytest.mark.parametrize("hours", [1, -1])
async def test_a_clock_that_jumps_disturbs_nobody(
    open_house: Open, monkeypatch: pytest.MonkeyPatch, hours: int
) -> None:
    monkeypatch.setattr("balto.app.SystemClock", JumpingClock)
    monkeypatch.setattr(JumpingClock, "jump", timedelta())
    async with open_house(admin_password=SecretStr("uma senha só do teste")) as house:
        door = build_app(house.balto)[ADMIN_DOOR]
        cookie = door.issue()
        await change_terms(
            house.balto.library, house.counter_id, lambda terms: type(terms)(daily_budget_usd=5.0), clock=SystemClock()
        )
        async with line(house, data=DATA) as one:
            await one.send(0, 200_000)
            await one.until_acknowledged(150_000)
            JumpingClock.jump = timedelta(hours=hours)
            async with line(house, one) as again:
                assert again.ready["offset"] >= 150_000
                await again.send(again.ready["offset"], len(DATA))
                await again.ws.send_str(END)
                again.messages = one.messages + again.messages
                recorded = await assert_nothing_is_lost(house, again)
        elapsed = [event.elapsed_us for event in recorded]
        assert elapsed == sorted(elapsed)
        assert elapsed[-1] < 1800e6
        assert [event.stream_position for event in recorded] == list(range(1, len(recorded) + 1))
        assert door.knows(cookie)
        assert not house.balto.budgets.allowance(house.counter_id).stopped
        # Rate limits and leases go by what never jumps: who comes now is served.
        other = await register_client(house.balto.library.store, email="c@d.example", legal_name="Outra")
        _, key = await register_counter(house.balto.library.store, other, "Balcão")
        house.key = key
        assert (await converse(house, DATA, protocol=2)).close_code == CloseCode.NORMAL
