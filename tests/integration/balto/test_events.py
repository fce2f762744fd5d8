"""GET /api/v1/events: what happened, by any condition and live, without anything personal."""

import asyncio
import itertools
from typing import Any

import orjson
import pytest

from balto.analysts import issue_token, revoke_token
from balto.app import Balto
from balto.web.routes import events as routes
from events.catalogue import TranscriptionReceived
from tests.integration.balto.door import AFAR, Client, Registered, each, error_of, log_in, register
from tests.integration.balto.happened import record_session

PATH = "/api/v1/events"


@pytest.fixture
async def shops(client: Client, balto: Balto) -> tuple[Registered, Registered]:
    one, other = await register(client), await register(client, "outra@farmacia.example")
    await record_session(balto, "s1", tenant=one.code, counter_id=one.counter_id, text="palavra secreta")
    await record_session(balto, "s2", tenant=other.code, counter_id=other.counter_id)
    return one, other


async def asked(client: Client, **params: str) -> list[dict[str, Any]]:
    """Return all that a question selects, page by page."""
    found: list[dict[str, Any]] = []
    while True:
        response = await client.get(PATH, params=params)
        assert response.status == 200
        body = await response.json()
        found += body["events"]
        if body["next"] is None:
            return found
        params["upto" if params.get("order") == "desc" else "after"] = str(body["next"])


async def test_every_condition_selects(client: Client, shops: tuple[Registered, Registered]) -> None:
    everything = await asked(client, limit="7")
    assert [event["position"] for event in everything] == list(range(1, len(everything) + 1))
    assert await asked(client, limit="3", order="desc") == everything[::-1]
    for params, fits in (
        ({"session": "s1"}, lambda e: e["stream"] == "session-s1"),
        ({"stream": "session-s2"}, lambda e: e["stream"] == "session-s2"),
        ({"category": "counter"}, lambda e: e["stream"].startswith("counter-")),
        (
            {"type": "PhraseCaptured,RecommendationSent"},
            lambda e: e["type"] in ("PhraseCaptured", "RecommendationSent"),
        ),
        ({"codigo": shops[1].code}, lambda e: e["tenant"] == shops[1].code),
        ({"where": "$.latency_ms > 50"}, lambda e: e["data"].get("latency_ms", 0) > 50),
        ({"after": "3", "upto": "6"}, lambda e: 3 < e["position"] <= 6),
        ({"until": "2020-01-01"}, lambda _: False),
        ({"since": "2020-01-01", "session": "s1"}, lambda e: e["stream"] == "session-s1"),
        ({"correlation": "00000000-0000-0000-0000-000000000000"}, lambda _: False),
    ):
        assert await asked(client, **params) == [event for event in everything if fits(event)], params


async def test_nothing_personal_and_no_hash_of_a_key_is_told(
    client: Client, shops: tuple[Registered, Registered]
) -> None:
    text = await (await client.get(PATH)).text()
    assert not any(told in text for told in ("palavra secreta", "dona@farmacia.example", "key_sha256", '"text"'))


