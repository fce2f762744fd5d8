"""Properties of reading: folding, phonetic keys and spans hold for whatever is said."""

import itertools
import string

from hypothesis import given
from hypothesis import strategies as st

from actors.llm.lexicon import LexiconUnderstanding
from actors.llm.phonetics import fold, phonetic_key, skeleton
from actors.llm.words import bases, tokenise
from actors.values import LexiconEntry
from events.catalogue import Category

NAMES = ("dipirona", "omeprazol", "dor de cabeça", "losartana", "ibuprofeno")
ENGINE = LexiconUnderstanding(
    [LexiconEntry(name=name, kind="medicine", category=Category(macro="M")) for name in NAMES], "v"
)
portuguese = st.text(alphabet=string.ascii_letters + "áàâãéêíóôõúüçÁÇ ,.!?-0123456789", max_size=80)


@given(st.text(max_size=60))
def test_folding_twice_is_folding_once(text: str) -> None:
    assert fold(fold(text)) == fold(text)


@given(portuguese)
def test_blanks_case_and_punctuation_make_no_difference_to_the_key(text: str) -> None:
    key = phonetic_key(text)
    assert phonetic_key("".join(text.split())) == key
    assert phonetic_key(text.upper()) == key
    assert set(skeleton(key)) <= set(key) | set("ptkfx")


@given(st.text(max_size=200))
def test_tokens_lie_in_the_text_in_order_and_never_overlap(text: str) -> None:
    tokens = tokenise(text)
    places = [(token.start, token.end) for token in tokens]
    assert all(0 <= start < end <= len(text) for start, end in places)
    assert all(one[1] <= other[0] for one, other in itertools.pairwise(places))


@given(portuguese, st.sampled_from(NAMES), portuguese)
def test_the_words_that_prove_an_entity_are_in_the_text(before: str, name: str, after: str) -> None:
    text = f"{before}; {name}; {after}"
    for entity in ENGINE.entities(text):
        assert entity.span in text
        assert entity.span == entity.span.strip()
        assert 0 < entity.score <= 1


@given(st.sampled_from([name for name in NAMES if " " not in name]), st.integers(1, 7), st.booleans())
def test_a_name_is_found_wherever_a_blank_is_put_into_it(name: str, cut: int, upper: bool) -> None:
    split = f"{name[:cut]} {name[cut:]}"
    found = ENGINE.entities(f"quero {split.upper() if upper else split}")
    assert [entity.name for entity in found] == [name]


@given(st.text(max_size=30))
def test_a_word_is_always_its_own_base(word: str) -> None:
    assert bases(word)[0] == word
