"""A server of two workers behind one port, over real sockets: what they share, and what a death leaves behind."""

import asyncio
import contextlib
import os
import signal
import time
from collections.abc import AsyncIterator, Iterator
from uuid import uuid4

import aiohttp
import asyncpg
import orjson
import psutil
import pytest

from balto.client import AudioFile, Format, LiveAudio, Recommendation, Stream, Transcript
from balto.library import master_keys
from balto.settings import Settings
from events.catalogue import CatalogueLoaded, PhraseCaptured, RecommendationSent, SessionEnded, SessionResumed
from events.embedded import EmbeddedPostgres
from events.postgres import PostgresStore
from tests.e2e.conftest import END, of_type
from tests.e2e.processes import ServerProcess, a_server, instant_ears
from tests.postgres import _run
from tests.recordings import conversation

PASSWORD = "uma senha só do teste"
PCM = conversation("dor_de_cabeca", "tosse", "dor_de_cabeca")
DATA = PCM.tobytes()


async def _create(dsn: str, name: str) -> None:
    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute(f"CREATE DATABASE {name}")
    finally:
        await connection.close()


@pytest.fixture(scope="module")
def database(postgres_server: EmbeddedPostgres) -> str:
    name = f"workers_{uuid4().hex}"
    _run(_create(postgres_server.dsn, name))
    return postgres_server.dsn_of(name)


