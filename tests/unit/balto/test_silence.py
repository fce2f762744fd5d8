"""A client that sends nothing is asked whether it lives, then given up; one whom nobody reads is shown that we do."""

import asyncio
from typing import cast

import pytest
from aiohttp import web

from balto.web.silence import Silence


class Socket:
    def __init__(self) -> None:
        self.pings = 0
        self.pinged = asyncio.Event()

    async def ping(self) -> None:
        self.pings += 1
        self.pinged.set()


def silence_on(socket: Socket) -> Silence:
    return Silence(cast(web.WebSocketResponse, socket), patience_s=0.02)


async def test_who_stays_silent_is_asked_once_and_then_given_up() -> None:
    socket = Socket()
    silence = silence_on(socket)
    silence.begins()
    began = asyncio.get_running_loop().time()
    await asyncio.wait_for(silence.outlasts_patience(), 5)
    assert asyncio.get_running_loop().time() - began >= 0.04
    assert socket.pings == 1


async def test_who_speaks_up_is_not_given_up() -> None:
    socket = Socket()
    silence = silence_on(socket)
    watching = asyncio.ensure_future(silence.outlasts_patience())
    silence.begins()
    for _ in range(3):
        await asyncio.wait_for(socket.pinged.wait(), 5)
        socket.pinged.clear()
        assert not watching.done()
        silence.is_broken()
        silence.begins()
    watching.cancel()


async def test_while_nobody_reads_the_client_is_not_given_up_but_shown_that_the_line_lives() -> None:
    socket = Socket()
    silence = silence_on(socket)
    silence.begins()
    silence.is_broken()
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(silence.outlasts_patience(), 0.15)
    assert socket.pings >= 2
