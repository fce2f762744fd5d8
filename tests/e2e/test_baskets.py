"""A changed baskets file on a running server: taken up by the session under way, or refused with its place."""

import asyncio
import json
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from events.catalogue import CATALOGUE_STREAM, CatalogueLoaded, CatalogueRejected
from tests.e2e.conftest import END, House, Open
from tests.recordings import conversation

FILE: dict[str, Any] = {
    "versao": "1",
    "cestas_por_macro_micro": {},
    "vocabulario": [{"nome": "dor de cabeça", "tipo": "sintoma", "macro": "DOR_FEBRE_INFLAMACAO"}],
    "fallback_macro_default": {
        "DOR_FEBRE_INFLAMACAO": [{"sugestao": "Primeira sugestão", "explicacao": "Do primeiro arquivo."}]
    },
}


def write(path: Path, text: str) -> None:
    fresh = path.with_suffix(".new")
    fresh.write_text(text, encoding="utf-8")
    fresh.replace(path)


async def until(house: House, kind: type, number: int = 1) -> list[Any]:
    """Wait until the catalogue's stream has so many events of a kind."""
    async with asyncio.timeout(60):
        while True:
            found = [r.event async for r in house.balto.library.store.read_stream(CATALOGUE_STREAM)]
            of_kind = [event for event in found if isinstance(event, kind)]
            if len(of_kind) >= number:
                return of_kind
            await asyncio.sleep(0.02)


async def advised(ws: aiohttp.ClientWebSocketResponse) -> list[str]:
    async with asyncio.timeout(60):
        while True:
            message = json.loads(await ws.receive_str())
            if message["comando"] == "recomendar":
                return [item["sugestao"] for item in message["itens"]]


async def test_a_session_under_way_advises_from_the_new_file_from_its_next_phrase_on(
    open_house: Open, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "cestas.json"
    write(path, json.dumps(FILE))
    phrase = conversation("dor_de_cabeca").tobytes()
    async with open_house(baskets=path, baskets_poll_s=0.05, cooldown_s=0) as house:
        (first,) = await until(house, CatalogueLoaded)
        assert first.version == "1"
        async with aiohttp.ClientSession() as http, http.ws_connect(house.socket_url) as ws:
            hello = {"api_key": house.key, "protocol": 2, "audio": {"encoding": "pcm_s16le"}}
            await ws.send_str(json.dumps(hello))
            await ws.send_bytes(phrase)
            assert await advised(ws) == ["Primeira sugestão"]

            write(path, '{"versao": "2",\n "fallback_macro_default": ')
            (rejected,) = await until(house, CatalogueRejected)
            assert "line 2, column 28" in rejected.reason
            assert "line 2, column 28" in caplog.text
            await ws.send_bytes(phrase)
            assert await advised(ws) == ["Primeira sugestão"]

            write(path, json.dumps(FILE).replace("Primeira", "Segunda").replace('"1"', '"3"'))
            loaded = await until(house, CatalogueLoaded, 2)
            assert loaded[-1].version == "3"
            await ws.send_bytes(phrase)
            assert await advised(ws) == ["Segunda sugestão"]
            await ws.send_str(END)
        assert house.balto.shelf.catalogue.version == "3"
