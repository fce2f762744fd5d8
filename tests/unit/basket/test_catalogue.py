import json
from pathlib import Path
from typing import Any

import pytest

from actors.basket.catalogue import load_baskets
from actors.basket.entries import BasketFileError
from actors.values import LexiconEntry
from events.catalogue import Category, Item

GAUZE = {"sugestao": "Gaze estéril", "explicacao": "Cobre a ferida.", "tag": "curativo"}
DEPLOYED: dict[str, Any] = {
    "fallback_macro_default": {"FERIDAS_CURATIVOS": [GAUZE]},
    "cestas_por_macro_micro": {"FERIDAS_CURATIVOS": {"CORTE": [GAUZE]}},
}
DIPYRONE = {
    "nome": "Dipirona",
    "tipo": "medicamento",
    "macro": "DOR_FEBRE_INFLAMACAO",
    "micro": "FEBRE",
    "formas": ["novalgina"],
    "tambem": ["metamizol"],
}


def write(folder: Path, document: object, name: str = "cestas.json") -> Path:
    path = folder / name
    path.write_text(json.dumps(document, ensure_ascii=False), encoding="utf-8")
    return path


def test_a_deployed_file_loads_unchanged_and_without_a_word(tmp_path: Path) -> None:
    catalogue = load_baskets(write(tmp_path, DEPLOYED))
    item = Item(sugestao="Gaze estéril", explicacao="Cobre a ferida.", tag="curativo")
    assert catalogue.baskets["FERIDAS_CURATIVOS"]["CORTE"] == (item,)
    assert catalogue.fallbacks["FERIDAS_CURATIVOS"] == (item,)
    assert catalogue.taxonomy == {"FERIDAS_CURATIVOS": ("CORTE",)}
    assert (catalogue.lexicon, dict(catalogue.lookups), catalogue.warnings) == ((), {}, ())
    assert catalogue.version.startswith("sha256:")


def test_the_version_is_the_files_own_or_follows_its_content(tmp_path: Path) -> None:
    assert load_baskets(write(tmp_path, {**DEPLOYED, "versao": " 2026.11 "})).version == "2026.11"
    one = load_baskets(write(tmp_path, DEPLOYED, "one.json")).version
    same = load_baskets(write(tmp_path, DEPLOYED, "same.json")).version
    other = load_baskets(write(tmp_path, {**DEPLOYED, "cestas_por_macro_micro": {}}, "other.json")).version
    assert one == same != other


@pytest.mark.parametrize(
    ("poor", "complaint"),
    [
        ({"sugestao": "Gaze"}, "explicacao missing or empty"),
        ({"sugestao": "  ", "explicacao": "Cobre."}, "sugestao missing or empty"),
        ({}, "sugestao and explicacao missing or empty"),
        ({"sugestao": None, "explicacao": 3}, "sugestao and explicacao missing or empty"),
        ("Gaze", "an object was expected, not a text"),
        (None, "an object was expected, not null"),
    ],
)
def test_a_poor_item_is_skipped_with_its_place_and_the_rest_serves(
    tmp_path: Path, poor: object, complaint: str
) -> None:
    document = {**DEPLOYED, "cestas_por_macro_micro": {"FERIDAS_CURATIVOS": {"CORTE": [GAUZE, poor, GAUZE]}}}
    catalogue = load_baskets(write(tmp_path, document))
    assert len(catalogue.baskets["FERIDAS_CURATIVOS"]["CORTE"]) == 2
    assert catalogue.warnings == (
        f"cestas.json: cestas_por_macro_micro.FERIDAS_CURATIVOS.CORTE[1]: {complaint}; item skipped",
    )


