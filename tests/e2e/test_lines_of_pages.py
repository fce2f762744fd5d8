"""The kit of pages on lines that die, stall or are taken, against a server that is played, and with a clock that is."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import WebSocketRoute

import balto.web
from tests.e2e.test_console import OpenWindow, chromium, open_window
from tests.e2e.test_lines import ready

__all__ = ["chromium", "open_window"]  # fixtures

pytestmark = pytest.mark.browser

KIT = Path(balto.web.__file__).with_name("static") / "balto.js"


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


async def seen(page: Any, name: str, times: int = 1) -> list[Any]:
    async with asyncio.timeout(60):
        while True:
            found = [each[1:] for each in await page.evaluate("window.seen") if each[0] == name]
            if len(found) >= times:
                return found
            await asyncio.sleep(0.02)


async def test_a_line_that_died_unseen_is_noticed_and_its_answer_told_again(
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


async def test_a_session_that_another_connection_took_is_not_taken_back(open_window: OpenWindow) -> None:
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


async def test_a_session_whose_line_was_lost_before_it_began_is_begun_again(
    open_window: OpenWindow,
) -> None:
    hellos: list[dict[str, Any]] = []
    closing = []

    def hear(line: WebSocketRoute, number: int, message: dict[str, Any]) -> None:
        hellos.append(message)
        if number == 2:
            line.send(json.dumps(ready()))
        elif number < 4:
            closing.append(asyncio.ensure_future(line.close(code={1: 1001, 3: 4002}[number], reason="não")))

    async with page_with_kit(open_window, hear) as page:
        assert await seen(page, "lost") == [[1001, "não", 1]]
        await page.clock.run_for(1_100)
        assert await seen(page, "ready") == [["s1"]]
        await page.evaluate(
            """async () => {
                const { BaltoStream } = await import("/balto.js");
                const onclosed = (code) => window.seen.push(["refused", code]);
                new BaltoStream("ws://kit.example/ws", "bk_1", { onclosed });
            }"""
        )
        assert await seen(page, "refused") == [[4002]]
    assert hellos[0] == hellos[1]
    assert "resume" not in hellos[1]


async def test_a_server_that_is_too_old_to_be_asked_is_no_error_whenever_it_says_so(
    open_window: OpenWindow,
) -> None:
    unknown = {"comando": "erro", "code": "mensagem_desconhecida", "message": "mensagem de texto não reconhecida"}
    talk = {"comando": "transcript", "frase": 1, "texto": "tosse"}
    asked = 0
    lines: list[WebSocketRoute] = []

    def hear(line: WebSocketRoute, number: int, message: dict[str, Any]) -> None:
        nonlocal asked
        lines.append(line)
        if "api_key" in message:
            line.send(json.dumps(ready()))
        elif message["tipo"] == "eco":
            asked += 1
            for each in (talk, unknown):
                line.send(json.dumps(each))

    async with page_with_kit(open_window, hear) as page:
        await seen(page, "ready")
        await page.clock.run_for(21_000)
        assert await seen(page, "message") == [[talk]]
        assert asked == 1
        lines[0].send(json.dumps(unknown))  # of which nobody knows what it answers
        assert await seen(page, "message", 2) == [[talk], [unknown]]


@pytest.mark.parametrize("goes_on", [True, False])
async def test_a_server_that_has_as_much_as_it_takes_is_given_time(open_window: OpenWindow, goes_on: bool) -> None:
    size = 1 << 20
    lines: list[WebSocketRoute] = []

    def hear(line: WebSocketRoute, number: int, message: dict[str, Any]) -> None:
        lines.append(line)
        if "api_key" in message:
            line.send(json.dumps(ready()))

    async with page_with_kit(open_window, hear) as page:
        await seen(page, "ready")
        await page.evaluate(f"window.stream.send(new Uint8Array({size}))")
        await page.clock.run_for(20_500)
        await page.clock.run_for(55_000)
        assert [each for each in await page.evaluate("window.seen") if each[0] == "lost"] == []
        if goes_on:
            lines[0].send(json.dumps({"comando": "ack", "offset": size}))
            await page.wait_for_function("window.stream.waiting === 0")
            await page.clock.run_for(25_000)
            assert [each for each in await page.evaluate("window.seen") if each[0] == "lost"] == []
        await page.clock.run_for(10_000)
        assert await seen(page, "lost") == [[1006, "", 1]]


async def test_a_clock_that_is_set_forward_ends_no_patience_and_text_is_no_audio(open_window: OpenWindow) -> None:
    lines: list[WebSocketRoute] = []

    def hear(line: WebSocketRoute, _number: int, message: dict[str, Any]) -> None:
        if "api_key" in message:
            lines.append(line)
            line.send(json.dumps(ready()))

    async with page_with_kit(open_window, hear) as page:
        await seen(page, "ready")
        for wrong in ("'texto'", "3", "[1]", "null"):
            refused = f"() => {{ try {{ stream.send({wrong}) }} catch (error) {{ return error.name }} }}"
            assert await page.evaluate(refused) == "TypeError"
        # An hour goes by with every look at the wall's clock.
        await page.evaluate("() => { const now = Date.now; let ahead = 0; Date.now = () => now() + (ahead += 36e5) }")
        await lines[0].close(code=1001, reason="")
        await seen(page, "lost")
        await page.clock.run_for(1_100)
        await seen(page, "resumed")
        assert await page.evaluate("stream.open")
