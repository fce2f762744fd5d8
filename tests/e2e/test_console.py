"""The console in a real browser: what the people at a counter see, and what their clicks record."""

import asyncio
import contextlib
import os
import shutil
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import pytest
from playwright.async_api import Page, WebSocketRoute, async_playwright, expect
from yarl import URL

from balto.web.routes.console import file_names
from events.catalogue import AudioReceived, RecommendationAnswered, SessionEnded, SessionResumed
from tests.e2e.conftest import House, Open, converse, of_type
from tests.fakes import ScriptedTranscriber
from tests.recordings import conversation, wav

PATIENCE_MS = 60_000
QUIET = (
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--use-fake-ui-for-media-stream",
    "--use-fake-device-for-media-stream",
)


@dataclass
class Window:
    """A browser's page, and what went wrong or went out while it was open."""

    page: Page
    problems: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)

    def foreign(self, house: House) -> list[str]:
        """Requests to anywhere but the house."""
        home = urlsplit(house.url).netloc
        return [url for url in self.requests if urlsplit(url).scheme != "blob" and urlsplit(url).netloc != home]


OpenWindow = Callable[..., AbstractAsyncContextManager[Window]]


@pytest.fixture
def chromium() -> str:
    path = os.environ.get("BALTO_CHROMIUM") or shutil.which("chromium")
    if path is None:
        pytest.skip("no Chromium here: install Debian's chromium, or set BALTO_CHROMIUM to one")
    return path


@pytest.fixture
def open_window(chromium: str, tmp_path: Path) -> OpenWindow:
    """Opens a browser of its own, whose microphone hears two spoken phrases over and over."""
    spoken = tmp_path / "microphone.wav"
    spoken.write_bytes(wav(conversation("dor_de_cabeca", "tosse")))

    @contextlib.asynccontextmanager
    async def open_one(**options: Any) -> AsyncIterator[Window]:
        async with async_playwright() as playwright:
            context = await playwright.chromium.launch_persistent_context(
                tmp_path / "profile",
                executable_path=chromium,
                args=[*QUIET, f"--use-file-for-fake-audio-capture={spoken}"],
                chromium_sandbox=False,
                **{"viewport": {"width": 1280, "height": 900}, **options},
            )
            context.set_default_timeout(PATIENCE_MS)
            expect.set_options(timeout=PATIENCE_MS)
            window = Window(context.pages[0])
            window.page.on("pageerror", lambda error: window.problems.append(str(error)))
            window.page.on(
                "console", lambda said: window.problems.append(said.text) if said.type in {"error", "warning"} else None
            )
            window.page.on("request", lambda request: window.requests.append(request.url))
            window.page.on("websocket", lambda ws: window.requests.append(ws.url))
            try:
                yield window
            finally:
                await context.close()

    return open_one


@pytest.mark.browser
async def test_the_page_loads_in_silence_and_asks_nobody_else(house: House, open_window: OpenWindow) -> None:
    async with open_window() as window:
        await window.page.goto(house.url)
        await expect(window.page.get_by_role("heading", name="Balcão ao vivo")).to_be_visible()
        await window.page.get_by_role("link", name="Sessões").click()
        await expect(window.page.get_by_text("Nenhuma sessão ainda")).to_be_visible()
        of_the_console = {"/", *file_names()} - {"docs.css"}  # /docs has that one to itself
        assert {urlsplit(url).path.removeprefix("/console/") for url in window.requests} >= of_the_console
        assert window.foreign(house) == []
        assert window.problems == []


@pytest.mark.browser
async def test_what_the_microphone_hears_is_shown_and_an_accepted_recommendation_is_recorded(
    house: House, open_window: OpenWindow
) -> None:
    async with open_window() as window:
        page = window.page
        await page.goto(house.url)
        await page.get_by_label("Chave do balcão").fill(house.key)
        await page.get_by_role("button", name="Ouvir").click()
        await expect(page.locator("#lamp.speaking")).to_be_visible()
        await expect(page.get_by_role("log").get_by_text("estou com dor de cabeça").first).to_be_visible()
        card = page.get_by_role("article").last
        await expect(card.get_by_role("listitem").first).to_be_visible()
        advice_id = await card.get_attribute("data-id")
        await card.get_by_role("button", name="Aceita").click()
        await expect(card).to_contain_text("Aceita pelo cliente")
        await page.get_by_role("button", name="Parar").click()
        await expect(page.get_by_text("Sessão encerrada")).to_be_visible()
        assert await page.evaluate("[sessionStorage.length, localStorage.length, document.cookie]") == [1, 0, ""]
        assert window.foreign(house) == []
        assert window.problems == []
    ((*recorded,),) = await house.ended()
    answers = [a.answer for a in of_type(recorded, RecommendationAnswered) if a.recommendation_id == advice_id]
    assert answers == ["exibida", "aceita"]
    assert of_type(recorded, SessionEnded)[0].reason == "client_finished"