@pytest.fixture(scope="module")
def server(database: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    settings = {
        "BALTO_DATABASE_URL": database,
        "BALTO_ADMIN_PASSWORD": PASSWORD,
        "BALTO_TRUST_LOOPBACK": "true",
        "BALTO_MAX_SESSIONS": "30",
    }
    with (
        instant_ears() as ears,
        a_server(tmp_path_factory.mktemp("workers"), "--workers", "2", **ears, **settings) as server,
    ):
        yield server


@pytest.fixture(scope="module")
def key(server: ServerProcess) -> str:
    _, made = server.ask("/cadastro/cliente", {"email": "a@b.example", "razao_social": "Farmácia"})
    code = orjson.loads(made)["codigo"]
    _, counter = server.ask("/cadastro/balcao", {"nome_balcao": "Balcão 1", "user_codigo": code})
    return str(orjson.loads(counter)["api_key"])


@pytest.fixture
async def ledger(server: ServerProcess, database: str) -> AsyncIterator[PostgresStore]:
    masters = master_keys(Settings(_env_file=None, data_dir=server.log.parent))
    store = await PostgresStore.connect(database, masters=masters)
    try:
        yield store
    finally:
        await store.close()


@contextlib.asynccontextmanager
async def silent_sessions(server: ServerProcess, key: str, count: int) -> AsyncIterator[list[int | None]]:
    """Open sessions that say nothing, and yield with what code the server closed each, None for those that it took."""
    async with aiohttp.ClientSession() as http, contextlib.AsyncExitStack() as stack:
        closed: list[int | None] = []
        sockets: list[aiohttp.ClientWebSocketResponse] = []
        for _ in range(count):
            ws = await stack.enter_async_context(http.ws_connect(f"{server.url}/ws"))
            await ws.send_str(orjson.dumps({"api_key": key, "protocol": 2, "offsets": True}).decode())
            first = await ws.receive(timeout=60)
            closed.append(first.data if first.type is aiohttp.WSMsgType.CLOSE else None)
            sockets.append(ws)
        yield closed
        for ws in sockets:
            if not ws.closed:
                await ws.send_str(END)
        for ws in sockets:
            async for _frame in ws:
                pass


def busiest(server: ServerProcess) -> str:
    """Return the name of the worker that has the most sessions."""
    figures = server.figure("balto_sessions")
    return max(figures, key=lambda labels: figures[labels]).replace('worker="', "worker ").rstrip('"')


async def recorded(ledger: PostgresStore, session: str | None) -> list:  # type: ignore[type-arg]
    async with asyncio.timeout(60):
        while True:
            events = [event async for event in ledger.read_stream(f"session-{session}")]
            if of_type(events, SessionEnded):
                return events
            await asyncio.sleep(0.05)


async def test_both_are_told_of_whichever_takes_the_request(server: ServerProcess) -> None:
    answers = {server.ask("/readyz") for _ in range(10)}
    assert answers == {(200, '{"status":"ok","workers":2,"workers_wanted":2}')}
    assert set(server.figure("balto_sessions")) == {'worker="1"', 'worker="2"'}
    assert set(server.figure("balto_resident_bytes")) == {
        'process="parent"',
        'process="local models"',
        'process="worker 1"',
        'process="worker 2"',
    }
    _, text = server.ask("/metrics")
    assert {"balto_workers_wanted 2.0", "balto_workers_alive 2.0"} <= set(text.splitlines())
    headings = [line for line in text.splitlines() if line.startswith("# TYPE")]
    assert len(headings) == len(set(headings))


async def test_whoever_logged_in_is_known_to_each_and_guesses_are_counted_together(server: ServerProcess) -> None:
    began = time.monotonic()
    password = {"password": PASSWORD}
    async with aiohttp.ClientSession() as http, http.post(f"{server.url}/admin/login", json=password) as answer:
        assert answer.status == 200
        cookie = answer.cookies["admin_token"].value
    for _ in range(8):
        # Each over a connection of its own, so that either worker may take it.
        async with (
            aiohttp.ClientSession(cookies={"admin_token": cookie}) as http,
            http.get(f"{server.url}/api/data/interacoes") as answer,
        ):
            assert answer.status == 200
    guesses = [server.ask("/admin/login", {"password": f"errada {number}"})[0] for number in range(12)]
    # Five are free, that of whoever knew it included; each twelve seconds forgive one, and are long on a slow machine.
    forgiven = int((time.monotonic() - began) / 12)
    assert guesses[:4] == [401] * 4
    assert 4 <= guesses.count(401) <= 4 + forgiven
    assert set(guesses) == {401, 429}


async def test_sessions_are_spread_and_the_limit_is_of_all_together(server: ServerProcess, key: str) -> None:
    async with silent_sessions(server, key, 34) as closed:
        assert closed.count(None) == 30
        assert closed[30:] == [4002] * 4
        figures = await asyncio.to_thread(server.figure, "balto_sessions")
        assert sum(figures.values()) == 30
        assert min(figures.values()) > 0


async def test_a_worker_that_is_killed_is_started_again_and_its_session_goes_on(
    server: ServerProcess, key: str, ledger: PostgresStore
) -> None:
    audio = LiveAudio()
    await audio.feed(DATA[: len(DATA) // 2])  # with a whole phrase in it
    stream = Stream(server.url, key, audio, format=Format("pcm_s16le", 16_000, 1), want=("transcript",))
    messages = []
    victim = ""
    async for message in stream.messages():
        messages.append(message)
        if isinstance(message, Transcript) and not victim:
            victim = await asyncio.to_thread(busiest, server)
            os.kill(server.pid_of(victim), signal.SIGKILL)
            await audio.feed(DATA[len(DATA) // 2 :])
            audio.end()
    assert victim
    assert stream.reconnections > 0
    assert stream.acknowledged == len(DATA)
    events = await recorded(ledger, stream.session)
    assert [phrase.phrase for phrase in of_type(events, PhraseCaptured)] == [1, 2, 3]
    sent = [event.recommendation_id for event in of_type(events, RecommendationSent)]
    assert sent == [message.id for message in messages if isinstance(message, Recommendation)]
    assert of_type(events, SessionResumed)
    await asyncio.to_thread(server.wait_for, rf"{victim} died and was started again")
    assert (await asyncio.to_thread(server.ask, "/readyz"))[1] == '{"status":"ok","workers":2,"workers_wanted":2}'
    told = next(line for line in server.lines() if "ended by SIGKILL" in line["event"])
    assert told["event"].startswith(victim)
    assert told["level"] == "error"


async def test_another_keeps_the_read_models_up_as_soon_as_their_keeper_is_killed(
    server: ServerProcess, database: str
) -> None:
    keepers = [line["process"] for line in server.lines() if "keeps the read models up" in line["event"]]
    os.kill(server.pid_of(keepers[-1].replace("-", " ")), signal.SIGKILL)
    told = len(keepers) + 1
    await asyncio.to_thread(server.wait_for, "(keeps the read models up)", None, told)
    _, made = server.ask("/cadastro/cliente", {"email": "c@d.example", "razao_social": "Outra"})
    code = orjson.loads(made)["codigo"]
    connection = await asyncpg.connect(database)
    try:
        async with asyncio.timeout(60):
            known = "SELECT true FROM projections.clients WHERE code = $1"
            while not await connection.fetchval(known, code):  # noqa: ASYNC110 - another process sets no event of ours
                await asyncio.sleep(0.05)
    finally:
        await connection.close()


async def test_what_all_see_in_the_baskets_file_is_on_record_once(ledger: PostgresStore) -> None:
    loaded = [event async for event in ledger.read_all(types=("CatalogueLoaded",))]
    assert len(of_type(loaded, CatalogueLoaded)) == 1


async def test_a_hang_up_renews_one_after_the_other_and_cuts_nobody_off(
    server: ServerProcess, key: str, ledger: PostgresStore
) -> None:
    before = {server.pid_of("worker 1"), server.pid_of("worker 2")}
    stream = Stream(server.url, key, AudioFile(DATA, len(PCM) / 16_000), speed=2.0)
    hung_up = False
    async for _ in stream.messages():
        if not hung_up:
            server.process.send_signal(signal.SIGHUP)
            hung_up = True
    assert stream.acknowledged == len(DATA)
    events = await recorded(ledger, stream.session)
    assert [phrase.phrase for phrase in of_type(events, PhraseCaptured)] == [1, 2, 3]
    await asyncio.to_thread(server.wait_for, "all workers are renewed")
    assert not before & {server.pid_of("worker 1"), server.pid_of("worker 2")}
    assert server.process.poll() is None


async def test_the_parents_death_takes_the_workers_along(server: ServerProcess) -> None:
    workers = [psutil.Process(server.pid_of(f"worker {number}")) for number in (1, 2)]
    server.process.kill()
    _, alive = await asyncio.to_thread(psutil.wait_procs, workers, 60)
    assert not alive
    assert any("the parent is gone" in line["event"] for line in server.lines())
