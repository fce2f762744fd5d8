"""No route shows or changes one client's rows for another's key or token: every route, every credential."""

import io
import zipfile
from collections.abc import Iterator
from itertools import product

import pytest

from balto.accounts import load_counter
from balto.analysts import issue_token
from balto.app import Balto
from balto.security.access import TABLE, Access
from tests.integration.balto.door import AFAR, Client, Registered, register
from tests.integration.balto.happened import record_session

OPEN = (Access.PUBLIC, Access.HANDSHAKE, Access.REGISTRATION)
ROUTES = [(method, path) for (method, path), access in TABLE.items() if access not in OPEN]
QUERIES = ("", "codigo={code}", "session=session-b", "counter={counter}", "stream=session-session-b", "format=csv",
           "format=xlsx", "order=desc&limit=1000", "category=counter")  # fmt: skip


def paths(path: str, whose: Registered) -> Iterator[str]:
    """Give a path with every name that it may hold, all of one client's."""
    names = ("phrase_timeline", "interactions", "sessions", "counters", "clients", "latency_hourly")
    for name in names if "{name}" in path else ("",):
        identity = "session-b" if "/sessions/" in path else whose.counter_id
        filled = path.replace("{name}", name).replace("{id}", identity)
        yield filled.replace("{balcao_id}", whose.counter_id).replace("{codigo}", whose.code)


async def told(response: object) -> bytes:
    """Return all that an answer says, workbooks unpacked."""
    body: bytes = await response.read()  # type: ignore[attr-defined]
    if body[:2] != b"PK":
        return body
    with zipfile.ZipFile(io.BytesIO(body)) as book:
        return b"".join(book.read(name) for name in book.namelist())


async def test_no_route_tells_or_changes_anything_of_another_client(client: Client, balto: Balto) -> None:
    mine = await register(client, name="meu balcão")
    theirs = await register(client, "outra@farmacia.example", name="balcão alheio")
    await record_session(balto, "session-a", tenant=mine.code, counter_id=mine.counter_id, text="minha frase")
    await record_session(balto, "session-b", tenant=theirs.code, counter_id=theirs.counter_id, text="frase alheia")
    marks = [mark.encode() for mark in (theirs.code, theirs.counter_id, "session-b", "alhei")]
    _, token = await issue_token(balto.library.store, mine.code, "")
    before = await load_counter(balto.library.store, theirs.counter_id)
    seen = 0
    for credential, (method, path) in product((mine.key, token), ROUTES):
        headers = {**AFAR, "Authorization": f"Bearer {credential}"}
        queries = QUERIES if path.startswith("/api/v1/") or "export" in path else ("",)
        for url, query in product(paths(path, theirs), queries):
            asked = query.format(code=theirs.code, counter=theirs.counter_id)
            body = {"threshold_multiplier": 9.0} if method == "PUT" else {"texto": "tenho dor"}
            response = await client.request(
                method, f"{url}?{asked}", headers=headers, json=None if method == "GET" else body
            )
            answer = await told(response)
            assert not [mark for mark in marks if mark in answer], (credential[:3], method, url, asked)
            seen += response.status == 200
    assert seen > 20
    assert await load_counter(balto.library.store, theirs.counter_id) == before


@pytest.mark.parametrize("kind", ["key", "token"])
async def test_what_is_ones_own_is_shown(client: Client, balto: Balto, kind: str) -> None:
    mine = await register(client)
    await record_session(balto, "session-a", tenant=mine.code, counter_id=mine.counter_id)
    _, token = await issue_token(balto.library.store, mine.code, "")
    own = {"key": f"/api/data/balcao/{mine.counter_id}/metricas", "token": "/api/v1/projections/sessions"}[kind]
    headers = {**AFAR, "Authorization": f"Bearer {mine.key if kind == 'key' else token}"}
    response = await client.get(own, headers=headers)
    assert response.status == 200
    assert "session-a" in await response.text()
