"""Sessions outlive their connection and their process: resumed here, elsewhere, or heard to their end by nobody."""

import asyncio

import aiohttp
import asyncpg
import orjson
import pytest

from actors.vad.actor import VadActor
from balto.orphans import Orphans
from balto.web.wire import CloseCode
from events.catalogue import (
    AudioReceived,
    PhraseCaptured,
    SessionEnded,
    SessionPaused,
    SessionResumed,
)
from tests.e2e.conftest import END, House, Open, of_type
from tests.e2e.counting import Line, break_line, line
from tests.fakes import FakeClock
from tests.recordings import conversation

PCM = conversation("dor_de_cabeca", "tosse", "dor_de_cabeca")
DATA = PCM.tobytes()


async def test_a_session_goes_on_where_its_connection_broke(house: House) -> None:
    async with line(house, data=DATA) as first:
        assert first.ready["offset"] == 0
        await first.send(0, 200_000)
        await first.until_acknowledged(150_000)
        await break_line(first)
    async with line(house, first) as second:
        offset = second.ready["offset"]
        assert 150_000 <= offset <= 200_000
        await second.send(offset, len(DATA))
        await second.ws.send_str(END)
        assert await second.rest() == CloseCode.NORMAL
    ((*recorded,),) = await house.ended()
    assert len(of_type(recorded, PhraseCaptured)) == 3
    assert of_type(recorded, AudioReceived)[-1].byte_end == len(DATA)
    assert len(of_type(recorded, SessionPaused)) == 1
    assert [resumed.epoch for resumed in of_type(recorded, SessionResumed)] == [1]


async def test_bytes_that_come_twice_are_heard_once(house: House) -> None:
    async with line(house, data=DATA) as one:
        for start in range(0, len(DATA), 50_000):
            await one.send(start, min(start + 80_000, len(DATA)))
            await one.send(max(0, start - 20_000), start + 10)
        await one.ws.send_str(END)
        assert await one.rest() == CloseCode.NORMAL
    ((*recorded,),) = await house.ended()
    stream = recorded[0].stream
    kept = b"".join([chunk.data async for chunk in house.balto.library.store.read_recording(stream)])
    assert kept == DATA
    assert len(of_type(recorded, PhraseCaptured)) == 3


def tasks_named(name: str) -> list[asyncio.Task[object]]:
    return [task for task in asyncio.all_tasks() if task.get_name() == name]


async def test_a_session_whose_client_was_never_told_of_it_is_over_with_its_line(
    house: House, postgres_url: str
) -> None:
    blocker = await asyncpg.connect(postgres_url)
    async with blocker.transaction(), aiohttp.ClientSession() as http, http.ws_connect(house.socket_url) as ws:
        # Nothing becomes durable, so that nobody is told of anything.
        await blocker.execute("LOCK TABLE head IN EXCLUSIVE MODE")
        await ws.send_str(orjson.dumps({"api_key": house.key, "protocol": 2, "offsets": True}).decode())
        async with asyncio.timeout(60):
            while not tasks_named("outbox"):  # noqa: ASYNC110 - nobody tells when a session has begun
                await asyncio.sleep(0.01)
            await break_line(Line(ws, b""))
            while tasks_named("outbox"):  # noqa: ASYNC110 - nor when its line is gone
                await asyncio.sleep(0.01)
    await blocker.close()
    ((*recorded,),) = await house.ended()
    assert not of_type(recorded, SessionPaused)
    assert of_type(recorded, SessionEnded)[-1].reason == "client_left"


async def test_a_hole_is_refused_and_the_session_can_be_resumed(house: House) -> None:
    async with line(house, data=DATA) as one:
        await one.send(0, 1_000)
        await one.send(5_000, 6_000)
        assert await one.rest() == CloseCode.POLICY
    async with line(house, one) as again:
        assert again.ready["offset"] == 1_000


async def test_a_second_connection_takes_over_and_the_first_is_told(house: House) -> None:
    async with line(house, data=DATA) as first:
        await first.send(0, 100_000)
        await first.until("ack")
        async with line(house, first) as second:
            assert await first.rest() == CloseCode.TAKEN_OVER
            await second.send(second.ready["offset"], len(DATA))
            await second.ws.send_str(END)
            assert await second.rest() == CloseCode.NORMAL
    ((*recorded,),) = await house.ended()
    assert len(of_type(recorded, PhraseCaptured)) == 3


@pytest.mark.parametrize("what", ["token", "session"])
async def test_nobody_takes_up_what_is_not_theirs(house: House, what: str) -> None:
    async with line(house, data=DATA) as one:
        await one.ws.send_str(END)
        assert await one.rest() == CloseCode.NORMAL
    if what == "token":
        one.ready["token"] = "0" * 64
    if what == "session":
        one.ready["session"] = "0192f0c1-2d3e-7f40-8a5b-6c7d8e9f0a1b"
    hello = {"api_key": house.key, "protocol": 2, "offsets": True}
    resume = {"session": one.ready["session"], "token": one.ready["token"]}
    async with aiohttp.ClientSession() as http, http.ws_connect(house.socket_url) as ws:
        await ws.send_str(orjson.dumps({**hello, "resume": resume}).decode())
        closed = await ws.receive(timeout=60)
        assert (closed.data, closed.extra) == (CloseCode.POLICY, "sessão desconhecida ou encerrada")


