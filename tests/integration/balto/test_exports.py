"""GET /api/v1/projections/… and /api/export/xlsx: what is given, in which form, and to whom."""

import csv
import io
import zipfile

import orjson
import pytest
from pyarrow import parquet

from balto.analysts import issue_token, list_tokens, revoke_token
from balto.app import Balto
from tests.integration.balto.door import AFAR, Client, Registered, each, error_of, log_in, register
from tests.integration.balto.happened import record_session

PATH = "/api/v1/projections/phrase_timeline"


@pytest.fixture
async def shops(client: Client, balto: Balto) -> tuple[Registered, Registered]:
    """Two clients, the first with three sessions, the second with one."""
    one, other = await register(client), await register(client, "outra@farmacia.example")
    for number in range(3):
        await record_session(
            balto, f"s{number}", tenant=one.code, counter_id=one.counter_id, at_minute=number, text="dor secreta"
        )
    await record_session(balto, "alheia", tenant=other.code, counter_id=other.counter_id)
    return one, other


async def token_for(balto: Balto, shop: Registered) -> dict[str, str]:
    _, token = await issue_token(balto.library.store, shop.code, "teste")
    return {**AFAR, "Authorization": f"Bearer {token}"}


async def test_pages_of_json_hold_all_rows_once(client: Client, shops: tuple[Registered, Registered]) -> None:
    sessions, after, pages = [], None, 0
    while True:
        params = {"limit": "3"} | ({"after": after} if after else {})
        page = await (await client.get(PATH, params=params)).json()
        sessions += [row["session_id"] for row in page["rows"]]
        after, pages = page["next"], pages + 1
        if after is None:
            break
    assert (sorted(sessions), pages) == (["alheia", "s0", "s1", "s2"], 2)


async def test_every_form_is_a_file_of_the_rows_that_were_asked_for(
    client: Client, shops: tuple[Registered, Registered]
) -> None:
    params = {"codigo": shops[0].code, "since": "2026-03-02T09:31:00Z"}
    text = await client.get(PATH, params={**params, "format": "csv"})
    assert text.headers["Content-Disposition"] == 'attachment; filename="phrase_timeline_v1.csv"'
    assert [row["session_id"] for row in csv.DictReader(io.StringIO(await text.text()))] == ["s1", "s2"]
    table = await client.get(PATH, params={**params, "format": "parquet"})
    read = parquet.read_table(io.BytesIO(await table.read()))
    assert read.column("session_id").to_pylist() == ["s1", "s2"]
    sheet = await client.get(PATH, params={**params, "format": "xlsx"})
    with zipfile.ZipFile(io.BytesIO(await sheet.read())) as book:
        assert book.read("xl/worksheets/sheet1.xml").decode().count("<row ") == 3


async def test_what_has_not_changed_is_not_sent_again(
    client: Client, balto: Balto, shops: tuple[Registered, Registered]
) -> None:
    first = await client.get(PATH)
    tag = first.headers["ETag"]
    position = (await first.json())["position"]
    assert tag.startswith(f'"{position}-')
    for form in ("json", "csv", "parquet"):
        again = await client.get(PATH, params={"format": form}, headers={"If-None-Match": tag})
        assert (again.status, await again.read()) == (304, b"")
    await record_session(balto, "nova", tenant=shops[0].code, counter_id=shops[0].counter_id)
    later = await client.get(PATH, headers={"If-None-Match": tag})
    assert later.status == 200
    assert len((await later.json())["rows"]) == 5


async def test_an_analyst_gets_their_clients_rows_in_every_form_and_no_others(
    client: Client, balto: Balto, shops: tuple[Registered, Registered]
) -> None:
    headers = await token_for(balto, shops[1])
    names = [
        one["name"] for one in (await (await client.get("/api/v1/projections", headers=headers)).json())["projections"]
    ]
    assert {"phrase_timeline", "counters", "clients", "sessions"} <= set(names)
    for name in names:
        for form in ("json", "csv"):
            response = await client.get(f"/api/v1/projections/{name}", params={"format": form}, headers=headers)
            assert response.status == 200
            body = await response.text()
            assert shops[1].code in body or name not in ("clients", "counters", "sessions")
            assert not any(mark in body for mark in (shops[0].code, shops[0].counter_id, "s1"))
    book = await client.get("/api/export/xlsx", headers=headers)
    with zipfile.ZipFile(io.BytesIO(await book.read())) as opened:
        text = "".join(opened.read(name).decode() for name in opened.namelist())
    assert "alheia" in text
    assert shops[0].code not in text
    for path in (PATH, "/api/export/xlsx"):
        refused = await client.get(path, params={"codigo": shops[0].code}, headers=headers)
        assert refused.status == 403
        await error_of(refused)


