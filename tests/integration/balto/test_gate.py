"""The gate: the table of access covers everything, nothing answers with a traceback, nothing passes for loopback."""

import asyncio
import dataclasses
import logging

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from balto.app import Balto
from balto.security.access import TABLE, Access
from balto.web.http import unlisted_routes
from balto.web.server import build_app
from events.catalogue import CATALOGUE_STREAM
from events.store import StoreUnavailableError
from tests.integration.balto.door import AFAR, WRONG, Client, each, error_of, log_in

CLOSED = [
    route for route, access in TABLE.items() if access not in (Access.PUBLIC, Access.HANDSHAKE, Access.REGISTRATION)
]
LOCAL = (
    Access.LOOPBACK_OR_ADMIN,
    Access.LOOPBACK_OR_KEY_OR_ADMIN,
    Access.LOOPBACK_OR_TOKEN_OR_ADMIN,
    Access.LOOPBACK_OR_WATCHER_OR_ADMIN,
)


def _path(route: str) -> str:
    return (
        route.replace("{codigo}", "000000")
        .replace("{id}", "x")
        .replace("{balcao_id}", "x")
        .replace("{name}", "sessions")
    )


async def test_every_route_is_in_the_table_and_every_row_is_a_route(balto: Balto) -> None:
    app = build_app(balto)
    assert unlisted_routes(app) == []
    routes = {(route.method, route.resource.canonical) for route in app.router.routes() if route.resource}
    assert set(TABLE) <= routes


async def test_an_application_with_a_route_that_is_not_in_the_table_does_not_start(balto: Balto) -> None:
    app = build_app(balto)

    async def forgotten(_: web.Request) -> web.Response:
        return web.Response(text="secret")

    app.router.add_get("/esquecida", forgotten)
    server = TestServer(app)
    with pytest.raises(RuntimeError, match="GET /esquecida"):
        await server.start_server()
    await server.close()


async def test_a_route_that_is_not_in_the_table_is_closed_to_everyone(
    balto: Balto, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with TestClient(TestServer(build_app(balto))) as client:
        await log_in(client)
        assert (await client.get("/api/data/interacoes")).status == 200
        rows = {route: access for route, access in TABLE.items() if route != ("GET", "/api/data/interacoes")}
        monkeypatch.setattr("balto.security.access.TABLE", rows)
        refused = await client.get("/api/data/interacoes")
        assert refused.status == 403
        await error_of(refused)


@each(("method", "route"), CLOSED)
async def test_every_closed_route_is_closed_from_afar_and_to_wrong_keys(
    client: Client, method: str, route: str
) -> None:
    for headers in (AFAR, {**AFAR, "Authorization": WRONG}, {**AFAR, "Cookie": "admin_token=1.2.3"}):
        refused = await client.request(method, _path(route), headers=headers)
        assert refused.status == 401
        await error_of(refused)


@each(("method", "route"), CLOSED)
async def test_a_wrong_key_is_refused_even_on_this_machine(client: Client, method: str, route: str) -> None:
    refused = await client.request(method, _path(route), headers={"Authorization": WRONG})
    assert refused.status == 401
    assert await error_of(refused) == "chave inválida"


@each(
    "headers",
    [
        {"X-Forwarded-For": "127.0.0.1"},
        {"Forwarded": "for=127.0.0.1"},
        {"X-Real-IP": "127.0.0.1"},
        {"Via": "1.1 proxy"},
        {"Host": "balto.farmacia.example"},
        {"Origin": "https://outra.example"},
        {"Origin": "null"},
        {"Origin": "http://localhost:1"},
    ],
)
async def test_what_was_forwarded_or_asked_by_another_sites_page_does_not_sit_here(
    client: Client, headers: dict[str, str]
) -> None:
    for route in [route for route, access in TABLE.items() if access in LOCAL]:
        assert (await client.request(route[0], _path(route[1]), headers=headers)).status == 401
    body = {"texto": "bom dia"}
    assert (await client.post("/api/test/analisar", json=body, headers=headers)).status == 401


async def test_a_page_of_this_server_on_this_machine_sits_here(client: Client) -> None:
    headers = {"Origin": f"http://127.0.0.1:{client.port}"}
    assert (await client.post("/api/test/analisar", json={"texto": "bom dia"}, headers=headers)).status == 200


async def test_once_there_is_an_administrator_who_sits_here_must_log_in_too(balto: Balto) -> None:
    settings = balto.settings.model_copy(update={"trust_loopback": None})
    strict = dataclasses.replace(balto, library=dataclasses.replace(balto.library, settings=settings))
    async with TestClient(TestServer(build_app(strict))) as client:
        assert (await client.get("/api/v1/sessions")).status == 401
        await log_in(client)
        assert (await client.get("/api/v1/sessions")).status == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://outra.example"},
        {"Origin": "null"},
        {"Origin": "http://localhost:1"},
        {"Origin": "http://outra.example", "Host": "outra.example"},
    ],
)
async def test_another_sites_page_registers_nobody(client: Client, balto: Balto, headers: dict[str, str]) -> None:
    body = {"email": "a@b.example", "razao_social": "Farmácia", "nome_balcao": "B", "user_codigo": "1"}
    for path in ("/cadastro/cliente", "/cadastro/balcao"):
        assert (await client.post(path, json=body, headers=headers)).status == 403
    assert [r.stream async for r in balto.library.store.read_all()] == [CATALOGUE_STREAM]


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://balto.example", "Host": "balto.example", **AFAR},
        {"Origin": "http://localhost:8765", "Host": "localhost:8765"},
        {},
    ],
)
async def test_a_page_of_this_server_registers_even_behind_a_proxy(client: Client, headers: dict[str, str]) -> None:
    body = {"email": "a@b.example", "razao_social": "Farmácia"}
    assert (await client.post("/cadastro/cliente", json=body, headers=headers)).status == 201


