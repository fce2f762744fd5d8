"""Bodies of requests: what is none, too large, too late or one too many is refused in one line."""

import asyncio
from itertools import product
from typing import Any

import pytest
from aiohttp.test_utils import TestClient, TestServer

from balto.app import Balto
from balto.security.limits import Turnstile
from balto.web.http import WORKSHOP
from balto.web.server import build_app
from tests.fakes import FakeClock
from tests.integration.balto.door import Client, audio_form, error_of
from tests.recordings import silence, wav

ROUTES_WITH_JSON = ["/cadastro/cliente", "/cadastro/balcao", "/admin/login", "/api/test/analisar"]
BAD_JSON = [b"", b"{", b"nada", b"\xff\xfe", b"[" * 50_000, b'{"texto": "\\ud800", "password": "\\ud800"}', b"1e999"]


@pytest.mark.parametrize("path", ROUTES_WITH_JSON)
async def test_what_is_no_json_is_refused(client: Client, clock: FakeClock, path: str) -> None:
    for body, kind in product(BAD_JSON, ("application/json", "application/x-www-form-urlencoded")):
        clock.advance(60)
        response = await client.post(path, data=body, headers={"Content-Type": kind})
        assert response.status == 400, body[:20]
        await error_of(response)


@pytest.mark.parametrize("path", ROUTES_WITH_JSON)
async def test_a_body_of_another_kind_or_that_is_too_large_is_refused(client: Client, path: str) -> None:
    async def endless() -> Any:
        for _ in range(20):
            yield b" " * 10_000

    for body, kind, status in (
        (b"<a/>", "application/xml", 415),
        (b"--x--", "multipart/form-data; boundary=x", 415),
        (b" " * 70_000, "application/json", 413),
        (endless(), "application/json", 413),
    ):
        response = await client.post(path, data=body, headers={"Content-Type": kind})
        assert response.status == status
        await error_of(response)


async def test_a_body_that_does_not_come_is_given_up(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("balto.web.bodies._PATIENCE_S", 0.05)
    over = asyncio.Event()

    async def stuck() -> Any:
        yield b'{"texto'
        await over.wait()

    response = await client.post("/api/test/analisar", data=stuck(), headers={"Content-Type": "application/json"})
    over.set()
    assert response.status == 408
    await error_of(response)


async def test_where_all_places_for_uploads_are_taken_another_is_turned_away(
    balto: Balto, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("balto.web.workshop.Turnstile", lambda **_: Turnstile(inside=1, waiting=0))
    app = build_app(balto)
    async with TestClient(TestServer(app)) as client:
        async with app[WORKSHOP].upload():
            response = await client.post("/api/test/segmentar", data=audio_form(wav(silence(1.0))))
            assert response.status == 503
            assert "Retry-After" in response.headers
            await error_of(response)
        response = await client.post("/api/test/segmentar", data=audio_form(wav(silence(1.0))))
        assert await response.json() == {"segments": [], "total_segments": 0}
