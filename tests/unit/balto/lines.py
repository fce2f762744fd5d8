"""Connections over loopback for tests of how they are read, on both event loops."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator
from typing import cast


class Listener(asyncio.Protocol):
    _reading_paused = False
    """As the server library's has it: whether it holds the reading up itself."""

    def __init__(self) -> None:
        self.read: list[int] = []
        self.bytes = b""
        self.stirred = asyncio.Event()
        self.lost = asyncio.Event()
        self.line: asyncio.Transport

    @property
    def number(self) -> int:
        return int(self.line.get_extra_info("socket").fileno())

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.line = cast(asyncio.Transport, transport)
        self.stirred.set()

    def data_received(self, data: bytes) -> None:
        self.read.append(len(data))
        self.bytes += data
        self.stirred.set()

    def connection_lost(self, exc: Exception | None) -> None:
        self.lost.set()

    async def until(self, size: int) -> None:
        while sum(self.read) < size:
            self.stirred.clear()
            await self.stirred.wait()


@contextlib.asynccontextmanager
async def connected() -> AsyncIterator[tuple[Listener, socket.socket]]:
    loop, listener = asyncio.get_running_loop(), Listener()
    server = await loop.create_server(lambda: listener, "127.0.0.1", 0)
    with socket.create_connection(server.sockets[0].getsockname()) as client:
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        await listener.stirred.wait()
        yield listener, client
    await listener.lost.wait()
    server.close()


async def turns(count: int = 20) -> None:
    for _ in range(count):
        await asyncio.sleep(0)
