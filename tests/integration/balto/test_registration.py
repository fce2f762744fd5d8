"""POST /cadastro/cliente and POST /cadastro/balcao."""

import dataclasses
from typing import Any

import pytest
from aiohttp.test_utils import TestClient, TestServer

from balto.accounts import counters_of, find_counter_by_key
from balto.app import Balto
from balto.cli.demo import _counter_key
from balto.web.server import build_app
from events.catalogue import CATALOGUE_STREAM
from tests.fakes import FakeClock
from tests.integration.balto.door import Client, each, error_of, log_in, register


async def test_a_client_registers_and_adds_a_counter_whose_key_works(client: Client, balto: Balto) -> None:
    made = await client.post(
        "/cadastro/cliente", json={"email": "a@b.example", "razao_social": "Farmácia A", "telefone": "11 99999-0000"}
    )
    assert made.status == 201
    body = await made.json()
    assert list(body) == ["codigo"]
    counter = await client.post(
        "/cadastro/balcao", json={"nome_balcao": "Balcão 1", "user_codigo": body["codigo"], "desconhecido": 1}
    )
    assert counter.status == 200
    answer = await counter.json()
    assert set(answer) == {"api_key", "balcao_id", "status"}
    assert answer["status"] == "registered"
    found = await find_counter_by_key(balto.library, answer["api_key"])
    assert found is not None
    assert (found.counter_id, found.code) == (answer["balcao_id"], body["codigo"])


async def test_a_second_counter_of_a_name_is_made_with_a_warning(client: Client) -> None:
    first = await register(client, name="Caixa 1")
    answers = []
    for name in ("caixa 1 ", "Caixa 2"):
        body = {"nome_balcao": name, "user_codigo": first.code}
        answers.append(await (await client.post("/cadastro/balcao", json=body)).json())
    assert answers[0]["aviso"].startswith("este cliente já tinha um balcão com este nome")
    assert answers[0]["balcao_id"] != first.counter_id
    assert "aviso" not in answers[1]


async def test_the_demonstration_takes_the_counter_that_is_there(balto: Balto) -> None:
    keys = [await _counter_key(balto.library) for _ in range(2)]
    gone, found = [await find_counter_by_key(balto.library, key) for key in keys]
    assert gone is None
    assert found is not None
    assert [counter.counter_id for counter in await counters_of(balto.library, found.code)] == [found.counter_id]


async def test_the_same_email_in_whatever_spelling_is_a_conflict(client: Client) -> None:
    await register(client, "dona@farmacia.example")
    again = await client.post(
        "/cadastro/cliente", json={"email": " DONA@Farmacia.example ", "razao_social": "Farmácia"}
    )
    assert again.status == 409
    assert await error_of(again) == "e-mail já cadastrado"


@each(
    "body",
    [
        {},
        {"email": "a@b.example"},
        {"razao_social": "A"},
        {"email": "sem arroba", "razao_social": "A"},
        {"email": "a@b.example", "razao_social": "  "},
        {"email": "a@b.example", "razao_social": "A\x00"},
        {"email": "a@b.example", "razao_social": "A" * 201},
        {"email": ["a@b.example"], "razao_social": "A"},
        {"email": "a@b.example", "razao_social": "A", "telefone": "9" * 41},
        [],
        None,
        "texto",
    ],
)
async def test_a_client_that_does_not_fit_is_refused_and_nothing_is_recorded(
    client: Client, balto: Balto, body: Any
) -> None:
    response = await client.post("/cadastro/cliente", json=body)
    assert response.status == 400
    await error_of(response)
    assert [r.stream async for r in balto.library.store.read_all()] == [CATALOGUE_STREAM]


@pytest.mark.parametrize(
    "body", [{}, {"nome_balcao": "B"}, {"user_codigo": "123456"}, {"nome_balcao": "", "user_codigo": "1"}]
)
async def test_a_counter_that_does_not_fit_is_refused(client: Client, body: Any) -> None:
    response = await client.post("/cadastro/balcao", json=body)
    assert response.status == 400
    await error_of(response)


async def test_a_code_sent_as_a_number_is_understood(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("balto.accounts.secrets.randbelow", lambda _: 123456)
    await register(client)
    response = await client.post("/cadastro/balcao", json={"nome_balcao": "B", "user_codigo": 123456})
    assert response.status == 200


async def test_a_counter_of_an_unknown_client_is_not_found(client: Client) -> None:
    response = await client.post("/cadastro/balcao", json={"nome_balcao": "B", "user_codigo": "nenhum"})
    assert response.status == 404
    assert await error_of(response) == "cliente não encontrado"


async def test_codes_cannot_be_guessed_one_after_another(client: Client, clock: FakeClock) -> None:
    registered = await register(client)
    guess = {"nome_balcao": "B", "user_codigo": "nenhum"}
    assert [(await client.post("/cadastro/balcao", json=guess)).status for _ in range(11)] == [404] * 10 + [429]
    right = {"nome_balcao": "B", "user_codigo": registered.code}
    refused = await client.post("/cadastro/balcao", json=right)
    assert refused.status == 429
    assert int(refused.headers["Retry-After"]) >= 1
    clock.advance(10)
    assert (await client.post("/cadastro/balcao", json=right)).status == 200


async def test_right_codes_cost_nothing_of_the_limit_on_guesses(client: Client) -> None:
    registered = await register(client)
    right = {"nome_balcao": "B", "user_codigo": registered.code}
    assert {(await client.post("/cadastro/balcao", json=right)).status for _ in range(15)} == {200}


async def test_registrations_are_limited(client: Client) -> None:
    statuses = [(await client.post("/cadastro/cliente", json={})).status for _ in range(101)]
    assert statuses == [400] * 100 + [429]


async def test_while_registration_is_closed_only_the_administrator_registers(balto: Balto) -> None:
    closed = balto.settings.model_copy(update={"open_registration": False})
    shut = dataclasses.replace(balto, library=dataclasses.replace(balto.library, settings=closed))
    async with TestClient(TestServer(build_app(shut))) as client:
        for path in ("/cadastro/cliente", "/cadastro/balcao"):
            refused = await client.post(path, json={"email": "a@b.example", "razao_social": "A"})
            assert refused.status == 401
            await error_of(refused)
        await log_in(client)
        await register(client)
