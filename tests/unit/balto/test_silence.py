"""A client that sends nothing is asked whether it lives, then given up; one whom nobody reads is shown that we do."""

import asyncio
from typing import cast

import pytest
from aiohttp import web

from balto.web.silence import Silence
from tests.leaping import leap

STEP_S = 5.0
"""Between two looks, where the patience is of twenty seconds."""


class Socket:
    def __init__(self) -> None:
        self.pings = 0

    async def ping(self) -> None:
        self.pings += 1


@pytest.fixture
def socket() -> Socket:
    return Socket()


@pytest.fixture
async def silence(socket: Socket) -> Silence:
    leap(0.0)
    return Silence(cast(web.WebSocketResponse, socket), patience_s=4 * STEP_S)


async def pass_by(seconds: float) -> None:
    leap(seconds)
    for _ in range(10):
        await asyncio.sleep(0)


async def watch(silence: Silence) -> asyncio.Task[None]:
    watching = asyncio.create_task(silence.outlasts_patience())
    await asyncio.sleep(0)
    return watching


async def test_who_stays_silent_is_asked_once_and_then_given_up(socket: Socket, silence: Silence) -> None:
    silence.begins()
    watching = await watch(silence)
    pings = []
    for _ in range(8):
        assert not watching.done()
        await pass_by(STEP_S)
        pings.append(socket.pings)
    assert pings == [0, 0, 0, 1, 1, 1, 1, 1]
    assert watching.done()


async def test_who_speaks_up_is_not_given_up(socket: Socket, silence: Silence) -> None:
    silence.begins()
    watching = await watch(silence)
    for asked in range(1, 4):
        for _ in range(4):
            await pass_by(STEP_S)
        assert (socket.pings, watching.done()) == (asked, False)
        silence.is_broken()
        silence.begins()
    watching.cancel()


async def test_while_nobody_reads_the_client_is_not_given_up_but_shown_that_the_line_lives(
    socket: Socket, silence: Silence
) -> None:
    silence.begins()
    silence.is_broken()
    watching = await watch(silence)
    for _ in range(12):
        await pass_by(STEP_S)
    assert (socket.pings, watching.done()) == (12, False)
    watching.cancel()


async def test_time_in_which_this_process_was_away_is_no_silence_of_the_clients(
    socket: Socket, silence: Silence
) -> None:
    silence.begins()
    watching = await watch(silence)
    for _ in range(4):
        await pass_by(STEP_S)
    assert socket.pings == 1
    await pass_by(3_600)  # stopped, with the answer waiting to be read
    assert not watching.done()
    silence.stirs()
    for _ in range(3):
        await pass_by(STEP_S)
    assert (socket.pings, watching.done()) == (1, False)
    watching.cancel()