async def test_a_token_opens_nothing_else_and_nothing_once_it_is_revoked(
    client: Client, balto: Balto, shops: tuple[Registered, Registered]
) -> None:
    headers = await token_for(balto, shops[0])
    for path in ("/api/v1/sessions", "/api/data/interacoes", f"/api/data/balcao/{shops[0].counter_id}/metricas"):
        assert (await client.get(path, headers=headers)).status == 403
    (token,) = await list_tokens(balto.library.store)
    assert (token.tenant, token.label) == (shops[0].code, "teste")
    assert (await client.get(PATH, headers=headers)).status == 200
    await revoke_token(balto.library.store, token.token_id)
    assert (await client.get(PATH, headers=headers)).status == 401
    assert await list_tokens(balto.library.store) == []
    assert (await client.get(PATH, headers={**AFAR, "Authorization": "Bearer bt_" + "a" * 43})).status == 401


async def test_a_counters_key_exports_nothing(client: Client, shops: tuple[Registered, Registered]) -> None:
    for path in (PATH, "/api/v1/projections", "/api/export/xlsx"):
        assert (await client.get(path, headers=shops[0].headers)).status == 403
        assert (await client.get(path, headers=AFAR)).status == 401


async def test_the_administrators_workbook_is_of_one_client_and_without_words(
    client: Client, shops: tuple[Registered, Registered]
) -> None:
    await log_in(client)
    which = await client.get("/api/export/xlsx")
    assert (which.status, await error_of(which)) == (400, "informe o codigo do cliente")
    book = await client.get("/api/export/xlsx", params={"codigo": shops[0].code})
    with zipfile.ZipFile(io.BytesIO(await book.read())) as opened:
        names = opened.read("xl/workbook.xml").decode()
        text = "".join(opened.read(name).decode() for name in opened.namelist())
    assert all(f'name="{sheet}"' in names for sheet in ("interacoes", "tempos", "voz", "sessoes", "balcoes"))
    assert "Termômetro" in text
    assert "alheia" not in text
    assert "dor secreta" not in text


@each(
    "query",
    ["format=exe", "limit=0", "limit=5001", "limit=x", "since=ontem", "after=x", "after=WyJhIl0", "until=2026-13-01"],
)
async def test_what_cannot_be_asked_is_refused(
    client: Client, shops: tuple[Registered, Registered], query: str
) -> None:
    response = await client.get(f"{PATH}?{query}")
    assert response.status == 400
    await error_of(response)


async def test_a_filter_that_a_read_model_has_no_column_for_is_refused(client: Client) -> None:
    assert (await client.get("/api/v1/projections/clients?session=s1")).status == 400
    unknown = await client.get("/api/v1/projections/keys")
    assert unknown.status == 404
    await error_of(unknown)


async def test_rows_of_a_read_model_whose_sql_has_changed_are_shown_while_it_waits_for_its_rebuild(
    client: Client, balto: Balto, shops: tuple[Registered, Registered], monkeypatch: pytest.MonkeyPatch
) -> None:
    before = await (await client.get(PATH)).json()
    projector = balto.library.projector
    await projector.pool.execute(
        "UPDATE projections.checkpoints SET definition = 'older' WHERE name = 'phrase_timeline'"
    )
    monkeypatch.setattr(projector, "_outdated", {"phrase_timeline"})
    await record_session(balto, "nova", tenant=shops[0].code, counter_id=shops[0].counter_id)
    assert await (await client.get(PATH)).json() == before
    assert {row.name: row.state for row in await projector.status()}["phrase_timeline"] == "outdated"
    await projector.catch_up()
    assert len((await (await client.get(PATH)).json())["rows"]) == len(before["rows"]) + 1


async def test_numbers_of_json_are_numbers(client: Client, shops: tuple[Registered, Registered]) -> None:
    row = orjson.loads(await (await client.get(PATH, params={"session": "s1"})).read())["rows"][0]
    assert (row["stt_ms"], row["cost_usd"], row["categories"]) == (100, 0.001, ["DOR_FEBRE_INFLAMACAO/FEBRE"])
