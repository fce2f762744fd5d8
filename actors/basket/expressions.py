"""Expressions of safety rules: words that must be said near one another, and the search for them in a text."""

import re
from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from actors.basket.said import Said, folded

REACH = 6
"""Words between the first and the last word of an expression, where its rule says nothing else."""

_WORD = r"(?:[a-z0-9]+\*?|#)"
_TERM = re.compile(rf"{_WORD}(?:[|_]{_WORD})*")
_NUMBER = (
    r"(?:[0-9]+|uma?|dois|duas|tres|quatro|cinco|seis|sete|oito|nove|dez|onze|doze|treze|quatorze|catorze|quinze"
    r"|vinte|trinta|quarenta|cinquenta|sessenta)"
)


class ExpressionError(ValueError):
    """An expression cannot be read."""


@dataclass(frozen=True, slots=True)
class Expression:
    """Terms that must all be said, in any order, near one another.

    Written as words between blanks. `|` parts alternatives, `_` joins neighbouring words, a final `*` takes any
    ending, `#` is a number. Case and accents make no difference.
    """

    terms: tuple[str, ...]
    """Each as it is written, but folded; made a pattern of `re` when it is first looked for, or by `warm`."""
    reach: int
    heads: tuple[frozenset[str], ...] = ()
    """Of each term that it tells of, the first words of its alternatives: without one of them it is not said."""

    @classmethod
    def parse(cls, text: str, reach: int = REACH) -> "Expression":
        """Read an expression.

        Raises:
            ExpressionError: it is empty, or a term is not made of letters and digits.
        """
        terms = folded(text).split()
        if not terms or not all(map(_TERM.fullmatch, terms)):
            raise ExpressionError(f"{text!r} is no expression")
        return cls(terms=tuple(terms), reach=reach, heads=tuple(filter(None, map(_heads, terms))))

    def warm(self) -> None:
        """Compile its patterns."""
        for term in self.terms:
            _compiled(term)

    def maybe(self, said: Said) -> bool:
        """Tell whether it is worth looking for, from single words."""
        return not any(map(said.words.isdisjoint, self.heads))

    def found(self, said: Said) -> Iterator[tuple[int, int]]:
        """Yield the first and last word of each place where it is said and not denied."""
        places: list[list[tuple[int, int]]] = []
        for term in self.terms:
            places.append(said.places(_compiled(term)))
            if not places[-1]:
                return
        starts = [[first for first, _ in each] for each in places]
        denied_up_to = -1
        for first, own_last in sorted({place for each in places for place in each}):
            chosen = [(first, own_last)]
            for each, begins in zip(places, starts, strict=True):
                nearest = bisect_left(begins, first)
                if nearest == len(each):
                    break
                chosen.append(each[nearest])
            else:
                last = max(end for _, end in chosen)
                if last - first > self.reach or first <= denied_up_to:
                    continue
                if said.denied(chosen):
                    denied_up_to = last
                else:
                    yield first, last


@lru_cache(maxsize=4096)
def _compiled(term: str) -> re.Pattern[str]:
    return re.compile(rf"\b(?:{'|'.join(map(_pattern, term.split('|')))})\b")


def _pattern(way: str) -> str:
    return " ".join(
        _NUMBER if word == "#" else f"{word[:-1]}[a-z0-9]*" if word.endswith("*") else word for word in way.split("_")
    )


@lru_cache(maxsize=1024)
def _heads(term: str) -> frozenset[str] | None:
    """Return the first words of a term's alternatives, None where one of them takes any ending or is a number."""
    heads = frozenset([way.partition("_")[0] for way in term.split("|")])
    return None if any(head == "#" or head.endswith("*") for head in heads) else heads