async def test_of_a_version_that_the_server_does_not_know_no_data_is_told(
    client: Client, shops: tuple[Registered, Registered], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(TranscriptionReceived, "schema_version", TranscriptionReceived.schema_version - 1)
    response = await client.get(PATH, params={"type": "TranscriptionReceived"})
    assert "palavra secreta" not in await response.text()
    assert [event["data"] for event in (await response.json())["events"]] == [{}, {}]


async def test_an_analyst_sees_their_clients_events_alone(
    client: Client, balto: Balto, shops: tuple[Registered, Registered]
) -> None:
    _, token = await issue_token(balto.library.store, shops[1].code, "")
    headers = {**AFAR, "Authorization": f"Bearer {token}"}
    events = (await (await client.get(PATH, headers=headers)).json())["events"]
    assert {event["tenant"] for event in events} == {shops[1].code}
    other = await client.get(PATH, params={"session": "s1"}, headers=headers)
    assert (await other.json())["events"] == []
    assert (await client.get(PATH, params={"codigo": shops[0].code}, headers=headers)).status == 403
    assert (await client.get(PATH, headers=shops[0].headers)).status == 403
    assert (await client.get(PATH, headers=AFAR)).status == 401


@each(
    "query",
    [
        "type=Nada", "limit=0", "limit=1001", "after=-1", "order=x", "where=%24.", "correlation=x", "since=x",
        "where=%24x+%3D%3D+1", "where=%24x+%3D%3D+1&follow=1",
        "session=a&stream=b", "follow=talvez", "follow=true&order=desc", "follow=1&until=2026-01-01", "after=1e400",
    ],
)  # fmt: skip
async def test_what_cannot_be_asked_is_refused(client: Client, query: str) -> None:
    response = await client.get(f"{PATH}?{query}")
    assert response.status == 400
    await error_of(response)


async def test_a_path_that_fails_over_an_event_is_refused_and_ends_a_stream(
    client: Client, shops: tuple[Registered, Registered]
) -> None:
    where = '$ ? (exists(@.protocol)) ? ("2026-01-01T00:00:00Z".datetime() > "2026-01-01".datetime())'
    refused = await client.get(PATH, params={"where": where})
    assert refused.status == 400
    await error_of(refused)
    async with (
        client.get(PATH, params={"where": where, "follow": "true", "after": "0"}) as response,
        asyncio.timeout(60),
    ):
        assert response.status == 200
        assert await response.content.read() == b": balto\n\n"


async def test_times_at_the_ends_of_the_calendar_bound_nothing(
    client: Client, shops: tuple[Registered, Registered]
) -> None:
    everything = await asked(client)
    for since, until in (
        ("0001-01-01", "9999-12-31"),
        ("0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-12:00"),
    ):
        assert await asked(client, since=since, until=until) == everything
        response = await client.get("/api/v1/projections/sessions", params={"since": since, "until": until})
        assert len((await response.json())["rows"]) == 2
    assert await asked(client, since="9999-12-31") == []


async def next_message(stream: Any) -> dict[str, Any]:
    async with asyncio.timeout(60):
        while True:
            lines = (await stream.readuntil(b"\n\n")).decode().splitlines()
            fields = dict(line.split(": ", 1) for line in lines if line and not line.startswith(":"))
            if fields:
                told: dict[str, Any] = orjson.loads(fields["data"])
                assert (fields["id"], fields["event"]) == (str(told["position"]), told["type"])
                return told


async def test_events_are_sent_as_they_come_and_taken_up_again_after_the_last(
    client: Client, balto: Balto, shops: tuple[Registered, Registered]
) -> None:
    await log_in(client)
    params = {"follow": "true", "type": "PhraseCaptured"}
    async with client.get(PATH, params=params) as response:
        assert response.headers["Content-Type"].startswith("text/event-stream")
        await record_session(balto, "s3", tenant=shops[0].code, counter_id=shops[0].counter_id)
        first = await next_message(response.content)
        assert first["stream"] == "session-s3"
    await record_session(balto, "s4", tenant=shops[0].code, counter_id=shops[0].counter_id)
    headers = {"Last-Event-ID": str(first["position"]), "Accept": "text/event-stream"}
    async with client.get(PATH, params={"type": "PhraseCaptured"}, headers=headers) as response:
        assert (await next_message(response.content))["stream"] == "session-s4"
    async with client.get(PATH, params={**params, "after": "0"}) as response:
        streams = [(await next_message(response.content))["stream"] for _ in range(4)]
    assert streams == ["session-s1", "session-s2", "session-s3", "session-s4"]


@pytest.mark.parametrize("pause_s", [0.02, 10.0], ids=["while events come one after another", "while nothing comes"])
async def test_a_stream_ends_soon_after_its_token_is_revoked(
    client: Client,
    balto: Balto,
    shops: tuple[Registered, Registered],
    monkeypatch: pytest.MonkeyPatch,
    pause_s: float,
) -> None:
    monkeypatch.setattr(routes, "_BEAT_S", 0.2)
    token_id, token = await issue_token(balto.library.store, shops[0].code, "")

    async def happen() -> None:
        for number in itertools.count():
            await record_session(balto, f"t{number}", tenant=shops[0].code, counter_id=shops[0].counter_id)
            await asyncio.sleep(pause_s)

    headers = {**AFAR, "Authorization": f"Bearer {token}"}
    async with client.get(PATH, params={"follow": "true"}, headers=headers) as response:
        happening = asyncio.create_task(happen())
        try:
            await next_message(response.content)
            await asyncio.sleep(0.5)
            assert not response.content.at_eof()
            await revoke_token(balto.library.store, token_id)
            async with asyncio.timeout(60):
                await response.content.read()
        finally:
            happening.cancel()
            await asyncio.gather(happening, return_exceptions=True)


async def test_a_stopping_server_lets_its_followers_go(client: Client, balto: Balto) -> None:
    async with client.get(PATH, params={"follow": "true"}) as response:
        await response.content.readuntil(b"\n\n")
        async with asyncio.timeout(60):
            await client.app.shutdown()
            assert await response.content.read() == b""