async def test_a_database_that_hangs_is_not_waited_for(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    async def hang(*_: object) -> object:
        return await asyncio.get_running_loop().create_future()

    monkeypatch.setattr("events.postgres.PostgresStore.last_position", hang)
    monkeypatch.setattr("balto.web.routes.health._PATIENCE_S", 0.01)
    assert (await client.get("/readyz")).status == 503
    monkeypatch.setattr("balto.web.gate.find_counter_by_key", hang)
    monkeypatch.setattr("balto.web.gate._LOOKUP_PATIENCE_S", 0.01)
    assert (await client.get("/api/v1/sessions", headers={"Authorization": WRONG})).status == 503


@each(
    ("method", "path", "status"),
    [
        ("GET", "/nada", 404),
        ("GET", "/../../etc/passwd", 404),
        ("GET", "/cadastro/cliente", 405),
        ("DELETE", "/admin/login", 405),
        ("POST", "/healthz", 405),
        ("GET", "/ws", 400),
        ("PATCH", "/api/admin/balcao/x/vad", 405),
    ],
)
async def test_unknown_paths_and_methods_are_told_in_one_line(
    client: Client, method: str, path: str, status: int
) -> None:
    response = await client.request(method, path)
    assert response.status == status
    await error_of(response)
    assert ("Allow" in response.headers) == (status == 405)


async def test_a_fault_is_told_without_what_it_says_and_logged_without_it_too(
    client: Client, balto: Balto, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    said = "dor de " + "cabeça"

    async def fail(*_: object, **__: object) -> None:
        raise ZeroDivisionError(said)

    monkeypatch.setattr("balto.web.workshop.Workshop.advise", fail)
    with caplog.at_level(logging.ERROR):
        response = await client.post("/api/test/analisar", json={"texto": said})
    assert response.status == 500
    assert await error_of(response) == "erro interno"
    assert "ZeroDivisionError" in caplog.text
    assert said not in caplog.text


async def test_without_the_database_the_server_lives_but_is_not_ready(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert (await (await client.get("/readyz")).json())["status"] == "ok"

    async def away(_: object) -> int:
        raise StoreUnavailableError("away")

    monkeypatch.setattr("events.postgres.PostgresStore.last_position", away)
    response = await client.get("/readyz")
    assert response.status == 503
    await error_of(response)
    assert await (await client.get("/healthz")).json() == {"status": "ok"}


async def test_answers_are_not_to_be_stored_or_guessed_at(client: Client) -> None:
    response = await client.get("/api/v1/sessions")
    assert response.headers["Cache-Control"] == "no-store"
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert response.headers["Content-Type"] == "application/json; charset=utf-8"
