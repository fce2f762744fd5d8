import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.llm.phonetics import fold, phonetic_key, skeleton


@pytest.mark.parametrize(
    ("written", "heard"),
    [
        ("xarope", "charope"),
        ("omeprazol", "o meprasol"),
        ("losartana", "luzartana"),
        ("dipirona", "de pirona"),
        ("azia", "asia"),
        ("má digestão", "má de gestão"),
        ("cabeça", "cabessa"),
        ("colírio", "colirio"),
        ("hemorroida", "emorroida"),
        ("quinino", "kinino"),
        ("gelo", "jelo"),
        ("joelho", "joelio"),
        ("banho", "bãnio"),
        ("pharmácia", "farmácia"),
        ("álcool", "alcoou"),
        ("dormir", "dormi"),
        ("tylenol", "tilenol"),
        ("infecção", "infexão"),
        ("ouvido", "ovido"),
        ("nascer", "naser"),
        ("tampão", "tanpão"),
        ("guia", "ghia"),
        ("exame", "ezame"),
    ],
)
def test_what_sounds_the_same_has_one_key(written: str, heard: str) -> None:
    assert phonetic_key(written) == phonetic_key(heard)


@pytest.mark.parametrize(
    ("one", "other"),
    [("vela", "bela"), ("gato", "jato"), ("cana", "sana"), ("tia", "dia"), ("losartana", "valsartana"), ("mão", "pão")],
)
def test_what_sounds_different_keeps_its_own_key(one: str, other: str) -> None:
    assert phonetic_key(one) != phonetic_key(other)


@pytest.mark.parametrize(("one", "other"), [("bomada", "pomada"), ("dosse", "tosse"), ("lufital", "luftal")])
def test_a_skeleton_ignores_voice_and_vowels(one: str, other: str) -> None:
    assert skeleton(phonetic_key(one)) == skeleton(phonetic_key(other))


@given(st.text(max_size=40))
def test_any_text_has_a_plain_key_that_accents_and_case_do_not_change_but_for_those_that_are_heard(text: str) -> None:
    key = phonetic_key(text)
    assert all(c.isascii() and c.isalnum() for c in key)
    assert phonetic_key(fold(text.casefold().replace("ç", "ss").replace("ã", "an"))) == key


def test_a_nasal_a_is_heard_where_a_name_ends_in_n() -> None:
    assert phonetic_key("ponstã") == phonetic_key("ponstan")