@pytest.mark.browser
async def test_a_file_is_streamed_and_its_rest_arrives_before_the_end(
    house: House, open_window: OpenWindow, tmp_path: Path
) -> None:
    recording = tmp_path / "balcao.wav"
    recording.write_bytes(wav(conversation("dor_de_cabeca", "tosse")))
    async with open_window() as window:
        page = window.page
        await page.goto(house.url)
        await page.get_by_label("Chave do balcão").fill(house.key)
        await page.get_by_label("Ritmo do arquivo").select_option("fast")
        async with page.expect_file_chooser() as chooser:
            await page.get_by_role("button", name="Enviar arquivo").click()
        await (await chooser.value).set_files(recording)
        await expect(page.get_by_text("Sessão encerrada: 2 frases, 2 recomendações.")).to_be_visible()
        await expect(page.get_by_role("article")).to_have_count(2)
        await page.get_by_role("link", name="Ver como foi").click()
        await expect(page.get_by_text("Frase 2", exact=True)).to_be_visible()
        assert window.problems == []


@pytest.mark.browser
async def test_a_wrong_key_is_explained_in_portuguese(house: House, open_window: OpenWindow) -> None:
    async with open_window() as window:
        await window.page.goto(house.url)
        await window.page.get_by_role("button", name="Ouvir").click()
        await expect(window.page.get_by_role("alert")).to_contain_text("Informe a chave do balcão.")
        await window.page.get_by_label("Chave do balcão").fill("bk_errada")
        await window.page.get_by_role("button", name="Ouvir").click()
        await expect(window.page.get_by_role("alert")).to_contain_text("Chave inválida.")
        await expect(window.page.get_by_role("button", name="Ouvir")).to_be_enabled()


@pytest.mark.browser
async def test_a_lost_connection_is_taken_up_again_with_what_was_shown_kept(
    house: House, open_window: OpenWindow
) -> None:
    lines, read = list[WebSocketRoute](), asyncio.Event()

    async def between(line: WebSocketRoute) -> None:
        lines.append(line)
        if len(lines) > 1:
            await read.wait()  # what is shown meanwhile goes when the line is back
        line.connect_to_server()

    async with open_window() as window:
        page = window.page
        await page.route_web_socket("**/ws", between)
        await page.goto(house.url)
        await page.get_by_label("Chave do balcão").fill(house.key)
        await page.get_by_role("button", name="Ouvir").click()
        await expect(page.get_by_role("article").first).to_be_visible()
        await lines[0].close(code=1001, reason="servidor reiniciando")
        await expect(page.get_by_role("alert")).to_contain_text("O servidor está reiniciando. Nova tentativa em 1 s.")
        await page.get_by_role("button", name="Aceita").first.click()  # is told when the line is back
        await expect(page.get_by_text("Aceita pelo cliente")).to_be_visible()
        read.set()
        await expect(page.get_by_role("article")).to_have_count(2)
        await page.get_by_role("button", name="Parar").click()
        await expect(page.get_by_text("Sessão encerrada")).to_be_visible()
        assert window.problems == []
    assert len(lines) == 2
    ((*recorded,),) = await house.ended()
    assert len(of_type(recorded, SessionResumed)) == 1
    assert "aceita" in [each.answer for each in of_type(recorded, RecommendationAnswered)]
    received = of_type(recorded, AudioReceived)
    assert [each.byte_start for each in received] == [0, *(each.byte_end for each in received[:-1])]


