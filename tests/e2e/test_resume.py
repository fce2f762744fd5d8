"""Sessions outlive their connection and their process: resumed here, elsewhere, or heard to their end by nobody."""

import asyncio
import contextlib

import aiohttp
import asyncpg
import orjson
import pytest

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


async def until_paused(house: House, one: Line, times: int = 1) -> None:
    async with asyncio.timeout(20):
        while len(of_type(await house.recorded(one.ready["session"]), SessionPaused)) < times:  # noqa: ASYNC110
            await asyncio.sleep(0.02)


async def until_at_rest(house: House) -> None:
    async with asyncio.timeout(20):
        while house.balto.sessions.awake:  # noqa: ASYNC110 - nothing is set when an actor leaves
            await asyncio.sleep(0.01)


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
        closed = await ws.receive(timeout=5)
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


@pytest.mark.parametrize("idle_s", [120.0, 0.05])
async def test_an_idle_connection_is_told_as_soon_as_another_node_takes_its_session_up(
    open_house: Open, idle_s: float
) -> None:
    async with (
        open_house(idle_s=idle_s) as here,
        open_house(client_email="other@b.example") as there,
        line(here, data=DATA) as first,
    ):
        await first.send(0, 100_000)
        await first.until("ack")
        if idle_s < 1:
            await until_at_rest(here)
        there.key = here.key
        async with line(there, first):
            assert await asyncio.wait_for(first.rest(), 20) == CloseCode.TAKEN_OVER
        assert here.balto.sessions.live == 0


async def test_who_only_claims_to_have_taken_a_session_over_takes_nothing(house: House) -> None:
    async with line(house, data=DATA) as one:
        await one.send(0, 100_000)
        await one.until("ack")
        connection = await asyncpg.connect(house.balto.library.dsn)
        for claim in (one.ready["session"], "nonsense"):
            await connection.execute("SELECT pg_notify('balto_claims', $1)", claim)
        await connection.close()
        await one.send(100_000, len(DATA))
        await one.ws.send_str(END)
        assert await one.rest() == CloseCode.NORMAL
    ((*recorded,),) = await house.ended()
    assert of_type(recorded, SessionResumed) == []


async def test_another_node_takes_a_session_up_and_the_former_owner_is_fenced_off(open_house: Open) -> None:
    async with open_house() as here, open_house(client_email="other@b.example") as there:
        here.balto.presence.on_claimed = None  # as if the notification had been lost
        async with line(here, data=DATA) as first:
            await first.send(0, 200_000)
            await first.until_acknowledged(150_000)
            there.key = here.key
            async with line(there, first) as second:
                await first.send(200_000, 300_000)
                assert await first.rest() == CloseCode.TAKEN_OVER
                await second.send(second.ready["offset"], len(DATA))
                await second.ws.send_str(END)
                assert await second.rest() == CloseCode.NORMAL
        ((*recorded,),) = await there.ended()
    captured = of_type(recorded, PhraseCaptured)
    assert [phrase.phrase for phrase in captured] == [1, 2, 3]
    stream = recorded[0].stream
    assert [r.stream_position for r in recorded] == list(range(1, len(recorded) + 1)), stream


@pytest.mark.parametrize("idle_s", [120.0, 0.05])
async def test_who_comes_back_to_a_former_owner_that_has_not_heard_of_it_is_served(
    open_house: Open, idle_s: float
) -> None:
    async with open_house(idle_s=idle_s) as here, open_house(client_email="other@b.example") as there:
        here.balto.presence.on_claimed = None  # as if the notification had been lost
        there.key = here.key
        async with line(here, data=DATA) as first:
            await first.send(0, 200_000)
            await first.until_acknowledged(150_000)
            await break_line(first)
        await until_paused(here, first)
        if idle_s < 1:
            await until_at_rest(here)
        async with line(there, first) as second:
            await break_line(second)
        await until_paused(there, second, times=2)
        assert here.balto.sessions.live == 1
        hello = {"api_key": here.key, "protocol": 2, "offsets": True}
        resume = {"session": first.ready["session"], "token": first.ready["token"]}
        codes = []
        async with asyncio.timeout(20), aiohttp.ClientSession() as http:
            while CloseCode.NORMAL not in codes:
                async with http.ws_connect(here.socket_url) as ws:
                    await ws.send_str(orjson.dumps({**hello, "resume": resume}).decode())
                    third = Line(ws, DATA)
                    with contextlib.suppress(TypeError):  # closed, instead of `ready`
                        await third.send((await third.until("ready"))["offset"], len(DATA))
                        await ws.send_str(END)
                    codes.append(await third.rest())
        # An actor that lives finds out with what it writes then, one that rests when it wakes up.
        assert codes == [*([CloseCode.TRY_AGAIN] if idle_s > 1 else []), CloseCode.NORMAL]
        ((*recorded,),) = await here.ended()
    assert [phrase.phrase for phrase in of_type(recorded, PhraseCaptured)] == [1, 2, 3]
    assert [resumed.epoch for resumed in of_type(recorded, SessionResumed)] == [1, 2]


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
