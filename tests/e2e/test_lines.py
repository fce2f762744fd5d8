"""Both client kits on lines that die or are taken, against a server that is played: what they send again, and when."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from aiohttp import WSMsgType, web
from aiohttp.test_utils import TestServer
from playwright.async_api import WebSocketRoute

import balto.web
from balto.client import ClientError, Format, LiveAudio, Recommendation, Stream
from tests.e2e.test_command_line import balto as command
from tests.e2e.test_console import OpenWindow, chromium, open_window
from tests.recordings import conversation, wav

__all__ = ["chromium", "open_window"]  # fixtures

KIT = Path(balto.web.__file__).with_name("static") / "balto.js"
ADVICE = {"comando": "recomendar", "itens": [{"sugestao": "Chá", "explicacao": "."}], "frase": 1, "cesta": "X"}
ANSWER = {"tipo": "resposta", "id": "r1", "resultado": "aceita"}
Play = Callable[[web.WebSocketResponse, int], Awaitable[None]]


def ready(offset: int = 0) -> dict[str, Any]:
    return {"comando": "ready", "session": "s1", "token": "t", "offset": offset}


@contextlib.asynccontextmanager
async def played(play: Play) -> AsyncIterator[str]:
    """A server whose part in the conversation is `play(socket, number of the connection)`, after the handshake."""
    connections = 0

    async def converse(request: web.Request) -> web.WebSocketResponse:
        nonlocal connections
        connections += 1
        ws = web.WebSocketResponse()
        await ws.prepare(request)
        await ws.receive_json()
        await play(ws, connections)
        if not ws.closed and request.transport is not None:
            request.transport.abort()  # the line dies without a farewell
        return ws

    door = web.Application()
    door.router.add_get("/ws", converse)
    server = TestServer(door)
    await server.start_server()
    try:
        yield str(server.make_url(""))
    finally:
        await server.close()


async def test_an_answer_that_went_into_a_dead_line_is_told_again_after_the_resume() -> None:
    told: list[dict[str, Any]] = []
    audio = LiveAudio()

    async def play(ws: web.WebSocketResponse, number: int) -> None:
        await ws.send_json(ready())
        if number == 1:
            await ws.send_json({**ADVICE, "id": "r1"})
            await ws.receive_str()  # the answer, which nobody hears
            return  # and with it the line
        async for frame in ws:
            if frame.type is WSMsgType.TEXT and json.loads(frame.data)["tipo"] == "resposta":
                told.append(json.loads(frame.data))
                audio.end()
            elif frame.type is WSMsgType.TEXT:
                await ws.send_json({"comando": "fim", "frases": 1, "recomendacoes": 1})
                await ws.close()

    async with played(play) as url:
        stream = Stream(url, "bk_1", audio, format=Format("pcm_s16le"))
        async for message in stream.messages():
            if isinstance(message, Recommendation):
                await stream.answer(message.id, "aceita")
    assert told == [ANSWER]


async def test_a_session_that_another_connection_took_is_not_taken_back() -> None:
    connections = 0

    async def play(ws: web.WebSocketResponse, number: int) -> None:
        nonlocal connections
        connections = number
        await ws.send_json(ready())
        await ws.close(code=4003, message="outra conexão assumiu esta sessão".encode())

    async with played(play) as url:
        with pytest.raises(ClientError, match="4003") as raised:
            async for _ in Stream(url, "bk_1", LiveAudio(), format=Format("pcm_s16le")).messages():
                pass
    assert (raised.value.code, raised.value.reason) == (4003, "outra conexão assumiu esta sessão")
    assert connections == 1


@contextlib.asynccontextmanager
async def page_with_kit(
    open_window: OpenWindow, hear: Callable[[WebSocketRoute, int, dict[str, Any]], None]
) -> AsyncIterator[Any]:
    """A page that has the kit, and whose server is `hear(line, number of the connection, text frame)`."""
    lines: list[WebSocketRoute] = []

    def between(line: WebSocketRoute) -> None:
        lines.append(line)
        number = len(lines)
        line.on_message(lambda text: hear(line, number, json.loads(text)) if isinstance(text, str) else None)

    async with open_window() as window:
        page = window.page
        await page.clock.install()
        await page.route("http://kit.example/", lambda route: route.fulfill(body="", content_type="text/html"))
        await page.route("**/balto.js", lambda route: route.fulfill(path=KIT, content_type="text/javascript"))
        await page.route_web_socket("**/ws", between)
        await page.goto("http://kit.example/")
        await page.evaluate(
            """async () => {
                const { BaltoStream } = await import("/balto.js");
                window.seen = [];
                const tell = (name) => (...words) => window.seen.push([name, ...words]);
                const on = ["ready", "message", "lost", "resumed", "closed"];
                const told = Object.fromEntries(on.map((name) => [`on${name}`, tell(name)]));
                window.stream = new BaltoStream("ws://kit.example/ws", "bk_1", told);
            }"""
        )
        yield page


async def seen(page: Any, name: str) -> list[Any]:
    async with asyncio.timeout(20):
        while True:
            found = [each[1:] for each in await page.evaluate("window.seen") if each[0] == name]
            if found:
                return found
            await asyncio.sleep(0.02)


@pytest.mark.browser
async def test_in_a_browser_a_line_that_died_unseen_is_noticed_and_its_answer_told_again(
    open_window: OpenWindow,
) -> None:
    heard: list[tuple[int, Any]] = []

    def hear(line: WebSocketRoute, number: int, message: dict[str, Any]) -> None:
        heard.append((number, message.get("tipo", "hello")))
        if "api_key" in message:
            line.send(json.dumps(ready()))
        elif number == 1 and len([each for each in heard if each == (1, "eco")]) == 1 and message["tipo"] == "eco":
            line.send('{"comando": "eco"}')

    async with page_with_kit(open_window, hear) as page:
        await seen(page, "ready")
        assert await page.evaluate("window.stream.answer('r1', 'aceita')") is True
        await page.clock.run_for(21_000)  # is asked, and answers
        await page.clock.run_for(15_000)
        assert [each for each in await page.evaluate("window.seen") if each[0] == "lost"] == []
        await page.clock.run_for(16_000)  # is asked again, and is silent
        assert await seen(page, "lost") == [[1006, "", 1]]
        await page.clock.run_for(1_100)
        await seen(page, "resumed")
        assert await page.evaluate("window.seen.filter(([name]) => name === 'message')") == []
    assert heard[:4] == [(1, "hello"), (1, "resposta"), (1, "eco"), (1, "eco")]
    assert heard[4:6] == [(2, "hello"), (2, "resposta")]


@pytest.mark.browser
async def test_in_a_browser_a_session_that_another_connection_took_is_not_taken_back(open_window: OpenWindow) -> None:
    lines, closing = 0, []

    def hear(line: WebSocketRoute, number: int, message: dict[str, Any]) -> None:
        nonlocal lines
        lines = number
        if "api_key" in message:
            line.send(json.dumps(ready()))
            closing.append(asyncio.ensure_future(line.close(code=4003, reason="outra conexão")))

    async with page_with_kit(open_window, hear) as page:
        assert await seen(page, "closed") == [[4003, "outra conexão"]]
        await page.clock.run_for(60_000)
    assert lines == 1


async def test_why_a_stream_was_refused_is_told_in_the_servers_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def play(ws: web.WebSocketResponse, _: int) -> None:
        await ws.close(code=1008, message="sessão desconhecida ou encerrada".encode())

    monkeypatch.chdir(tmp_path)
    (tmp_path / "said.wav").write_bytes(wav(conversation("tosse")))
    async with played(play) as url:
        result = await command("stream", "said.wav", "--url", url, "--key", "bk_1", "--fast")
    assert (result.exit_code, result.stderr.splitlines()[-1]) == (
        1,
        "balto: the server ended the session: it refused what it was sent: sessão desconhecida ou encerrada (1008)",
    )
