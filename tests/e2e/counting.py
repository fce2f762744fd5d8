"""A client that counts its bytes, for tests of what becomes of a session over several connections."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import orjson

from tests.e2e.conftest import House


class Line:
    """A client that counts its bytes, frame by frame, as a test wants it."""

    def __init__(self, ws: aiohttp.ClientWebSocketResponse, data: bytes) -> None:
        self.ws = ws
        self.data = data
        self.ready: dict[str, Any] = {}
        self.messages: list[dict[str, Any]] = []

    async def send(self, start: int, end: int) -> None:
        await self.ws.send_bytes(start.to_bytes(8) + self.data[start:end])

    async def until(self, command: str) -> dict[str, Any]:
        async with asyncio.timeout(60):
            while True:
                message: dict[str, Any] = orjson.loads(await self.ws.receive_str())
                self.messages.append(message)
                if message["comando"] == command:
                    return message

    async def until_acknowledged(self, offset: int) -> None:
        while (await self.until("ack"))["offset"] < offset:
            pass

    async def rest(self) -> int | None:
        async for frame in self.ws:
            if frame.type is aiohttp.WSMsgType.TEXT:
                self.messages.append(orjson.loads(frame.data))
        return self.ws.close_code


@contextlib.asynccontextmanager
async def line(house: House, former: Line | None = None, *, data: bytes = b"", **hello: Any) -> AsyncIterator[Line]:
    first = {"api_key": house.key, "protocol": 2, "offsets": True, **hello}
    if former is not None:
        first["resume"] = {"session": former.ready["session"], "token": former.ready["token"]}
    async with aiohttp.ClientSession() as http, http.ws_connect(house.socket_url) as ws:
        one = Line(ws, data or (former.data if former else b""))
        await ws.send_str(orjson.dumps(first).decode())
        one.ready = await one.until("ready")
        yield one


async def break_line(one: Line) -> None:
    transport = one.ws._conn.transport  # type: ignore[union-attr] # a test breaks what a client would not
    assert transport is not None
    transport.abort()


async def until_it_rests(house: House) -> None:
    async with asyncio.timeout(60):
        while house.balto.sessions.awake:  # noqa: ASYNC110 - nobody tells when an actor has left
            await asyncio.sleep(0.05)
