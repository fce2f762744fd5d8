"""The check of a baskets file: every fault with its place, deployed files taken as they are."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from actors.basket.check import Checked, check
from actors.basket.places import dotted, places, pointer
from actors.basket.schema import as_text
from balto.cli.commands import app
from balto.settings import OWN_BASKETS

ROOT = OWN_BASKETS.parent
WHY = "Ajuda a pele a se recuperar."


def item(name: str, why: str = WHY) -> dict[str, str]:
    return {"sugestao": name, "explicacao": why}


FOUR = [item(name) for name in ("Gaze", "Esparadrapo", "Algodão", "Luvas")]
OWN: dict[str, Any] = {
    "versao": "2026.11",
    "fallback_macro_default": {"FERIDAS_CURATIVOS": FOUR},
    "cestas_por_macro_micro": {"FERIDAS_CURATIVOS": {"CORTE": FOUR}},
    "medicamentos": [
        {
            "nome": "amoxicilina",
            "principio": "amoxicilina",
            "classe": "antibiótico",
            "tarja": "vermelha",
            "macro": "FERIDAS_CURATIVOS",
            "micro": "CORTE",
            "marcas": ["amoxil"],
        }
    ],
    "vocabulario": [{"nome": "corte", "tipo": "sintoma", "macro": "FERIDAS_CURATIVOS", "micro": "CORTE"}],
}


def checked(tmp_path: Path, document: Any) -> Checked:
    path = tmp_path / "cestas.json"
    text = document if isinstance(document, str) else json.dumps(document, ensure_ascii=False, indent=1)
    path.write_text(text, encoding="utf-8")
    return check(path, OWN_BASKETS)


def changed(*path: str | int, to: Any) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(json.dumps(OWN))
    inner: Any = document
    for part in path[:-1]:
        inner = inner[part]
    inner[path[-1]] = to
    return document


def test_the_file_that_comes_with_balto_has_no_fault() -> None:
    found = check(OWN_BASKETS, OWN_BASKETS)
    assert (found.findings, found.kind) == ((), "own")
    assert found.counts["medicines"] >= 500


def test_a_whole_small_file_has_only_the_macros_that_it_lacks_against_it(tmp_path: Path) -> None:
    found = checked(tmp_path, OWN)
    assert found.ok
    assert all("has no basket" in finding.message for finding in found.findings)


CORTE = ("cestas_por_macro_micro", "FERIDAS_CURATIVOS", "CORTE")


@pytest.mark.parametrize(
    ("document", "where", "said"),
    [
        (changed(*CORTE, 1, "explicacao", to=""), pointer(*CORTE, 1, "explicacao"), "pattern"),
        (changed(*CORTE, 1, to={"sugestao": "Gaze"}), pointer(*CORTE, 1), "explicacao is missing"),
        (changed(*CORTE, to=FOUR[:3]), pointer(*CORTE), "at least 4"),
        (changed(*CORTE, to=[item(f"Gaze {n}") for n in range(7)]), pointer(*CORTE), "at most 6"),
        (changed(*CORTE, 2, to=item("gazes")), pointer(*CORTE, 2), "gazes stands in this basket twice"),
        (changed(*CORTE, 0, to=item("Amoxicilina 500 mg")), pointer(*CORTE, 0), "names amoxicilina, which is sold on"),
        (changed(*CORTE, 0, to=item("Amoxil")), pointer(*CORTE, 0), "names amoxicilina, which is sold on"),
        (changed("vocabulario", 0, "micro", to="PONTO"), "/vocabulario/0", "FERIDAS_CURATIVOS/PONTO, which has no"),
        (changed("vocabulario", 0, "nome", to="Amoxil"), "/vocabulario/0/nome", "can be said of amoxicilina already"),
        (changed("medicamentos", 0, "tarja", to="azul"), "/medicamentos/0/tarja", "'livre', 'vermelha' or 'preta'"),
        (changed("seguranca", to={"alertas": [{"nome": "x"}]}), "/seguranca/alertas/0", "expressoes: at least one"),
        (changed("versao", to="nova"), "/versao", "pattern"),
    ],
)
def test_a_fault_is_an_error_with_its_place(tmp_path: Path, document: Any, where: str, said: str) -> None:
    found = checked(tmp_path, document)
    assert not found.ok
    (fault,) = [f for f in found.findings if f.severity == "error" and f.pointer.startswith(where)][:1]
    assert said in fault.message
    assert fault.pointer == where
    text = (tmp_path / "cestas.json").read_text(encoding="utf-8").splitlines()
    assert fault.line
    assert fault.column
    assert text[fault.line - 1][fault.column - 1 :].strip()


def test_a_basket_that_nothing_leads_to_is_warned_of(tmp_path: Path) -> None:
    found = checked(tmp_path, changed("cestas_por_macro_micro", "FERIDAS_CURATIVOS", "PONTO", to=FOUR))
    assert found.ok
    assert "no entry leads to FERIDAS_CURATIVOS/PONTO" in [f.message for f in found.findings]


def test_a_brand_is_warned_of(tmp_path: Path) -> None:
    document = changed("medicamentos", 0, "tarja", to="livre")
    document["cestas_por_macro_micro"]["FERIDAS_CURATIVOS"]["CORTE"][0] = item("Amoxil")
    assert "Amoxil names the brand amoxil" in [f.message for f in checked(tmp_path, document).findings]


@pytest.mark.parametrize(
    ("text", "line", "column"),
    [('{"a": 1,\n "b": }', 2, 7), ("", 1, 1), ("[1]", 1, 1), ('{"versao": "1"', 1, 15)],
)
def test_what_is_no_json_names_line_and_column(tmp_path: Path, text: str, line: int, column: int) -> None:
    (fault,) = checked(tmp_path, text).findings
    assert (fault.severity, fault.line, fault.column) == ("error", line, column)


DEPLOYED = {
    "fallback_macro_default": {"ALERGIAS": [item("Gaze", "Limpa"), {"sugestao": "Algodão"}]},
    "cestas_por_macro_micro": {"ALERGIAS": {"RINITE": [item(""), item("Allegra 120"), item("Clonazepam")]}},
}


def test_a_deployed_file_is_taken_with_warnings(tmp_path: Path) -> None:
    found = checked(tmp_path, DEPLOYED)
    assert (found.ok, found.kind) == (True, "deployed")
    said = {f.pointer: f.message for f in found.findings}
    assert said["/fallback_macro_default/ALERGIAS/1"] == "explicacao missing or empty; item skipped"
    assert said["/cestas_por_macro_micro/ALERGIAS/RINITE/0"] == "sugestao missing or empty; item skipped"
    assert said["/cestas_por_macro_micro/ALERGIAS/RINITE/2"].startswith("names clonazepam")
    assert "Allegra 120 names the brand allegra" in said.values()


def test_a_file_of_lookups_is_taken_with_warnings(tmp_path: Path) -> None:
    lookups = {
        "dipirona_febre_default": [{"produto": "Termômetro", "explicacao": "Mede."}, {"produto": ""}],
        "azitromicina_default_default": [{"produto": "Azitromicina 500mg", "explicacao": "Trata."}],
    }
    found = checked(tmp_path, lookups)
    assert (found.ok, found.kind, found.counts["lookups"]) == (True, "lookups", 2)
    assert [(f.severity, f.pointer) for f in found.findings] == [
        ("warning", "/dipirona_febre_default/1"),
        ("warning", "/azitromicina_default_default/0"),
    ]


def test_the_command_answers_machines_and_people(tmp_path: Path) -> None:
    path = tmp_path / "cestas.json"
    path.write_text('{"a": }', encoding="utf-8")
    run = CliRunner().invoke(app, ["cestas", "check", str(path), "--json"])
    assert run.exit_code == 1
    answer = json.loads(run.stdout)
    assert (answer["ok"], answer["findings"][0]["line"], answer["findings"][0]["column"]) == (False, 1, 7)
    run = CliRunner().invoke(app, ["cestas", "check", str(tmp_path / "none.json")])
    assert run.exit_code == 1
    assert "can't be read" in run.stdout
    run = CliRunner().invoke(app, ["cestas", "check", str(OWN_BASKETS)])
    assert run.exit_code == 0
    assert "0 errors, 0 warnings" in run.stdout


def test_the_published_schema_is_that_of_the_code() -> None:
    published = (ROOT / "docs" / "cestas.schema.json").read_text(encoding="utf-8")
    assert published == as_text(), "run: python -m actors.basket.schema"


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=6), inner, max_size=4),
    max_leaves=12,
)


@given(JSON_VALUES, st.sampled_from([None, 0, 2]))
def test_every_value_is_found_where_it_begins(value: Any, indent: int | None) -> None:
    text = json.dumps(value, indent=indent, ensure_ascii=False)
    lines = text.split("\n")
    for path, place in places(text).items():
        inner = value
        for part in path.split("/")[1:]:
            name = part.replace("~1", "/").replace("~0", "~")
            inner = inner[int(name)] if isinstance(inner, list) else inner[name]
        rest = "\n".join([lines[place.line - 1][place.column - 1 :], *lines[place.line :]])
        assert json.JSONDecoder().raw_decode(rest)[0] == inner


def test_places_are_named_as_the_loader_names_them() -> None:
    assert dotted(pointer("a", "b/c", 0, "d")) == "a.b/c[0].d"
