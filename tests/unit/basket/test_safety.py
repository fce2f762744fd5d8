"""The safety rules: how expressions are read and found, and what becomes of a file whose rules are wrong."""

import json
from pathlib import Path
from typing import Any

import pytest

from actors.basket.catalogue import load_baskets
from actors.basket.entries import BasketFileError
from actors.basket.expressions import Expression, ExpressionError
from actors.basket.resolver import BasketEngine
from actors.basket.said import Said
from actors.values import Classified, Conversation, Resolved, Withheld
from events.catalogue import Category, Entity


def found(expression: str, text: str, reach: int = 6) -> list[str]:
    said = Said(text)
    return [said.span(*place) for place in Expression.parse(expression, reach).found(said)]


@pytest.mark.parametrize(
    ("expression", "text", "spans"),
    [
        ("dor peito", "tô com Dor no Peito!", ["Dor no Peito"]),
        ("dor peito", "o peito está com dor", ["peito está com dor"]),
        ("dor peito", "dor, dois três quatro cinco seis sete oito peito", []),
        ("dor peito", "dores no peitoral", []),
        ("dor|dores peito", "dores no peito", ["dores no peito"]),
        ("infart*", "ele INFARTOU", ["INFARTOU"]),
        ("não_consigo respirar", "eu não consigo respirar", ["não consigo respirar"]),
        ("tem_#_dias", "o bebê tem vinte dias", ["tem vinte dias"]),
        ("tem_#_dias", "o bebê tem 20 dias", ["tem 20 dias"]),
        ("convulsão", "teve convulsão", ["convulsão"]),
        ("dor peito", "não tenho dor no peito", []),
        ("dor peito", "não é dor no peito?", ["dor no peito"]),
        ("dor peito", "será que não é dor no peito", ["dor no peito"]),
        ("dor peito", "não, é dor no peito", ["dor no peito"]),
        ("dor peito", "não durmo de dor no peito", ["dor no peito"]),
        ("dor peito", "não tenho dor no peito. Aliás, é dor no peito", ["dor no peito"]),
        ("dor peito", "", []),
    ],
)
def test_where_an_expression_is_said(expression: str, text: str, spans: list[str]) -> None:
    assert found(expression, text) == spans


@pytest.mark.parametrize("text", ["", " ", "dor|", "_dor", "do*r", "dor (peito)", "dor\\b"])
def test_what_is_no_expression_is_refused(text: str) -> None:
    with pytest.raises(ExpressionError):
        Expression.parse(text)


ALARM = {"nome": "dor no peito", "motivo": "Urgente.", "expressoes": ["dor peito"]}
MOTHER = {
    "nome": "gestante",
    "motivo": "Cuidado.",
    "expressoes": ["grávida"],
    "sem": ["chá"],
    "sem_tags": ["suplemento"],
    "salvo": ["ácido fólico"],
    "cestas": ["MULHER/GRAVIDEZ"],
    "encaminhar_medicamentos": True,
}


def item(name: str, tag: str = "conforto") -> dict[str, str]:
    return {"sugestao": name, "explicacao": "Ajuda.", "tag": tag}


def write(path: Path, safety: Any) -> Path:
    document = {
        "cestas_por_macro_micro": {
            "MULHER": {"GRAVIDEZ": [item("Creme para estrias")]},
            "DOR": {"CABECA": [item("Chá"), item("Magnésio", "suplemento"), item("Compressa")], "GASES": [item("Chá")]},
            "SUPLEMENTOS": {"FERRO": [item("Ferro", "suplemento"), item("Ácido fólico", "suplemento")]},
        },
        "vocabulario": [
            {"nome": "gravidez", "tipo": "sintoma", "macro": "MULHER", "micro": "GRAVIDEZ"},
            {"nome": "dor de cabeça", "tipo": "sintoma", "macro": "DOR", "micro": "CABECA"},
        ],
    }
    path.write_text(json.dumps({**document, **({} if safety is None else {"seguranca": safety})}), encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("safety", "said"),
    [
        ([], "seguranca: an object was expected"),
        ({"avisos": []}, "seguranca: unknown key avisos"),
        ({"alertas": {}}, r"seguranca\.alertas: a list was expected"),
        ({"alertas": ["x"]}, r"seguranca\.alertas\[0\]: an object was expected"),
        ({"alertas": [{**ALARM, "nome": " "}]}, r"alertas\[0\]\.nome missing or empty"),
        ({"alertas": [{**ALARM, "motivo": 1}]}, r"alertas\[0\]\.motivo missing or empty"),
        ({"alertas": [{**ALARM, "expressoes": []}]}, r"alertas\[0\]\.expressoes: at least one"),
        ({"alertas": [{**ALARM, "expressoes": ["("]}]}, r"alertas\[0\]\.expressoes: .* is no expression"),
        ({"alertas": [{**ALARM, "exceto": [1]}]}, r"alertas\[0\]\.exceto\[0\]: a text was expected"),
        ({"alertas": [{**ALARM, "alcance": 0}]}, r"alertas\[0\]\.alcance"),
        ({"alertas": [{**ALARM, "expresoes": []}]}, r"alertas\[0\]: unknown key expresoes"),
        ({"alertas": [ALARM, ALARM]}, "two rules have the same nome"),
        ({"contextos": [{**MOTHER, "cestas": ["A/B"]}]}, "A/B is no basket of this file"),
        ({"contextos": [{**MOTHER, "encaminhar_medicamentos": "sim"}]}, "encaminhar_medicamentos"),
    ],
)
def test_a_file_with_a_wrong_rule_is_refused_and_the_place_named(tmp_path: Path, safety: Any, said: str) -> None:
    with pytest.raises(BasketFileError, match=said):
        load_baskets(write(tmp_path / "cestas.json", safety))


