"""How all names of a vocabulary are spelled and sound: what `words` tells of one sentence, of thousands at a time."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import batched, chain
from typing import Final, NamedTuple

from actors.llm.numbers import TURNED
from actors.llm.phonetics import fold, phonetic_keys, spoken, spoken_otherwise
from actors.llm.words import FILLERS, MAX_LETTERS, MIN_SOUNDED, heard_of_stem, stem_of, tokenise

_SEVERAL: Final = 2
_TOGETHER: Final = 512
"""Names that are taken apart at a time: with more it is no faster, and takes memory."""
_BETWEEN: Final = re.compile(r"[^\w\n]+|_+")
"""What stands between words."""


class Spelt(NamedTuple):
    """A name, taken apart as `tokenise` does."""

    words: list[str]
    """Folded."""
    telling: Sequence[str]
    """Those of them that are no fillers."""
    stems: tuple[str, ...]
    """Of the telling words where these are several, each stem once, in the order of letters."""
    stem_sounds: tuple[str, ...]
    """Phonetic keys of these stems, the same way."""
    key: str
    """Phonetic key of the whole."""


def spelled(names: Iterable[str]) -> Iterator[Spelt]:
    """Yield how each name is spelled and sounds.

    Every word is looked at once, and the rules of sound go over hundreds of words together: that takes half the time
    that it takes name by name, and what several names have in common is in memory once.
    """
    words = _Words()
    for batch in batched(names, _TOGETHER):
        yield from words.of(batch)


class _Words:
    """The words of names, by how they are heard, each looked at when it first occurs."""

    def __init__(self) -> None:
        self._texts: dict[str, str] = {}
        """Folded."""
        self._said: dict[str, str] = {}
        """As `spoken` spells out those that it spells otherwise."""
        self._telling: dict[str, tuple[str, str, str]] = {}
        """Of those that are no fillers: the folded word, its stem and that one's phonetic key."""
        self._stems: dict[str, str] = {}

    def of(self, names: Sequence[str]) -> Iterator[Spelt]:
        """Yield how each of some names is spelled and sounds."""
        heard = _heard(names)
        self._learn(set(chain.from_iterable(heard)))
        for place, words in enumerate(heard):
            if not TURNED.isdisjoint([self._texts[word] for word in words]):
                heard[place] = [token.heard for token in tokenise(names[place])]
                self._learn(set(heard[place]))
        keys = phonetic_keys(
            ["".join([self._said.get(word) or self._texts[word] for word in words]) for words in heard]
        )
        for words, key in zip(heard, keys, strict=True):
            telling = [self._telling[word] for word in words if word in self._telling]
            folded = [self._texts[word] for word in words]
            if len(telling) < _SEVERAL:
                yield Spelt(folded, [text for text, _, _ in telling], (), (), key)
            else:
                whole, short, sounding = zip(*telling, strict=True)
                yield Spelt(folded, whole, bag(short), bag(sounding), key)

    def _learn(self, words: set[str]) -> None:
        new = words - self._texts.keys()
        texts = _in_lines(fold, new)
        self._texts |= texts
        self._said |= _in_lines(spoken, filter(spoken_otherwise, new))
        telling = {word: text for word, text in texts.items() if text not in FILLERS}
        for text in telling.values():
            if text not in self._stems:
                self._stems[text] = stem_of(text)
        sounds = _stem_sounds(telling, self._stems)
        self._telling |= {word: (text, self._stems[text], sounds[word]) for word, text in telling.items()}


def bag(stems: Iterable[str]) -> tuple[str, ...]:
    """Return stems without their order, each once."""
    return tuple(sorted(set(stems)))


def _heard(names: Sequence[str]) -> list[list[str]]:
    """Return the words of each name in lower case."""
    lines = "\n".join([name[:MAX_LETTERS].replace("\n", " ") for name in names])
    return [line.split() for line in _BETWEEN.sub(" ", lines).casefold().split("\n")] if names else []


def _in_lines(change: Callable[[str], str], words: Iterable[str]) -> dict[str, str]:
    """Return what a change that looks at no neighbours makes of each word, having applied it to all of them at once."""
    listed = list(words)
    changed = change("\n".join(listed)).split("\n") if listed else []
    # What stays the same is not to be there twice.
    return {word: word if word == other else other for word, other in zip(listed, changed, strict=True)}


def _stem_sounds(texts: Mapping[str, str], stems: Mapping[str, str]) -> dict[str, str]:
    """Return the phonetic key of each word's stem, as `stem_sound` does, by the word as it is heard."""
    heard = {word: heard_of_stem(text, word, stems[text]) for word, text in texts.items()}
    long = list({said for said in heard.values() if len(said) >= MIN_SOUNDED})
    keys = dict(zip(long, phonetic_keys(_in_lines(spoken, long).values()), strict=True))
    return {word: keys.get(said, stems[texts[word]]) for word, said in heard.items()}
