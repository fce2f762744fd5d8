"""What says enough to be understood at once, and whom it is for, by the shipped baskets file."""

import pytest

from actors.basket.catalogue import load_baskets
from balto.conversing import conversation_rules, names_unknown
from balto.settings import OWN_BASKETS, Settings

RULES = conversation_rules(Settings(_env_file=None), load_baskets(OWN_BASKETS))


@pytest.mark.parametrize(
    "text",
    ["Pra dor de cabeça.", "Me vê uma dipirona", "Estou com dor no peito", "Estou grávida.", "Tem Zyrtec?", "Zyrtec."],
)
def test_what_names_something_waits_for_nothing(text: str) -> None:
    assert RULES.names_something(text)


@pytest.mark.parametrize(
    "text",
    [
        "Eu queria um remédio.",
        "Bom dia, moça.",
        "Tudo bem?",
        "É pra minha mãe",
        "Me indica uma coisa.",
        "Muito obrigado.",
        "",
    ],
)
def test_what_names_nothing_may_be_gone_on_with(text: str) -> None:
    assert not RULES.names_something(text)


def test_a_strange_word_is_a_name_where_it_is_written_as_one_or_ends_a_short_request() -> None:
    assert names_unknown("Você tem o tal do Zyrtec aí?")
    assert not names_unknown("Jorge, tem alguma coisa boa pra isso?")
    assert not names_unknown("Só um momentinho, que eu vou ver.")
    assert not names_unknown("Uns 20 e poucos")


def test_circumstances_are_noted_by_the_names_of_the_safety_rules() -> None:
    assert RULES.circumstances("Eu estou grávida de cinco meses.") == ("gestante",)
    assert RULES.circumstances("Não estou grávida.") == ()
    assert RULES.circumstances("Estou com dor no peito.") == ()
