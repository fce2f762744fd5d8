"""Whose a complaint is: a child's by its age, and a medicine that is made for children."""

import pytest

from actors.llm.context import for_a_child, made_for_a_child, young_age
from actors.llm.words import tokenise
from events.catalogue import Category

COUGH = Category(macro="RESPIRATORIO_GRIPE", micro="TOSSE_SECA")


@pytest.mark.parametrize(
    ("text", "age"),
    [
        ("a tossinha dela, tem cinco anos", "years"),
        ("tá com oito meses e não para de tossir", "months"),
        ("ele fez dois anos ontem", "years"),
        ("tem dois anos que eu tusso", None),
        ("com três meses de tosse", None),
        ("tô grávida, com sete meses, e essa tosse", None),
        ("tem quarenta anos e tosse", None),
        ("tosse", None),
    ],
)
def test_an_age_tells_a_child(text: str, age: str | None) -> None:
    tokens = tokenise(text)
    assert young_age(tokens) == age
    assert (for_a_child(tokens, COUGH).macro == "PEDIATRIA") == (age is not None)


def test_a_medicine_for_children_belongs_to_them_whatever_else_is_said() -> None:
    nose = Category(macro="RESPIRATORIO_GRIPE", micro="NARIZ_ENTUPIDO_CORIZA")
    pressure = Category(macro="CARDIO_PRESSAO", micro="PRESSAO_ALTA")
    assert made_for_a_child(tokenise("sorine infantil"), nose) == Category(macro="PEDIATRIA", micro="NARIZ_BEBE")
    assert made_for_a_child(tokenise("sorine adulto"), nose) == nose
    assert made_for_a_child(tokenise("aas infantil"), pressure) == pressure
