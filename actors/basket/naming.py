"""Comparing names of products as people mean them: without case, accents, punctuation or plural."""

import re
from functools import lru_cache

from actors.basket.said import folded

_WORD = re.compile(r"[a-z0-9]+")
_MIN_PLURAL = 4


@lru_cache(maxsize=2048)
def words(text: str) -> tuple[str, ...]:
    """Return the words of a text, folded and in the singular."""
    return tuple(map(_singular, _WORD.findall(folded(text))))


def one_name(text: str) -> str:
    """Return the words of a text in one text, which takes a third of the memory."""
    return " ".join(words(text))


def key(text: str) -> str:
    """Return a text as labels and lookup keys are compared: folded words joined by underscores."""
    return "_".join(_WORD.findall(folded(text)))


def contains(whole: tuple[str, ...], part: tuple[str, ...]) -> bool:
    """Tell whether `part` occurs in `whole` as neighbouring words. An empty part occurs nowhere."""
    size = len(part)
    return bool(part) and any(whole[i : i + size] == part for i in range(len(whole) - size + 1))


@lru_cache(maxsize=2048)
def _singular(word: str) -> str:
    """Return a folded word as its singular is compared: roughly, and the same for both numbers."""
    if len(word) >= _MIN_PLURAL and word.endswith("s") and not word.endswith("ss"):
        for plural, singular in (("oes", "ao"), ("aes", "ao"), ("ais", "al"), ("eis", "el"), ("ns", "m")):
            if word.endswith(plural):
                return word[: -len(plural)] + singular
        word = word[:-1]
    # "barbeadores" and "narizes" lose the e as well, so "gaze" must.
    return word[:-1] if word.endswith(("re", "ze")) else word
