"""A changed baskets file in a whole Balto: vocabulary, baskets, safety rules and versions change together."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from aiohttp.test_utils import TestClient, TestServer

from actors.basket.catalogue import BasketCatalogue
from actors.llm.lexicon import LexiconUnderstanding
from balto.app import open_balto
from balto.engines import Engines
from balto.settings import Settings
from balto.web.server import build_app
from tests.fakes import ScriptedTranscriber

FILE: dict[str, Any] = {
    "versao": "1",
    "fallback_macro_default": {},
    "cestas_por_macro_micro": {"ALERGIAS": {"RINITE": [{"sugestao": "Lavador nasal", "explicacao": "Lava o nariz."}]}},
    "vocabulario": [{"nome": "espirro", "tipo": "sintoma", "macro": "ALERGIAS", "micro": "RINITE"}],
    "seguranca": {},
}
ALARM = {"nome": "espirro com sangue", "motivo": "Precisa de exame.", "expressoes": ["espirro sangue"]}


async def test_everything_that_is_made_from_the_file_changes(
    settings: Settings, transcriber: ScriptedTranscriber, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def engines(_: Settings, baskets: BasketCatalogue, **_models: object) -> Engines:
        lexicon = LexiconUnderstanding(baskets.lexicon, baskets.version)
        return Engines(transcribers=(transcriber,), understandings=(lexicon,))

    monkeypatch.setattr("balto.app.build_engines", engines)
    path = tmp_path / "cestas.json"
    path.write_text(json.dumps(FILE), encoding="utf-8")
    chosen = settings.model_copy(update={"baskets": path, "baskets_poll_s": 0.05})

    async with open_balto(chosen) as balto, TestClient(TestServer(build_app(balto))) as client:

        async def suggested(text: str) -> list[str]:
            response = await client.post("/api/test/analisar", json={"texto": text})
            return [item["sugestao"] for item in (await response.json())["itens"]]

        assert await suggested("espirro") == ["Lavador nasal"]
        assert await suggested("coriza") == []
        assert await suggested("espirro com sangue") == ["Lavador nasal"]

        changed = json.loads(json.dumps(FILE).replace("Lavador nasal", "Soro nasal"))
        changed["versao"] = "2"
        changed["seguranca"] = {"alertas": [ALARM]}
        changed["vocabulario"].append({"nome": "coriza", "tipo": "sintoma", "macro": "ALERGIAS", "micro": "RINITE"})
        path.write_text(json.dumps(changed), encoding="utf-8")
        async with asyncio.timeout(60):
            while True:
                if await suggested("espirro") == ["Soro nasal"]:
                    break
                await asyncio.sleep(0.3)  # trials are limited

        assert await suggested("coriza") == ["Soro nasal"]
        assert await suggested("espirro com sangue") == []
        assert balto.shelf.understandings[0].model == "2"
