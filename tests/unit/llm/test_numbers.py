"""Spoken numbers and letters, written."""

import pytest

from actors.llm.words import MAX_LETTERS, tokenise


def written(text: str) -> list[str]:
    return [token.text for token in tokenise(text)]


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("setecentos e cinquenta miligramas", ["750", "miligramas"]),
        ("ciclo vinte e um", ["ciclo", "21"]),
        ("cento e vinte", ["120"]),
        ("mil", ["1000"]),
        ("mil e duzentos", ["1200"]),
        ("sete mil e quinhentos", ["7500"]),
        ("mil novecentos e noventa e nove", ["1999"]),
        ("cem mil", ["100000"]),
        ("vinte por doze", ["20", "por", "12"]),
        ("cinco seis", ["5", "6"]),
        ("vinte e doze", ["20", "e", "12"]),
        ("um ou dois", ["um", "ou", "2"]),
        ("uma caixa", ["uma", "caixa"]),
        ("quarenta, cinquenta", ["40", "50"]),
    ],
)
def test_spoken_numbers_become_digits(said: str, expected: list[str]) -> None:
    assert written(said) == expected


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("puran tê quatro", ["puran", "t", "4"]),
        ("vitamina dê", ["vitamina", "d"]),
        ("vitamina bê doze", ["vitamina", "b", "12"]),
        ("ká ípsilon", ["k", "y"]),
        ("que não dê sono", ["que", "nao", "de", "sono"]),
        ("pé inchado", ["pe", "inchado"]),
        ("cê tem dois", ["ce", "tem", "2"]),
    ],
)
def test_letters_said_by_name_are_written_only_where_they_are_letters(said: str, expected: list[str]) -> None:
    assert written(said) == expected


def test_a_number_keeps_its_place_in_the_sentence() -> None:
    text = "losartana de cento e vinte, por favor"
    (number,) = (token for token in tokenise(text) if token.text == "120")
    assert text[number.start : number.end] == "cento e vinte"


def test_only_the_beginning_of_an_endless_text_is_read() -> None:
    tokens = tokenise("ai " * 40_000)
    assert tokens[-1].end <= MAX_LETTERS
