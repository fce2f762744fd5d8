"""How all names of a vocabulary are spelled and sound: what `words` tells of one sentence, of thousands at a time."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import chain
from typing import Final, NamedTuple

from actors.llm.numbers import TURNED
from actors.llm.phonetics import fold, phonetic_keys, spoken, spoken_otherwise
from actors.llm.words import FILLERS, MAX_LETTERS, MIN_SOUNDED, heard_of_stem, stem, tokenise

_SEVERAL: Final = 2
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


def spelled(names: Sequence[str]) -> Iterator[Spelt]:
    """Yield how each name is spelled and sounds.

    Every word is looked at once, and the rules of sound go over all words together: that takes a quarter of the time
    that it takes name by name, and what several names have in common is in memory once.
    """
    heard = _heard(names)
    texts = _in_lines(fold, set(chain.from_iterable(heard)))
    turned = {word for word, text in texts.items() if text in TURNED}
    for place, words in enumerate(heard):
        if not turned.isdisjoint(words):
            tokens = tokenise(names[place])
            texts.update((token.heard, token.text) for token in tokens)
            heard[place] = [token.heard for token in tokens]
    stems = {text: stem(text) for text in set(texts.values())}
    sounds = _stem_sounds(texts, stems)
    said = texts | _in_lines(spoken, [word for word in texts if spoken_otherwise(word)])
    keys = phonetic_keys(["".join(map(said.__getitem__, words)) for words in heard])
    tells = {word: (text, stems[text], sounds[word]) for word, text in texts.items() if text not in FILLERS}
    for words, key in zip(heard, keys, strict=True):
        telling = [tells[word] for word in words if word in tells]
        folded = [texts[word] for word in words]
        if len(telling) < _SEVERAL:
            yield Spelt(folded, [text for text, _, _ in telling], (), (), key)
        else:
            whole, short, sounding = zip(*telling, strict=True)
            yield Spelt(folded, whole, bag(short), bag(sounding), key)


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
