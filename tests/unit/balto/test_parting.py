"""Who sends a frame that is not taken reads why, even if it first writes all of it; who never stops is cut off."""

import asyncio
import contextlib
import socket
import struct
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any

import pytest
from aiohttp import ClientSession, WSMsgType, web

from balto.web import parting
from balto.web.parting import PartingSocket

MOST = 1 << 16
UPGRADE = (
    b"GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: MDEyMzQ1Njc4OWFiY2RlZg==\r\n\r\n"
)


@contextlib.asynccontextmanager
async def served() -> AsyncIterator[tuple[int, asyncio.Event]]:
    """Serve sockets that read whatever comes; yields the port, and what is set when one has been left."""
    left = asyncio.Event()

    async def serve(request: web.Request) -> web.WebSocketResponse:
        ws = PartingSocket(request, max_msg_size=MOST, autoping=False, compress=False)
        await ws.prepare(request)
        while (await ws.receive()).type is not WSMsgType.ERROR:
            pass
        await ws.linger()
        left.set()
        return ws

    app = web.Application()
    app.router.add_get("/", serve)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield runner.addresses[0][1], left
    finally:
        await runner.cleanup()


def connected(port: int) -> socket.socket:
    line = socket.create_connection(("127.0.0.1", port), timeout=60)
    line.sendall(UPGRADE)
    answer = b""
    while not answer.endswith(b"\r\n\r\n"):
        answer += line.recv(1)
    return line


def head(opcode: int, length: int) -> bytes:
    """Return the head of one whole frame, whose mask changes nothing."""
    return struct.pack("!BBQ4x", 0x80 | opcode, 0xFF, length)


def told(line: socket.socket) -> tuple[int, str]:
    """Read to the end, and return what the close frame said."""
    answer = b""
    while piece := line.recv(1 << 16):
        answer += piece
    assert answer[0] == 0x88
    assert answer[1] == len(answer) - 2
    return int.from_bytes(answer[2:4]), answer[4:].decode()


def write_all_and_then_read(port: int, opcode: int, data: bytes) -> tuple[int, str]:
    with connected(port) as line:
        line.sendall(head(opcode, len(data)))
        line.sendall(data)
        return told(line)


@pytest.mark.parametrize(
    ("opcode", "data", "answer"),
    [
        (2, bytes(1 << 26), (1009, "quadro grande demais")),
        (1, b"a" * 5_000_000, (1009, "quadro grande demais")),
        (1, b"\xff" * (MOST - 1), (1007, "texto que não é UTF-8")),
        (3, bytes(5_000_000), (1002, "quadro malformado")),
    ],
    ids=["64 MiB", "text of 5 MB", "not UTF-8", "unknown kind"],
)
def test_who_writes_all_before_it_reads_still_reads_why(
    run: Callable[[Coroutine[Any, Any, None]], None],
    monkeypatch: pytest.MonkeyPatch,
    opcode: int,
    data: bytes,
    answer: tuple[int, str],
) -> None:
    monkeypatch.setattr(parting, "QUIET_S", 0.05)

    async def scenario() -> None:
        async with served() as (port, left):
            assert await asyncio.to_thread(write_all_and_then_read, port, opcode, data) == answer
            await asyncio.wait_for(left.wait(), 60)

    run(scenario())


@pytest.mark.parametrize(
    ("frame", "code"),
    [(bytes(1 << 26), 1009), ("a" * 5_000_000, 1009)],
    ids=["64 MiB", "text of 5 MB"],
)
def test_who_answers_the_close_frame_finds_the_line_open_and_the_code_kept(
    run: Callable[[Coroutine[Any, Any, None]], None], frame: bytes | str, code: int
) -> None:
    async def scenario() -> None:
        async with served() as (port, left), ClientSession() as http:
            async with http.ws_connect(f"http://127.0.0.1:{port}/", compress=0) as ws:
                await (ws.send_bytes(frame) if isinstance(frame, bytes) else ws.send_str(frame))
                assert (await ws.receive()).type is WSMsgType.CLOSE
                # What could not be answered would be told as 1006 here.
                assert ws.close_code == code
            await asyncio.wait_for(left.wait(), 60)

    run(scenario())


def test_who_sends_on_for_ever_is_cut_off_by_the_byte(
    run: Callable[[Coroutine[Any, Any, None]], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parting, "MOST_BYTES", 1 << 22)

    def pour(port: int) -> int:
        sent = 0
        with connected(port) as line, contextlib.suppress(ConnectionError):
            line.sendall(head(2, 1 << 40))
            while sent < 1 << 28:
                sent += line.send(bytes(1 << 16))
        return sent

    async def scenario() -> None:
        async with served() as (port, left):
            assert 1 << 22 < await asyncio.to_thread(pour, port) < 1 << 28
            await asyncio.wait_for(left.wait(), 60)

    run(scenario())


def test_who_never_hangs_up_is_cut_off_by_the_clock(
    run: Callable[[Coroutine[Any, Any, None]], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parting, "PATIENCE_S", 0.2)

    def trickle(port: int) -> float:
        began = time.monotonic()
        with connected(port) as line, contextlib.suppress(ConnectionError):
            line.sendall(head(2, 1 << 40))
            while time.monotonic() - began < 60:
                line.send(b"\0")
                time.sleep(0.01)
        return time.monotonic() - began

    async def scenario() -> None:
        async with served() as (port, left):
            assert await asyncio.to_thread(trickle, port) < 60
            await asyncio.wait_for(left.wait(), 60)

    run(scenario())