async def test_who_missed_the_end_is_told_it(house: House) -> None:
    async with line(house, data=DATA) as one:
        await one.send(0, len(DATA))
        await one.ws.send_str(END)
        assert await one.rest() == CloseCode.NORMAL
    sent = [message["id"] for message in one.messages if message["comando"] == "recomendar"]
    hello = {"api_key": house.key, "protocol": 2, "offsets": True}
    resume = {"session": one.ready["session"], "token": one.ready["token"]}
    async with aiohttp.ClientSession() as http, http.ws_connect(house.socket_url) as ws:
        again = Line(ws, DATA)
        await ws.send_str(orjson.dumps({**hello, "resume": resume}).decode())
        assert await again.rest() == CloseCode.NORMAL
    assert [message["id"] for message in again.messages if message["comando"] == "recomendar"] == sent
    assert again.messages[-1]["comando"] == "fim"


async def test_a_session_whose_client_does_not_come_back_is_heard_to_its_end(open_house: Open) -> None:
    async with open_house(grace_s=0.1) as house:
        async with line(house, data=DATA) as one:
            await one.send(0, len(DATA) // 2)
            await one.until_acknowledged(100_000)
            await break_line(one)
        ((*recorded,),) = await house.ended()
    (ended,) = of_type(recorded, SessionEnded)
    assert ended.reason == "client_left"
    assert of_type(recorded, PhraseCaptured)


async def test_a_session_that_failed_tells_no_good_end_and_is_begun_anew(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(self: VadActor, message: object) -> None:
        raise ZeroDivisionError

    async with line(house, data=DATA) as one:
        await one.send(0, 200_000)
        await one.until_acknowledged(150_000)
        monkeypatch.setattr(VadActor, "on_receive", broken)
        for start in range(200_000, len(DATA), 3_200):
            await one.send(start, start + 3_200)
        assert await one.rest() == CloseCode.INTERNAL
    ((*recorded,),) = await house.ended()
    assert of_type(recorded, SessionEnded)[0].reason == "failed"
    resume = {"session": one.ready["session"], "token": one.ready["token"]}
    async with aiohttp.ClientSession() as http, http.ws_connect(house.socket_url) as ws:
        again = Line(ws, DATA)
        hello = {"api_key": house.key, "protocol": 2, "offsets": True, "resume": resume}
        await ws.send_str(orjson.dumps(hello).decode())
        assert await again.rest() == CloseCode.POLICY
    told = [message["comando"] for message in (*one.messages, *again.messages)]
    assert "fim" not in told
    assert again.messages[0] == {"comando": "ack", "offset": of_type(recorded, AudioReceived)[-1].byte_end}


async def test_a_stopping_server_hands_its_sessions_over(open_house: Open) -> None:
    async with open_house(client_email="other@b.example") as there:
        async with open_house() as here, line(here, data=DATA) as first:
            await first.send(0, 200_000)
            await first.until_acknowledged(150_000)
            await here.balto.sessions.drain(patience_s=10)
            assert await first.rest() == CloseCode.GOING_AWAY
        there.key = here.key
        async with line(there, first) as second:
            assert second.ready["offset"] >= 150_000
            await second.send(second.ready["offset"], len(DATA))
            await second.ws.send_str(END)
            assert await second.rest() == CloseCode.NORMAL
        ((*recorded,),) = await there.ended()
    assert [phrase.phrase for phrase in of_type(recorded, PhraseCaptured)] == [1, 2, 3]


async def test_who_sends_on_while_the_server_stops_is_told_that_and_of_no_hole(house: House, postgres_url: str) -> None:
    blocker = await asyncpg.connect(postgres_url)
    async with line(house, data=DATA) as one:
        await one.send(0, 200_000)
        await one.until_acknowledged(150_000)
        async with blocker.transaction():
            # Until it is on record that the session waits for its client, the client is told nothing.
            await blocker.execute("LOCK TABLE head IN EXCLUSIVE MODE")
            draining = asyncio.create_task(house.balto.sessions.drain(patience_s=60))
            await asyncio.sleep(0)
            for start in range(200_000, 300_000, 10_000):
                await one.send(start, start + 10_000)
            await one.ws.send_str('{"tipo": "eco"}')
            await one.until("eco")
        assert await one.rest() == CloseCode.GOING_AWAY
        await draining
    await blocker.close()
    recorded = await house.recorded(one.ready["session"])
    assert len(of_type(recorded, SessionPaused)) == 1
    assert of_type(recorded, AudioReceived)[-1].byte_end <= 200_000


async def test_an_orphan_is_adopted_and_loses_nothing_that_was_recorded(
    open_house: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_house() as here, line(here, data=DATA) as one:
        await one.send(0, 300_000)
        await one.until_acknowledged(250_000)
        stream = f"session-{one.ready['session']}"
        monkeypatch.setattr(here.balto.presence, "let_go", lambda _: None)  # a killed process lets go of all at once
        for ref in list(here.balto.sessions._region._refs.values()):
            ref.actor_stopped.set()  # as good as a killed process: not another word from it
        async with open_house(client_email="other@b.example") as there:
            clock = FakeClock()
            orphans = Orphans(
                there.balto.sessions,
                there.balto.library.projector,
                there.balto.presence,
                grace_s=0.01,
                clock=lambda: clock.now_us / 1e6,
            )
            clock.advance(1)
            assert await orphans.look() == 0  # its process still shows that it is there
            clock.advance(1)
            assert await orphans.look() == 0
            await here.balto.presence.close()
            await asyncio.sleep(0.05)
            assert await orphans.look() == 0  # seen alone for the first time
            clock.advance(1)
            assert await orphans.look() == 1
            ((*recorded,),) = await there.ended()
    assert recorded[0].stream == stream
    assert of_type(recorded, PhraseCaptured)
    assert of_type(recorded, SessionEnded)[0].reason == "client_left"