def test_a_file_without_rules_is_protected_by_those_of_the_house(tmp_path: Path) -> None:
    house = write(tmp_path / "casa.json", {"alertas": [ALARM]})
    own = load_baskets(write(tmp_path / "cestas.json", None), vocabulary=house)
    assert own.safety.alarm_names == {"dor no peito"}
    chosen = load_baskets(write(tmp_path / "cestas.json", {"alertas": []}), vocabulary=house)
    assert chosen.safety.alarm_names == frozenset()


def resolve(tmp_path: Path, labels: list[tuple[str, str]], *entities: Entity) -> Resolved | Withheld:
    engine = BasketEngine(load_baskets(write(tmp_path / "c.json", {"alertas": [ALARM], "contextos": [MOTHER]})))
    categories = tuple(Category(macro=macro, micro=micro) for macro, micro in labels)
    return engine.resolve(Classified(categories=categories, anchors=(), confidence=1.0), entities)


def symptom(name: str, span: str | None = None) -> Entity:
    return Entity(kind="symptom", name=name, span=span or name, score=1.0)


CHEST = Withheld(reason="refer_to_pharmacist", safety_rule="dor no peito")
REFERRED = Withheld(reason="refer_to_pharmacist", safety_rule="gestante")
GESTANTE = symptom("gestante", "grávida")


def test_an_alarm_is_seen_even_where_nobody_watched_the_phrase(tmp_path: Path) -> None:
    labels = [("DOR", "CABECA")]
    assert resolve(tmp_path, labels, symptom("dor no peito")) == CHEST
    assert resolve(tmp_path, labels, symptom("mal-estar", "dor forte no peito")) == CHEST
    assert resolve(tmp_path, [("ALERTA", "")], symptom("x")) == Withheld(reason="refer_to_pharmacist")


def test_a_circumstance_keeps_back_items_and_gives_way_to_the_complaint(tmp_path: Path) -> None:
    answer = resolve(
        tmp_path,
        [("MULHER", "GRAVIDEZ"), ("DOR", "CABECA")],
        symptom("gravidez"),
        symptom("dor de cabeça"),
        GESTANTE,
    )
    assert isinstance(answer, Resolved)
    assert [item.sugestao for item in answer.items] == ["Compressa"]
    alone = resolve(tmp_path, [("MULHER", "GRAVIDEZ")], symptom("gravidez"), GESTANTE)
    assert isinstance(alone, Resolved)
    spared = resolve(tmp_path, [("SUPLEMENTOS", "FERRO")], symptom("anemia"), GESTANTE)
    assert isinstance(spared, Resolved)
    assert [item.sugestao for item in spared.items] == ["Ácido fólico"]


def test_where_nothing_safe_is_left_the_pharmacist_is_asked(tmp_path: Path) -> None:
    assert resolve(tmp_path, [("DOR", "GASES")], symptom("gases"), GESTANTE) == REFERRED
    medicine = Entity(kind="medicine", name="ibuprofeno", span="ibuprofeno", score=1.0)
    assert resolve(tmp_path, [("DOR", "CABECA")], medicine, GESTANTE) == REFERRED


def test_what_was_said_earlier_still_holds(tmp_path: Path) -> None:
    engine = BasketEngine(load_baskets(write(tmp_path / "c.json", {"alertas": [ALARM], "contextos": [MOTHER]})))
    gases = Classified(categories=(Category(macro="DOR", micro="GASES"),), anchors=(), confidence=1.0)
    assert isinstance(engine.resolve(gases, (symptom("gases"),)), Resolved)
    before = Conversation(facts=frozenset({"gestante"}))
    assert engine.resolve(gases, (symptom("gases"),), before) == REFERRED
    nothing = Classified(categories=(), anchors=(), confidence=1.0)
    assert engine.resolve(nothing, (symptom("x"),), before) == Withheld(reason="nothing_asked")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("dor no peito não, é só azia", False),
        ("falta de ar não tenho", False),
        ("dor no peito nenhuma", False),
        ("o médico já descartou dor no peito", False),
        ("dor no peito não passa", True),
        ("essa dor no peito não é normal", True),
        ("dor no peito não?", True),
    ],
)
def test_what_is_denied_after_it_was_said_is_not_said(text: str, said: bool) -> None:
    found = [place for way in ("dor peito", "falta_de_ar") for place in Expression.parse(way).found(Said(text))]
    assert bool(found) == said


def test_any_part_of_a_sign_may_be_denied_but_not_by_its_own_words() -> None:
    assert not list(Expression.parse("urina sangue").found(Said("a urina tá clara, sem sangue")))
    assert list(Expression.parse("não_sente braço").found(Said("ele não sente o braço")))
