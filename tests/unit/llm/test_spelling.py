"""A vocabulary taken apart at once comes out as name by name."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.llm.forms import MIN_ACROSS, said_at
from actors.llm.phonetics import phonetic_key, phonetic_keys, skeleton, skeletons, spoken
from actors.llm.spelling import Spelt, bag, spelled
from actors.llm.words import FILLERS, MAX_LETTERS, sound, stem, stem_sound, tokenise

_NAMES = (
    "dor de cabeça",
    "A. A. S.",
    "Puran tê quatro",
    "vitamina cê",
    "cento e vinte, e dois",
    "uma dor",
    "infecção",
    "pressão/alta_demais",
    "a\nb",
    "½ comprimido",
    "ẞ ﬁ İ ŉ ﷺ",
    "",
    " … ",
)


def _one_by_one(name: str) -> Spelt:
    tokens = tokenise(name)
    telling = [token for token in tokens if token.text not in FILLERS]
    several = telling if len(telling) > 1 else []
    return Spelt(
        words=[token.text for token in tokens],
        telling=tuple(token.text for token in telling),
        stems=bag(stem(token.text) for token in several),
        stem_sounds=bag(stem_sound(token) for token in several),
        key=sound("".join(token.heard for token in tokens)),
    )


def _together(names: list[str]) -> list[Spelt]:
    return [spelt._replace(telling=tuple(spelt.telling)) for spelt in spelled(names)]


@pytest.mark.parametrize("name", _NAMES)
def test_a_name_is_spelled_and_sounds_as_the_same_sentence_does(name: str) -> None:
    assert _together([name]) == [_one_by_one(name)]


@given(st.lists(st.one_of(st.text(max_size=30), st.sampled_from(_NAMES)), max_size=5))
def test_names_beside_one_another_change_nothing_of_each_other(names: list[str]) -> None:
    assert _together(names) == [_one_by_one(name) for name in names]


def test_a_long_name_counts_as_far_as_a_sentence_does() -> None:
    name = "dipirona " * MAX_LETTERS
    assert _together([name, "febre"]) == [_one_by_one(name), _one_by_one("febre")]


@given(st.lists(st.text(max_size=20).map(lambda text: text.replace("\n", "")), max_size=5))
def test_keys_and_skeletons_of_many_are_those_of_each(texts: list[str]) -> None:
    keys = phonetic_keys([spoken(text) for text in texts])
    assert keys == [phonetic_key(text) for text in texts]
    assert skeletons(keys) == [skeleton(key) for key in keys]


def test_a_key_is_found_where_it_is_said_and_nowhere_else() -> None:
    keys = sorted(["dipirona", "dipiro", "dipironada", "pirona", "pironax", "zzzzzz"])
    said = "dipironaxis"
    assert [list(said_at(keys, said, at)) for at in range(3)] == [["dipiro", "dipirona"], [], ["pirona", "pironax"]]
    assert not list(said_at(keys, said, len(said) - MIN_ACROSS + 1))
    assert not list(said_at([], said, 0))
