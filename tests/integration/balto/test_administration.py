"""POST /admin/login and the presets of counters."""

import dataclasses
from typing import Any

import pytest
from aiohttp.test_utils import TestClient, TestServer
from argon2 import PasswordHasher
from pydantic import SecretStr

from balto.accounts import find_counter_by_key
from balto.app import Balto
from balto.library import StartError
from balto.web.server import build_app
from tests.fakes import FakeClock
from tests.integration.balto.door import PASSWORD, Client, Registered, each, error_of, log_in, register


async def test_the_right_password_gives_a_session_that_no_script_or_other_site_gets_at(client: Client) -> None:
    response = await client.post("/admin/login", json={"password": PASSWORD})
    assert response.status == 200
    assert await response.text() == "OK"
    cookie = response.cookies["admin_token"]
    assert cookie["httponly"]
    assert cookie["samesite"] == "Strict"
    assert cookie["max-age"] == str(12 * 60 * 60)
    assert not cookie["secure"]
    assert (await client.get("/api/data/interacoes")).status == 200


async def test_by_https_the_cookie_is_secure(client: Client) -> None:
    headers = {"X-Forwarded-Proto": "https"}
    response = await client.post("/admin/login", json={"password": PASSWORD}, headers=headers)
    assert response.cookies["admin_token"]["secure"]


async def test_two_logins_give_two_sessions(client: Client) -> None:
    tokens = {
        (await client.post("/admin/login", json={"password": PASSWORD})).cookies["admin_token"].value for _ in range(2)
    }
    assert len(tokens) == 2


@pytest.mark.parametrize(
    ("body", "status"), [({"password": "errada"}, 401), ({"password": ""}, 400), ({}, 400), ({"password": 5}, 400)]
)
async def test_another_password_gives_none(client: Client, body: dict[str, Any], status: int) -> None:
    response = await client.post("/admin/login", json=body)
    assert response.status == status
    assert not response.cookies
    await error_of(response)


@pytest.mark.parametrize("password", [None, SecretStr("")])
async def test_without_a_password_nobody_gets_in(balto: Balto, password: SecretStr | None) -> None:
    async with TestClient(TestServer(build_app(_with_password(balto, password)))) as client:
        for attempt in ("admin", " ", "None"):
            assert (await client.post("/admin/login", json={"password": attempt})).status == 401


async def test_a_hashed_password_is_checked_as_such(balto: Balto) -> None:
    hashed = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash(PASSWORD)
    async with TestClient(TestServer(build_app(_with_password(balto, SecretStr(hashed))))) as client:
        assert (await client.post("/admin/login", json={"password": hashed})).status == 401
        await log_in(client)


async def test_with_a_password_that_only_looks_like_a_hash_the_server_does_not_start(balto: Balto) -> None:
    with pytest.raises(StartError, match="BALTO_ADMIN_PASSWORD"):
        build_app(_with_password(balto, SecretStr("$argon2id$quebrado")))


async def test_a_session_expires_and_a_new_one_is_needed(client: Client, clock: FakeClock) -> None:
    await log_in(client)
    clock.advance(12 * 60 * 60 - 1)
    assert (await client.get("/api/data/interacoes")).status == 200
    clock.advance(1)
    assert (await client.get("/api/data/interacoes")).status == 401


async def test_passwords_cannot_be_guessed_one_after_another(client: Client, clock: FakeClock) -> None:
    wrong = [(await client.post("/admin/login", json={"password": "errada"})).status for _ in range(6)]
    assert wrong == [401] * 5 + [429]
    assert (await client.post("/admin/login", json={"password": PASSWORD})).status == 429
    clock.advance(12)
    await log_in(client)


async def test_a_preset_is_changed_listed_and_used(client: Client, balto: Balto) -> None:
    registered = await register(client, name="Frente")
    await log_in(client)
    changed = await client.put(
        f"/api/admin/balcao/{registered.counter_id}/vad", json={"threshold_multiplier": 2, "min_energy": 200.5}
    )
    assert changed.status == 200
    listed = await client.get(f"/api/admin/client/{registered.code}/balcoes")
    assert await listed.json() == [
        {
            "balcao_id": registered.counter_id,
            "nome_balcao": "Frente",
            "threshold_multiplier": 2.0,
            "min_energy": 200.5,
        }
    ]
    counter = await find_counter_by_key(balto.library, registered.key)
    assert counter is not None
    assert counter.vad.min_energy == 200.5
    types = [r.type async for r in balto.library.store.read_stream(f"counter-{registered.counter_id}")]
    assert types == ["CounterRegistered", "CounterKeyIssued", "CounterPresetChanged"]


async def test_the_older_name_of_the_energy_is_understood(client: Client) -> None:
    registered = await register(client)
    await log_in(client)
    changed = await client.put(f"/api/admin/balcao/{registered.counter_id}/vad", json={"min_energy_threshold": 250.0})
    assert (await changed.json())["min_energy"] == 250.0


@each(
    "body",
    [
        b'{"threshold_multiplier": 0.5}',
        b'{"threshold_multiplier": 10.1}',
        b'{"min_energy": -1}',
        b'{"min_energy": 5001}',
        b'{"min_energy": NaN}',
        b'{"min_energy": "120"}',
        b'{"threshold_multiplier": true}',
        b'{"threshold_multiplier": 1e999}',
        b"[]",
    ],
)
async def test_a_preset_out_of_range_is_refused_and_not_recorded(
    client: Client, balto: Balto, counter: Registered, body: bytes
) -> None:
    before = await balto.library.store.last_position()
    response = await client.put(
        f"/api/admin/balcao/{counter.counter_id}/vad", data=body, headers={"Content-Type": "application/json"}
    )
    assert response.status == 400
    await error_of(response)
    assert await balto.library.store.last_position() == before


async def test_unknown_clients_and_counters_are_not_found(client: Client) -> None:
    await log_in(client)
    for response in (
        await client.get("/api/admin/client/000000/balcoes"),
        await client.put("/api/admin/balcao/nenhum/vad", json={}),
        await client.get("/api/data/balcao/nenhum/metricas"),
    ):
        assert response.status == 404
        await error_of(response)


def _with_password(balto: Balto, password: SecretStr | None) -> Balto:
    settings = balto.settings.model_copy(update={"admin_password": password})
    return dataclasses.replace(balto, library=dataclasses.replace(balto.library, settings=settings))
