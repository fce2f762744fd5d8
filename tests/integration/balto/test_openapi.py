"""The OpenAPI document: the one checked in, of every route, true of what is answered, and no 500 follows from it."""

import asyncio
import re
import sys
from pathlib import Path
from typing import Any

import orjson
import pytest
from jsonschema_rs import validator_for
from yarl import URL

from balto.app import Balto
from balto.security.access import TABLE, Access
from balto.web.http import all_routes
from balto.web.openapi import document, written
from tests.integration.balto.door import Client, audio_form, log_in, register
from tests.integration.balto.happened import record_session
from tests.recordings import silence, wav

DOCUMENT = Path(__file__).parents[3] / "docs" / "openapi.json"


def test_what_is_checked_in_is_what_the_program_says() -> None:
    """`python -m balto.web.openapi_page` writes it anew."""
    assert DOCUMENT.read_bytes() == written(all_routes())


def test_every_route_of_the_table_of_access_is_in_it_but_the_socket() -> None:
    told = {(m.upper(), path) for path, item in document(all_routes())["paths"].items() for m in item}
    assert told == {route for route, access in TABLE.items() if access is not Access.HANDSHAKE}


def test_every_reference_leads_somewhere() -> None:
    whole = written(all_routes()).decode()
    named = set(re.findall(r'"#/components/schemas/([^"]+)"', whole))
    assert named <= set(orjson.loads(whole)["components"]["schemas"])


async def test_answers_have_the_shapes_that_it_promises(client: Client, balto: Balto) -> None:
    whole = document(all_routes())
    one = await register(client)
    await record_session(balto, "s1", tenant=one.code, counter_id=one.counter_id)
    await log_in(client)
    sound = wav(silence(0.2))
    asked: list[tuple[str, str, dict[str, Any]]] = [
        ("get", "/healthz", {}),
        ("get", "/readyz", {}),
        ("post", "/api/test/analisar", {"json": {"texto": "estou com febre"}}),
        ("post", "/api/test/segmentar", {"data": audio_form(sound)}),
        ("post", "/api/test/transcrever", {"data": audio_form(sound)}),
        ("get", "/api/data/interacoes", {}),
        ("get", "/api/data/balcao/{balcao_id}/metricas", {}),
        ("get", "/api/admin/client/{codigo}/balcoes", {}),
        ("put", "/api/admin/balcao/{id}/vad", {"json": {"min_energy": 100.0}}),
        ("get", "/api/v1/sessions", {}),
        ("get", "/api/v1/sessions/{id}/timeline", {}),
        ("get", "/api/v1/sessions/{id}/biometrics", {}),
        ("get", "/api/v1/sessions/{id}/events", {}),
        ("get", "/api/v1/events", {}),
        ("get", "/api/v1/projections", {}),
        ("get", "/api/v1/projections/{name}", {}),
    ]
    for method, path, what in asked:
        session = "s1" if "sessions" in path else one.counter_id
        names = {"{balcao_id}": one.counter_id, "{codigo}": one.code, "{name}": "phrase_timeline", "{id}": session}
        url = path
        for name, value in names.items():
            url = url.replace(name, value)
        response = await client.request(method, url, **what)
        (status, *_) = whole["paths"][path][method]["responses"]
        assert response.status == int(status), path
        schema = whole["paths"][path][method]["responses"][status]["content"]["application/json"]["schema"]
        fits = validator_for({**schema, "components": whole["components"]})
        flaws = [error.message for error in fits.iter_errors(await response.json())]
        assert flaws == [], path


async def test_the_page_for_people_names_every_route_and_asks_for_nothing_from_elsewhere(client: Client) -> None:
    response = await client.get("/docs")
    text = await response.text()
    assert all(path in text for path in document(all_routes())["paths"])
    assert re.findall(r'(?:src|href)="(?!/|#)[^"]*"', text) == []
    assert (await client.get("/console/docs.css")).status == 200
    assert (await (await client.get("/api/v1/openapi.json")).read()) == DOCUMENT.read_bytes()


async def test_no_input_that_fits_or_misfits_the_document_brings_a_server_error(
    client: Client, balto: Balto, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Each example is to reach its handler; what never ends is no example.
    monkeypatch.setattr("balto.security.limits.RateLimiter.take", lambda *_: 0.0)
    whole = document(all_routes())
    events = whole["paths"]["/api/v1/events"]["get"]
    events["parameters"] = [one for one in events["parameters"] if one["name"] != "follow"]
    one = await register(client)
    await record_session(balto, "s1", tenant=one.code, counter_id=one.counter_id)
    await log_in(client)
    for path, item in whole["paths"].items():
        for parameter in (
            p for operation in item.values() for p in operation.get("parameters", []) if p["in"] == "path"
        ):
            real = ["s1" if "sessions" in path else one.counter_id, one.code, "phrase_timeline", "docs.css"]
            parameter["schema"] = {"anyOf": [{"enum": real}, {"type": "string"}]}
    page = tmp_path / "openapi.json"
    page.write_bytes(orjson.dumps(whole))
    cookie = client.session.cookie_jar.filter_cookies(URL(str(client.make_url("/"))))["admin_token"].value
    process = await asyncio.create_subprocess_exec(
        str(Path(sys.executable).with_name("schemathesis")),
        *("run", str(page), "--url", str(client.make_url("")), "--header", f"Cookie: admin_token={cookie}"),
        *("--checks", "not_a_server_error", "--max-examples", "4", "--seed", "1", "--phases", "coverage,fuzzing"),
        *("--mode", "all", "--generation-database", "none", "--request-timeout", "20", "--no-color"),
        cwd=tmp_path,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    told = (await process.communicate())[0].decode()
    assert process.returncode == 0, told[-6_000:]