def test_an_empty_tag_is_none_and_a_wrong_one_costs_only_itself(tmp_path: Path) -> None:
    listed = [{**GAUZE, "tag": " "}, {**GAUZE, "tag": 7}]
    catalogue = load_baskets(write(tmp_path, {"fallback_macro_default": {"ALERGIAS": listed}}))
    assert [item.tag for item in catalogue.fallbacks["ALERGIAS"]] == [None, None]
    assert any("tag is a number" in line for line in catalogue.warnings)
    assert any("cestas_por_macro_micro is missing" in line for line in catalogue.warnings)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"cestas_por_macro_micro": {,}}', "not valid JSON at line 1, column 29"),
        ("[]", "cestas.json: an object was expected, not a list"),
        ("{}", "neither cestas_por_macro_micro nor fallback_macro_default"),
        ('{"cestas_por_macro_micro": []}', "cestas_por_macro_micro: an object was expected, not a list"),
        ('{"cestas_por_macro_micro": {"A": 3}}', "cestas_por_macro_micro.A: an object was expected, not a num"),
        ('{"cestas_por_macro_micro": {"A": {"B": {}}}}', "cestas_por_macro_micro.A.B: a list was expected"),
        ('{"fallback_macro_default": {"A": null}}', "fallback_macro_default.A: a list was expected, not null"),
        ('{"fallback_macro_default": {}, "lookups": []}', "lookups: an object was expected"),
        ('{"fallback_macro_default": {}, "vocabulario": {}}', "vocabulario: a list was expected"),
        ('{"fallback_macro_default": {}, "versao": []}', "versao: a text was expected"),
        ("[" * 200_000, "nested too deeply"),
    ],
)
def test_a_broken_file_is_one_clear_line(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "cestas.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(BasketFileError) as caught:
        load_baskets(path)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_file_that_is_not_there_or_not_utf8_is_one_clear_line(tmp_path: Path) -> None:
    with pytest.raises(BasketFileError, match=r"cestas\.json: can't be read: No such file"):
        load_baskets(tmp_path / "cestas.json")
    (tmp_path / "latin.json").write_bytes('{"versao": "à"}'.encode("latin-1"))
    with pytest.raises(BasketFileError, match=r"latin\.json: byte 12 is not UTF-8"):
        load_baskets(tmp_path / "latin.json")


def test_a_byte_order_mark_does_no_harm(tmp_path: Path) -> None:
    path = tmp_path / "cestas.json"
    path.write_bytes(b"\xef\xbb\xbf" + json.dumps(DEPLOYED).encode())
    assert load_baskets(path).baskets


def test_a_key_given_twice_is_told(tmp_path: Path) -> None:
    path = tmp_path / "cestas.json"
    path.write_text('{"fallback_macro_default": {}, "cestas_por_macro_micro": {"ALERGIAS": {}, "ALERGIAS": {}}}')
    assert load_baskets(path).warnings == ("cestas.json: key ALERGIAS occurs twice in one object; the last one serves",)


def test_unknown_macros_serve_and_unknown_keys_do_not(tmp_path: Path) -> None:
    catalogue = load_baskets(write(tmp_path, {"fallback_macro_default": {"PETS": [GAUZE]}, "petes": 1}))
    assert catalogue.fallbacks["PETS"]
    assert "cestas.json: PETS: unknown macro category, kept" in catalogue.warnings
    assert "cestas.json: petes: unknown key, ignored" in catalogue.warnings


def test_lookups_come_from_the_file_or_from_a_second_one_which_wins(tmp_path: Path) -> None:
    def product(name: str) -> list[dict[str, str]]:
        return [{"produto": name, "explicacao": "Ajuda."}]

    own = {"dipirona_febre_default": product("Água"), "aas_default_default": product("Gaze")}
    path = write(tmp_path, {**DEPLOYED, "lookups": own})
    second = write(
        tmp_path, {"dipirona_febre_default": product("Termômetro"), "x_y_z": [{"produto": ""}]}, "lookups.json"
    )
    assert load_baskets(path).lookups["dipirona_febre_default"][0].sugestao == "Água"
    both = load_baskets(path, lookups=second)
    assert both.lookups["dipirona_febre_default"] == (Item(sugestao="Termômetro", explicacao="Ajuda."),)
    assert both.lookups["aas_default_default"][0].sugestao == "Gaze"
    assert both.warnings == ("lookups.json: x_y_z[0]: produto and explicacao missing or empty; item skipped",)


def test_the_vocabulary_becomes_the_lexicon(tmp_path: Path) -> None:
    catalogue = load_baskets(write(tmp_path, {**DEPLOYED, "vocabulario": [DIPYRONE]}))
    assert catalogue.lexicon == (
        LexiconEntry(
            name="dipirona",
            kind="medicine",
            category=Category(macro="DOR_FEBRE_INFLAMACAO", micro="FEBRE"),
            forms=("novalgina",),
            also=("metamizol",),
        ),
    )


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"nome": ""}, "nome missing or empty"),
        ({"tipo": "remedio"}, "tipo is none of medicamento, sintoma, doenca, necessidade"),
        ({"formas": "novalgina"}, "formas is no list of texts"),
        ({"tambem": [""]}, "tambem is no list of texts"),
        ({"macro": None}, "macro missing or empty"),
    ],
)
def test_a_poor_vocabulary_entry_is_skipped_with_its_place(
    tmp_path: Path, change: dict[str, object], complaint: str
) -> None:
    catalogue = load_baskets(write(tmp_path, {**DEPLOYED, "vocabulario": [DIPYRONE, {**DIPYRONE, **change}]}))
    assert len(catalogue.lexicon) == 1
    assert catalogue.warnings == (f"cestas.json: vocabulario[1]: {complaint}; entry skipped",)


def test_a_file_without_a_vocabulary_borrows_one_and_keeps_its_own(tmp_path: Path) -> None:
    ours = write(tmp_path, {**DEPLOYED, "vocabulario": [DIPYRONE]}, "ours.json")
    theirs = write(tmp_path, DEPLOYED, "theirs.json")
    own = write(tmp_path, {**DEPLOYED, "vocabulario": [{**DIPYRONE, "nome": "aas"}]}, "own.json")
    assert [e.name for e in load_baskets(theirs, vocabulary=ours).lexicon] == ["dipirona"]
    assert [e.name for e in load_baskets(own, vocabulary=ours).lexicon] == ["aas"]