@pytest.mark.browser
async def test_a_session_shows_its_waterfall_its_voice_and_its_events(house: House, open_window: OpenWindow) -> None:
    await converse(house, conversation("dor_de_cabeca", "tosse").tobytes(), protocol=2)
    async with open_window() as window:
        page = window.page
        await page.goto(f"{house.url}/#/sessoes")
        row = page.get_by_role("row").nth(1)
        await expect(row).to_contain_text("Encerrada")
        async with aiohttp.ClientSession() as http, http.get(f"{house.url}/api/v1/sessions") as response:
            (session,) = (await response.json())["sessions"]
        assert session["counter_name"]
        await expect(row).to_contain_text(session["counter_name"])
        await row.get_by_role("link").click()
        bars = page.locator(".waterfall svg.bar")
        await expect(bars).to_have_count(2)
        for hop in ("audio", "stt", "ai1", "ai2", "ws"):
            assert await bars.first.locator(f"rect.hop-{hop}").count() == 1
        await expect(page.get_by_text("Recomendou")).to_have_count(2)
        assert await page.get_by_role("table").locator("tbody tr").count() == 2
        assert "Hz" in await page.get_by_role("table").inner_text()
        event = page.locator(".events li", has_text="RecommendationSent").first
        await event.locator("summary").click()
        await expect(event.locator("pre")).to_contain_text('"sugestao"')
        assert window.problems == []


@pytest.mark.browser
async def test_whoever_sits_elsewhere_logs_in_first(open_house: Open, open_window: OpenWindow) -> None:
    elsewhere = {"extra_http_headers": {"X-Forwarded-For": "203.0.113.9"}}
    async with open_house(admin_password="abre-te sésamo") as house, open_window(**elsewhere) as window:
        page = window.page
        await page.goto(f"{house.url}/#/sessoes")
        await page.get_by_label("Senha").fill("errada")
        await page.get_by_role("button", name="Entrar").click()
        await expect(page.get_by_role("alert").filter(has_text="Senha incorreta.")).to_be_visible()
        await page.get_by_label("Senha").fill("abre-te sésamo")
        await page.get_by_role("button", name="Entrar").click()
        await expect(page.get_by_text("Nenhuma sessão ainda")).to_be_visible()


@pytest.mark.browser
async def test_what_was_said_never_becomes_markup(open_house: Open, open_window: OpenWindow, tmp_path: Path) -> None:
    attack = "<img src=x onerror=document.title='tomado'> estou com dor de cabeça"
    recording = tmp_path / "balcao.wav"
    recording.write_bytes(wav(conversation("dor_de_cabeca")))
    async with open_house(ScriptedTranscriber(attack)) as house, open_window() as window:
        page = window.page
        await page.goto(house.url)
        await page.get_by_label("Chave do balcão").fill(house.key)
        await page.get_by_label("Ritmo do arquivo").select_option("fast")
        await page.locator("#file").set_input_files(recording)
        await expect(page.get_by_role("log")).to_contain_text(attack)
        assert await page.locator("#lines img").count() == 0
        refused = "() => { try { document.body.innerHTML = '<b></b>'; return false } catch { return true } }"
        assert await page.evaluate(refused)


async def test_the_page_has_a_strict_policy(house: House) -> None:
    async with aiohttp.ClientSession() as http, http.get(house.url) as response:
        policy = dict(part.split(" ", 1) for part in response.headers["Content-Security-Policy"].split("; "))
        body = await response.text()
    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == policy["style-src"] == policy["connect-src"] == "'self'"
    assert not any("unsafe" in sources for sources in policy.values())
    assert not any(mark in body for mark in ("://", "style="))
    assert response.headers["X-Content-Type-Options"] == "nosniff"


async def test_files_have_their_types_and_are_sent_again_only_if_they_changed(house: House) -> None:
    kinds = {".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml"}
    async with aiohttp.ClientSession() as http:
        for name in file_names():
            async with http.get(f"{house.url}/console/{name}") as first:
                assert first.content_type == kinds[Path(name).suffix]
                assert await first.read()
            tag = {"If-None-Match": first.headers["ETag"]}
            async with http.get(f"{house.url}/console/{name}", headers=tag) as again:
                assert (again.status, await again.read()) == (304, b"")
            async with http.get(f"{house.url}/console/{name}", headers={"If-None-Match": '"other"'}) as changed:
                assert changed.status == 200


@pytest.mark.parametrize(
    "path",
    ["../console.py", "..%2f..%2fserver.py", "%2e%2e%2fwire.py", "index.html", "", "main.js/", "MAIN.JS", "x.js"],
)
async def test_nothing_else_can_be_asked_for(house: House, path: str) -> None:
    async with (
        aiohttp.ClientSession() as http,
        http.get(URL(f"{house.url}/console/{path}", encoded=True)) as response,
    ):
        assert response.status == 404
