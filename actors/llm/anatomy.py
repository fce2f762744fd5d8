"""Complaints put together from a part of the body and what is wrong with it: "a coluna amanheceu travada"."""

import itertools
import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files

from actors.llm.words import FILLERS, Token, bases
from actors.values import LexiconEntry

_REACH = 6
"""Words between a part of the body and what is wrong with it, at most."""

_SPLIT_BY = frozenset({"mas", "porem", "so", "nem", "sem"})
"""Words that end what is said of a part of the body."""
_AND = "e"
_BEGINS = frozenset(
    {"to", "estou", "ta", "esta", "tava", "tenho", "tem", "fiquei", "ficou", "agora", "nao", "eu", "ele", "ela"}
)
"""After "e": a clause of its own begins."""


_Place = tuple[int, int, str]
"""First and last token, and what they say."""


@dataclass(frozen=True, slots=True)
class Compound:
    """A complaint put together."""

    entry: LexiconEntry
    first: int
    """Index of its first token."""
    last: int
    """Index of its last token, included."""
    letters: int
    """Of the words that make it up."""
    places: frozenset[int]
    """Indices of these words."""


class _Words:
    """A set of words: whole ones, beginnings, and several in a row."""

    def __init__(self, listed: Mapping[str, str]) -> None:
        self._whole: dict[tuple[str, ...], list[str]] = {}
        self._beginnings: list[tuple[str, str]] = []
        for label, text in listed.items():
            for word in text.split():
                if word.endswith("*"):
                    self._beginnings.append((word[:-1], label))
                else:
                    self._whole.setdefault(tuple(word.split("_")), []).append(label)
        self._longest = max(map(len, self._whole), default=0)
        self._any_beginning = tuple(beginning for beginning, _ in self._beginnings)

    def at(self, tokens: Sequence[Token], first: int) -> Iterator[tuple[int, str]]:
        """Yield the last token and the label of each reading that begins at a token."""
        for size in range(min(self._longest, len(tokens) - first), 1, -1):
            words = tuple(token.text for token in tokens[first : first + size])
            for label in self._whole.get(words, ()):
                yield first + size - 1, label
        for base in bases(tokens[first].text):
            for label in self._whole.get((base,), ()):
                yield first, label
            if not base.startswith(self._any_beginning):
                continue
            for beginning, label in self._beginnings:
                if base.startswith(beginning):
                    yield first, label


class Anatomy:
    """The rules of `word_lists/anatomy.toml`, for the complaints that a vocabulary has.

    Args:
        find: returns the vocabulary's entry of a name, or None.
    """

    def __init__(self, find: Callable[[str], LexiconEntry | None]) -> None:
        rules = tomllib.loads((files("actors.llm") / "word_lists" / "anatomy.toml").read_text(encoding="utf-8"))
        self._parts = _Words(rules["partes"])
        self._wrongs = _Words(rules["queixas"])
        self._entries: dict[tuple[str, str], LexiconEntry] = {}
        for left, right in rules["juntas"].items():
            part, *wrongs = left.split()
            known = next((entry for name in right.split("|") if (entry := find(name))), None)
            if known is not None:
                self._entries.update({(part, wrong): known for wrong in wrongs})

    def find(self, tokens: Sequence[Token]) -> list[Compound]:
        """Return the complaints of a sentence: each wrong of the nearest part, and each part with the nearest wrong.

        They may share words: "dor nas costas e no joelho" are two.
        """
        parts = [(first, last, label) for first in range(len(tokens)) for last, label in self._parts.at(tokens, first)]
        if not parts:
            return []
        wrongs = [
            (first, last, label) for first in range(len(tokens)) for last, label in self._wrongs.at(tokens, first)
        ]
        pairs = [
            (_gap(wrong, part), wrong, part)
            for wrong in wrongs
            for part in parts
            if (part[2], wrong[2]) in self._entries and _joined(tokens, wrong, part)
        ]
        nearest: dict[tuple[_Place, _Place], None] = {}
        for wrong in wrongs:
            nearest.update(dict.fromkeys((each[1], each[2]) for each in _first(p for p in pairs if p[1] == wrong)))
        for part in parts:
            alone = (p for p in pairs if p[2] == part and _listed(tokens, p[1], part, parts))
            nearest.update(dict.fromkeys((each[1], each[2]) for each in _first(alone)))
        return [self._compound(tokens, wrong, part) for wrong, part in nearest]

    def _compound(self, tokens: Sequence[Token], wrong: _Place, part: _Place) -> Compound:
        entry = self._entries[part[2], wrong[2]]
        places = {*range(wrong[0], wrong[1] + 1), *range(part[0], part[1] + 1)}
        letters = sum(len(tokens[place].text) for place in places)
        return Compound(entry, min(places), max(places), letters, frozenset(places))


def _first(pairs: Iterable[tuple[int, _Place, _Place]]) -> list[tuple[int, _Place, _Place]]:
    return [min(listed)] if (listed := list(pairs)) else []


def _listed(tokens: Sequence[Token], wrong: _Place, part: _Place, parts: Sequence[_Place]) -> bool:
    """Tell whether a part follows a wrong in a list: only little words and other parts stand between."""
    others = {place for first, last, _ in parts for place in range(first, last + 1)}
    between = range(wrong[1] + 1, part[0])
    return wrong[1] < part[0] and all(place in others or tokens[place].text in FILLERS for place in between)


def _joined(tokens: Sequence[Token], wrong: _Place, part: _Place) -> bool:
    if wrong[0] <= part[1] and part[0] <= wrong[1]:
        return False
    first, last = sorted((wrong, part))
    between = tokens[first[1] + 1 : last[0]]
    new_clause = any(
        one.text == _AND and other.text in _BEGINS and first[2] != part[2] for one, other in itertools.pairwise(between)
    )
    return (
        len(between) <= _REACH
        and not new_clause
        and not any(token.after_break for token in (*between, tokens[last[0]]))
        and _SPLIT_BY.isdisjoint(token.text for token in between)
    )


def _gap(one: _Place, other: _Place) -> int:
    return max(one[0] - other[1], other[0] - one[1])
