"""The forms of a vocabulary, what matches of them in a sentence, and the tables that find them by sound."""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass

from actors.llm.phonetics import skeletons
from actors.llm.words import Token
from actors.values import LexiconEntry

MIN_ACROSS = 6
"""Letters of a phonetic key that may be found across words, beginning and ending within one."""
MIN_LIKE = 6
"""Letters of a phonetic key that may match by likeness: in shorter ones one letter makes another word."""
_MIN_SKELETON = 4
"""Consonants that tell a word whose vowels are misheard."""


@dataclass(frozen=True, slots=True)
class Match:
    """An entry found in a sentence."""

    entry: LexiconEntry
    first: int
    """Index of its first token."""
    last: int
    """Index of its last token, included."""
    score: float
    """0 to 1."""
    weight: float
    """Letters accounted for, times the squared score: what decides between matches that overlap."""
    places: frozenset[int] = frozenset()
    """Indices of the tokens that a compound is made of; of others it is made of all from the first to the last."""

    def fits(self, taken: Set[int]) -> bool:
        """Tell whether it may stand beside what has taken some tokens; a compound may share some of its words."""
        if self.places:
            return not self.places <= taken
        return taken.isdisjoint(range(self.first, self.last + 1))


@dataclass(frozen=True, slots=True)
class Form:
    """One way to say an entry."""

    entry: LexiconEntry
    letters: int
    min_ratio: float
    """Likeness of its phonetic key to another, 0 to 100, below which that says something else."""
    words: int

    def match(self, tokens: Sequence[Token], first: int, last: int, score: float) -> Match:
        """Return the match of this form with the tokens from `first` to `last`."""
        said = sum(len(token.text) for token in tokens[first : last + 1])
        return Match(self.entry, first, last, score, min(self.letters, said) * score * score)


def said_at(keys: Sequence[str], said: str, at: int) -> Iterator[str]:
    """Yield the keys that a text has at a place.

    Args:
        keys: that may be found across words, in the order of letters.
        said: the phonetic keys of words in a row.
        at: index of a letter.
    """
    beginning = said[at : at + MIN_ACROSS]
    place = bisect_left(keys, beginning)
    while place < len(keys) and keys[place].startswith(beginning):
        if said.startswith(keys[place], at):
            yield keys[place]
        place += 1


def by_skeleton(sounds: Mapping[str, Form]) -> Mapping[str, tuple[str, ...]]:
    """Return the keys of single words by their consonants, where these are enough to tell them."""
    found: defaultdict[str, list[str]] = defaultdict(list)
    single = [key for key, form in sounds.items() if form.words == 1 and len(key) >= MIN_LIKE]
    for key, consonants in zip(single, skeletons(single), strict=True):
        if len(consonants) >= _MIN_SKELETON:
            found[consonants].append(key)
    return {consonants: tuple(keys) for consonants, keys in found.items()}
