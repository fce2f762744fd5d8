"""Spoken numbers and letters as they are written: "setecentos e cinquenta" is 750, "puran tê quatro" is puran t4."""

from collections.abc import Sequence
from typing import Final

_UNIT_WORDS: Final = (
    "zero,um uma,dois duas,tres,quatro,cinco,seis,sete,oito,nove,dez,onze,doze,treze,quatorze catorze,quinze,"
    "dezesseis dezasseis,dezessete,dezoito,dezenove"
)
_TEN_WORDS: Final = "vinte trinta quarenta cinquenta sessenta setenta oitenta noventa"
_HUNDRED_STEMS: Final = "duzent trezent quatrocent quinhent seiscent setecent oitocent novecent"

_UNITS: Final = {word: n for n, words in enumerate(_UNIT_WORDS.split(",")) for word in words.split()}
_TENS: Final = {word: 10 * n for n, word in enumerate(_TEN_WORDS.split(), start=2)}
_HUNDREDS: Final = {"cem": 100, "cento": 100} | {
    stem + ending: 100 * n for n, stem in enumerate(_HUNDRED_STEMS.split(), start=2) for ending in ("os", "as")
}
_THOUSAND: Final = "mil"
_BEGINNINGS: Final = frozenset({*_UNITS, *_TENS, *_HUNDREDS, _THOUSAND})
_ARTICLES: Final = frozenset({"um", "uma"})

_LETTERS: Final = {
    "be": "b", "efe": "f", "ge": "g", "jota": "j", "ka": "k", "te": "t", "xis": "x", "ipsilon": "y",
}  # fmt: skip
_LETTERS_OF_VITAMINS: Final = {"a": "a", "be": "b", "ce": "c", "de": "d", "e": "e", "ka": "k"}
_ONLY_LETTERS: Final = frozenset({"ka", "ipsilon"})
_BEFORE_LETTERS: Final = frozenset({"vitamina", "complexo"})

TURNED: Final = (_BEGINNINGS | _LETTERS.keys() | _BEFORE_LETTERS) - _ARTICLES
"""Words without any of which a sentence is written as it is said."""


def letter_at(words: Sequence[str], place: int) -> str | None:
    """Return the letter that a word names: after "vitamina", beside a number, or where it is no other word."""
    word = words[place]
    if place and words[place - 1] in _BEFORE_LETTERS:
        return _LETTERS_OF_VITAMINS.get(word)
    letter = _LETTERS.get(word)
    # Few words name one at all: only of these is it worth asking what follows.
    known = letter is not None and (word in _ONLY_LETTERS or number_at(words, place + 1) is not None)
    return letter if known else None


def number_at(words: Sequence[str], first: int) -> tuple[int, int] | None:
    """Return the number that is spoken from a word on.

    Args:
        words: folded.
        first: index of its first word.

    Returns:
        The number and the index of its last word; None where there is none. "Um" and "uma" alone are articles.
    """
    if first >= len(words) or words[first] not in _BEGINNINGS:
        return None
    found = _below_thousand(words, first)
    value, last = found if found is not None else (1, first - 1)
    if last + 1 < len(words) and words[last + 1] == _THOUSAND:
        last += 1
        value *= 1000
        rest = _below_thousand(words, last + 2 if _and(words, last + 1) else last + 1)
        return (value + rest[0], rest[1]) if rest is not None else (value, last)
    if found is None or (first == last and words[first] in _ARTICLES):
        return None
    return found


def _below_thousand(words: Sequence[str], first: int) -> tuple[int, int] | None:
    value, last, place = 0, first - 1, first
    for table in (_HUNDREDS, _TENS, _UNITS):
        part = table.get(words[place]) if place < len(words) else None
        # After "vinte e" comes a unit, never "doze": what is 10 or more begins another number.
        if part is None or (table is _UNITS and value % 100 and part >= 10):
            continue
        value, last = value + part, place
        if not _and(words, place + 1):
            break
        place += 2
    return (value, last) if last >= first else None


def _and(words: Sequence[str], place: int) -> bool:
    return place < len(words) and words[place] == "e"
