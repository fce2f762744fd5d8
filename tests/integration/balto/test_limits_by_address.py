"""Limits by address: whom they count, alone and behind a proxy, and whom they leave alone."""

import asyncio
import dataclasses
import ipaddress

import pytest
from aiohttp.test_utils import TestClient, TestServer

from balto.app import Balto
from balto.web.server import build_app
from tests.fakes import FakeClock
from tests.integration.balto.door import WRONG, Client, register


async def test_wrong_keys_cannot_be_tried_one_after_another(
    client: Client, clock: FakeClock, caplog: pytest.LogCaptureFixture
) -> None:
    registered = await register(client)
    path = f"/api/data/balcao/{registered.counter_id}/metricas"
    assert (await client.get(path, headers=registered.headers)).status == 200
    wrong = {"Authorization": WRONG}
    statuses = [(await client.get("/api/v1/sessions", headers=wrong)).status for _ in range(25)]
    assert statuses == [401] * 20 + [429] * 5
    assert [r.message for r in caplog.records if "unknown keys" in r.message] == [
        "many unknown keys from 127.0.0.1: its unknown keys are refused for a while"
    ]
    assert (await client.get(path, headers=registered.headers)).status == 200
    clock.advance(2)
    assert (await client.get("/api/v1/sessions", headers=wrong)).status == 401


async def test_good_keys_at_the_same_moment_are_all_let_in(client: Client) -> None:
    registered = await register(client)
    path = f"/api/data/balcao/{registered.counter_id}/metricas"
    answers = await asyncio.gather(*(client.get(path, headers=registered.headers) for _ in range(60)))
    assert [answer.status for answer in answers] == [200] * 60


async def tried(client: Client, caller: str) -> int:
    """Show a wrong key once, as a proxy passes it on."""
    headers = {"Authorization": WRONG, "X-Forwarded-For": caller}
    return (await client.get("/api/v1/sessions", headers=headers)).status


async def test_behind_a_proxy_that_nobody_named_all_callers_are_one(client: Client) -> None:
    statuses = [await tried(client, f"203.0.113.{number}") for number in range(21)]
    assert statuses == [401] * 20 + [429]


async def test_behind_a_trusted_proxy_each_caller_is_counted_alone_whatever_they_claim(balto: Balto) -> None:
    settings = balto.settings.model_copy(update={"trusted_proxies": (ipaddress.ip_network("127.0.0.0/8"),)})
    behind = dataclasses.replace(balto, library=dataclasses.replace(balto.library, settings=settings))
    async with TestClient(TestServer(build_app(behind))) as client:
        statuses = [await tried(client, f"198.51.100.{number}, 203.0.113.9") for number in range(21)]
        assert statuses == [401] * 20 + [429]
        assert await tried(client, "203.0.113.10") == 401
        for number in range(20):
            await tried(client, f"2001:db8::{number:x}")  # one network, which one caller may choose from
        assert await tried(client, "2001:db8::ffff") == 429
        # To be spoken for makes nobody a caller of this machine.
        assert (await client.get("/api/v1/sessions", headers={"X-Forwarded-For": "127.0.0.1"})).status == 401
