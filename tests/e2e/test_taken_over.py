"""Two nodes and one session: who takes it up, who is fenced off, and where its client is served meanwhile."""

import asyncio
import contextlib

import aiohttp
import asyncpg
import orjson
import pytest

from balto.web.wire import CloseCode
from events.catalogue import PhraseCaptured, SessionPaused, SessionResumed
from tests.e2e.conftest import END, House, Open, of_type
from tests.e2e.counting import Line, break_line, line, until_it_rests
from tests.recordings import conversation

PCM = conversation("dor_de_cabeca", "tosse", "dor_de_cabeca")
DATA = PCM.tobytes()


async def until_paused(house: House, one: Line, times: int = 1) -> None:
    async with asyncio.timeout(60):
        while len(of_type(await house.recorded(one.ready["session"]), SessionPaused)) < times:  # noqa: ASYNC110
            await asyncio.sleep(0.02)


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
            await until_it_rests(here)
        there.key = here.key
        async with line(there, first):
            assert await asyncio.wait_for(first.rest(), 60) == CloseCode.TAKEN_OVER
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
            await until_it_rests(here)
        async with line(there, first) as second:
            await break_line(second)
        await until_paused(there, second, times=2)
        assert here.balto.sessions.live == 1
        hello = {"api_key": here.key, "protocol": 2, "offsets": True}
        resume = {"session": first.ready["session"], "token": first.ready["token"]}
        codes = []
        async with asyncio.timeout(60), aiohttp.ClientSession() as http:
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
