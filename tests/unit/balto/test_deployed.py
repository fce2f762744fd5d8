"""Files of the predecessor, as they lie on counters: served, but never what is poor or takes a prescription."""

import json
from pathlib import Path
from typing import Any

import pytest

from actors.basket.resolver import BasketEngine
from balto.advising import Advice, Adviser
from balto.app import open_balto
from balto.engines import build_understandings
from balto.library import StartError
from balto.settings import Settings
from balto.shelf import read_catalogue

CESTAS: dict[str, Any] = {
    "fallback_macro_default": {
        "DOR_FEBRE_INFLAMACAO": [{"sugestao": "Compressa", "explicacao": "Alivia", "tag": ""}],
        "RESPIRATORIO_GRIPE": [{"sugestao": "Tamiflu", "explicacao": "Trata a gripe"}],
    },
    "cestas_por_macro_micro": {
        "DOR_FEBRE_INFLAMACAO": {
            "FEBRE": [
                {"sugestao": "Termômetro digital", "explicacao": "Mede a febre"},
                {"sugestao": "", "explicacao": "Sem nome"},
                {"sugestao": "Sem motivo"},
                {"sugestao": "Sem motivo também", "explicacao": None},
                {"sugestao": "Nimesulida 100mg", "explicacao": "Para a dor"},
                None,
                {"sugestao": "Novalgina gotas", "explicacao": "Baixa a febre"},
            ],
            "DOR_DE_CABECA": [],
        }
    },
}
LOOKUPS: dict[str, Any] = {
    "dipirona_febre_default": [{"produto": "Banho morno", "explicacao": "Refresca"}, {"produto": "Amoxicilina"}],
    "amoxicilina_default_default": [{"produto": "Azitromicina 500mg", "explicacao": "Outro antibiótico"}],
    "paracetamol_dor de cabeca_default": [{"produto": "Máscara de gel", "explicacao": "Esfria"}],
}


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    for name, document in (("cestas.json", CESTAS), ("lookups.json", LOOKUPS)):
        # Files of Windows editors begin with a mark.
        (tmp_path / name).write_text(json.dumps(document, ensure_ascii=False), encoding="utf-8-sig")
    return Settings(_env_file=None, llm="lexicon", baskets=tmp_path / "cestas.json", lookups=tmp_path / "lookups.json")


async def advised(settings: Settings, text: str) -> Advice:
    catalogue = read_catalogue(settings)
    return await Adviser(build_understandings(settings, catalogue), BasketEngine(catalogue), budget_s=1).advise(text)


@pytest.mark.parametrize(
    ("text", "suggested", "basket"),
    [
        ("quero dipirona, tô com febre", ["Banho morno"], "lookup:dipirona_febre_default"),
        ("paracetamol pra dor de cabeça", ["Máscara de gel"], "lookup:paracetamol_dor de cabeca_default"),
        ("tô com febre", ["Termômetro digital", "Novalgina gotas"], "DOR_FEBRE_INFLAMACAO/FEBRE"),
        ("tem dipirona?", ["Termômetro digital"], "DOR_FEBRE_INFLAMACAO/FEBRE"),
        ("dor de cabeça", ["Compressa"], "DOR_FEBRE_INFLAMACAO/*"),
    ],
)
async def test_they_advise_in_the_order_of_resolution(
    settings: Settings, text: str, suggested: list[str], basket: str
) -> None:
    advice = await advised(settings, text)
    assert [item.sugestao for item in advice.items] == suggested
    assert {reason.basket for reason in advice.reasons} == {basket}


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("tô gripado", "no_basket"),
        ("quero amoxicilina", "no_basket"),
        ("tô com dor no peito", "refer_to_pharmacist"),
        ("quanto custa a dipirona?", "price_or_dosage"),
        ("estou grávida, quero dipirona", "refer_to_pharmacist"),
    ],
)
async def test_the_rules_of_the_house_protect_them(settings: Settings, text: str, reason: str) -> None:
    advice = await advised(settings, text)
    assert (advice.items, advice.withheld) == ((), reason)


def test_each_thing_that_is_left_out_is_told_with_its_place(settings: Settings) -> None:
    warnings = read_catalogue(settings).warnings
    febre = "cestas.json: cestas_por_macro_micro.DOR_FEBRE_INFLAMACAO.FEBRE"
    assert f"{febre}[1]: sugestao missing or empty; item skipped" in warnings
    assert f"{febre}[2]: explicacao missing or empty; item skipped" in warnings
    assert f"{febre}[5]: an object was expected, not null; item skipped" in warnings
    assert f"{febre}[4]: names nimesulida, which is sold on prescription only; item skipped" in warnings
    assert "lookups.json: dipirona_febre_default[1]: explicacao missing or empty; item skipped" in warnings
    assert len(warnings) == 8


async def test_a_broken_file_at_the_start_is_one_line_with_its_place(settings: Settings) -> None:
    settings.baskets.write_text('{"fallback_macro_default":\n [}', encoding="utf-8")
    with pytest.raises(StartError, match=r"^cestas\.json: not valid JSON at line 2, column 3: [^\n]+$"):
        async with open_balto(settings):
            pass
