"""GET /api/data/… and /api/v1/sessions/…: what they show, and to whom."""

from datetime import timedelta

import pytest

from balto.app import Balto
from tests.integration.balto.door import AFAR, Client, each, error_of, log_in, register
from tests.integration.balto.happened import START, record_session


async def test_the_administrator_sees_the_last_fifty_interactions_the_latest_first(
    client: Client, balto: Balto
) -> None:
    registered = await register(client)
    for number in range(52):
        await record_session(
            balto,
            f"s{number}",
            tenant=registered.code,
            counter_id=registered.counter_id,
            text=f"frase {number}",
            at_minute=number,
        )
    await log_in(client)
    rows = await (await client.get("/api/data/interacoes")).json()
    assert [row["text"] for row in rows] == [f"frase {number}" for number in range(51, 1, -1)]
    assert rows[0]["categories"] == ["DOR_FEBRE_INFLAMACAO/FEBRE"]
    assert rows[0]["items"][0]["sugestao"] == "Termômetro"


async def test_interactions_can_be_asked_for_one_client(client: Client, balto: Balto) -> None:
    one = await register(client)
    other = await register(client, "outra@farmacia.example")
    await record_session(balto, "s1", tenant=one.code, counter_id=one.counter_id, text="de um")
    await record_session(balto, "s2", tenant=other.code, counter_id=other.counter_id, text="de outro")
    await log_in(client)
    rows = await (await client.get("/api/data/interacoes", params={"codigo": one.code})).json()
    assert [row["text"] for row in rows] == ["de um"]


async def test_interactions_are_for_the_administrator_alone(client: Client) -> None:
    registered = await register(client)
    assert (await client.get("/api/data/interacoes")).status == 401
    refused = await client.get("/api/data/interacoes", headers=registered.headers)
    assert refused.status == 403
    await error_of(refused)


async def test_a_counters_key_sees_the_phrases_of_that_counter_and_no_words(client: Client, balto: Balto) -> None:
    one = await register(client)
    other = await register(client, "outra@farmacia.example")
    await record_session(balto, "s1", tenant=one.code, counter_id=one.counter_id)
    await record_session(balto, "s2", tenant=other.code, counter_id=other.counter_id)
    response = await client.get(f"/api/data/balcao/{one.counter_id}/metricas", headers=one.headers)
    assert response.status == 200
    text = await response.text()
    assert "dor de cabeça" not in text
    body = await response.json()
    assert body["balcao_id"] == one.counter_id
    (row,) = body["interacoes"]
    assert (row["session_id"], row["stt_ms"], row["total_ms"], row["outcome"]) == ("s1", 100, 500, "recommended")


async def test_a_counters_key_sees_no_other_counter_and_not_even_whether_it_exists(client: Client) -> None:
    one = await register(client)
    other = await register(client, "outra@farmacia.example")
    for counter_id in (other.counter_id, "nenhum"):
        refused = await client.get(f"/api/data/balcao/{counter_id}/metricas", headers=one.headers)
        assert refused.status == 403
        await error_of(refused)


async def test_metrics_need_a_key_or_the_administrator_even_on_this_machine(client: Client) -> None:
    registered = await register(client)
    path = f"/api/data/balcao/{registered.counter_id}/metricas"
    assert (await client.get(path)).status == 401
    assert (await client.get(path, headers={"X-API-Key": registered.key})).status == 200
    await log_in(client)
    assert await (await client.get(path)).json() == {"balcao_id": registered.counter_id, "interacoes": []}


async def test_sessions_are_listed_the_latest_first(client: Client, balto: Balto) -> None:
    registered = await register(client)
    for number in range(3):
        await record_session(
            balto, f"s{number}", tenant=registered.code, counter_id=registered.counter_id, at_minute=number
        )
    await record_session(balto, "alheia", tenant="outro", counter_id="c", at_minute=9)
    found = await (await client.get("/api/v1/sessions", params={"codigo": registered.code, "limit": "2"})).json()
    assert [row["session_id"] for row in found["sessions"]] == ["s2", "s1"]
    assert len((await (await client.get("/api/v1/sessions")).json())["sessions"]) == 4


