"""How far two transcripts are apart, in words."""

import re
import unicodedata
from dataclasses import dataclass
from typing import Final

from rapidfuzz.distance import Levenshtein

_WORD: Final = re.compile(r"\w+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """The numerator and denominator of a word error rate."""

    errors: int
    words: int
    """Of the reference."""


def difference(reference: str, other: str) -> Difference:
    """Count the words to insert, delete or replace to make one text of the other (Levenshtein, 1966).

    Case, punctuation and the form of accented letters make no difference; accents do.
    """
    wanted, given = _words(reference), _words(other)
    return Difference(errors=Levenshtein.distance(wanted, given), words=len(wanted))


def _words(text: str) -> list[str]:
    return _WORD.findall(unicodedata.normalize("NFC", text).casefold())
