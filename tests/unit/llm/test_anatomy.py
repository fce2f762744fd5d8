"""Complaints put together from a part of the body and what is wrong with it."""

import pytest

from actors.llm.lexicon import LexiconUnderstanding


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("acordei com a coluna travada", ["dor nas costas"]),
        ("a minha barriga tá me matando", ["dor de barriga"]),
        ("meu nariz não para de escorrer", ["coriza"]),
        ("o narizinho dele tá entupidinho", ["nariz entupido"]),
        ("dor nas costas e no joelho", ["dor nas costas", "dor no joelho"]),
        ("arde muito quando eu vou urinar", ["ardência ao urinar"]),
        ("a água tampou meu ouvido", ["ouvido entupido"]),
        ("minhas pernas incham no fim do dia", ["perna inchada"]),
        ("malhei pesado e tô com dor nas pernas", ["dor muscular"]),
    ],
)
def test_a_part_of_the_body_and_what_is_wrong_with_it_are_a_complaint(
    engine: LexiconUnderstanding, text: str, expected: list[str]
) -> None:
    assert [entity.name for entity in engine.entities(text)] == expected


@pytest.mark.parametrize("text", ["não tô com o nariz entupido", "a cabeça é grande. dói o bolso", "pé de moleque"])
def test_what_is_denied_or_apart_is_none(engine: LexiconUnderstanding, text: str) -> None:
    assert engine.entities(text) == ()


def test_a_complaint_put_together_is_not_certain(engine: LexiconUnderstanding) -> None:
    assert engine.entities("a goela tá ardendo")
    assert engine.certain_entities("a goela tá ardendo") == ()