async def test_sessions_are_found_by_condition_page_by_page(client: Client, balto: Balto) -> None:
    registered = await register(client)
    for number in range(5):
        await record_session(
            balto, f"s{number}", tenant=registered.code, counter_id=registered.counter_id, at_minute=number
        )
    await record_session(balto, "alheia", tenant="outro", counter_id="c", at_minute=2)

    async def found(**params: str) -> list[str]:
        answer = await (await client.get("/api/v1/sessions", params=params)).json()
        pages = [[row["session_id"] for row in answer["sessions"]]]
        while answer["next"] is not None:
            answer = await (await client.get("/api/v1/sessions", params=params | {"before": answer["next"]})).json()
            pages.append([row["session_id"] for row in answer["sessions"]])
        return [session for page in pages for session in page]

    at = [(START + timedelta(minutes=minute)).isoformat() for minute in range(5)]
    for limit in ("1", "2", "3", "6", "500"):
        everything = await found(limit=limit)
        assert [one for one in everything if one != "alheia"] == ["s4", "s3", "s2", "s1", "s0"]
        assert len(everything) == 6
    assert await found(counter=registered.counter_id, limit="2") == ["s4", "s3", "s2", "s1", "s0"]
    assert await found(counter="c") == ["alheia"]
    assert await found(session="s3") == ["s3"]
    assert await found(since=at[1], until=at[3], codigo=registered.code) == ["s2", "s1"]
    assert len(await found(ended="open")) == len(await found(advised="true")) == 6
    assert await found(ended="client_left") == await found(before="nowhere") == []
    assert (await client.get("/api/v1/sessions", params={"since": "ontem"})).status == 400


async def test_a_timeline_shows_how_long_each_hop_took(client: Client, balto: Balto) -> None:
    await record_session(balto, "s1", tenant="t", counter_id="c")
    body = await (await client.get("/api/v1/sessions/s1/timeline")).json()
    assert body["session_id"] == "s1"
    (phrase,) = body["phrases"]
    assert (phrase["audio_ms"], phrase["stt_ms"], phrase["ws_ms"], phrase["total_ms"]) == (100, 100, 100, 500)


async def test_events_come_page_by_page_with_their_data(client: Client, balto: Balto) -> None:
    count = await record_session(balto, "s1", tenant="t", counter_id="c")
    events, after, pages = [], 0, 0
    while after is not None:
        params = {"after": str(after), "limit": "3"}
        page = await (await client.get("/api/v1/sessions/s1/events", params=params)).json()
        events += page["events"]
        after, pages = page["next"], pages + 1
    assert pages == 3
    assert [event["stream_position"] for event in events] == list(range(1, count + 1))
    assert events[0]["type"] == "SessionStarted"
    assert events[3]["data"]["text"] == "dor de cabeça"


@each("query", ["limit=0", "limit=-1", "limit=x", "limit=", "after=²", "after=1.5", "limit=" + "9" * 40])
async def test_numbers_that_are_none_are_refused(client: Client, balto: Balto, query: str) -> None:
    await record_session(balto, "s1", tenant="t", counter_id="c")
    response = await client.get(f"/api/v1/sessions/s1/events?{query}")
    assert response.status == 400
    await error_of(response)


@pytest.mark.parametrize("view", ["timeline", "biometrics", "events"])
async def test_an_unknown_session_is_not_found(client: Client, view: str) -> None:
    for name in ("nenhuma", "%00", "a" * 3000, "..%2Fcounter"):
        response = await client.get(f"/api/v1/sessions/{name}/{view}")
        assert response.status == 404, name
        await error_of(response)


@pytest.mark.parametrize("path", ["/api/v1/sessions", "/api/v1/sessions/s1/timeline", "/api/v1/sessions/s1/events"])
async def test_sessions_are_closed_to_callers_from_afar_and_to_counters(
    client: Client, balto: Balto, path: str
) -> None:
    registered = await register(client)
    await record_session(balto, "s1", tenant=registered.code, counter_id=registered.counter_id)
    assert (await client.get(path, headers=AFAR)).status == 401
    assert (await client.get(path, headers=registered.headers)).status == 403
    await log_in(client)
    assert (await client.get(path, headers=AFAR)).status == 200


async def test_who_shows_a_counters_key_acts_for_the_counter_even_on_this_machine(client: Client) -> None:
    registered = await register(client)
    assert (await client.get("/api/v1/sessions")).status == 200
    refused = await client.get("/api/v1/sessions", headers={"X-API-Key": registered.key})
    assert refused.status == 403
    await error_of(refused)
