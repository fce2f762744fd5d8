"""What no entry of the vocabulary names: the nearest of a few hundred example sentences, or nothing."""

import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from importlib.resources import files
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from actors.llm.encoder import Vectors
from actors.llm.tfidf import CharacterTfidf

_LETTERS_WEIGHT = 0.6
"""Of the cosine by letters beside that by meaning: half of the letters are little words."""
_FLOOR = 0.66
"""Their sum, below which nothing is near."""
_FLOOR_OF_LETTERS = 0.30
"""The same by letters alone, where there is no encoder."""
_MAX_LETTERS = 300


class Encoder(Protocol):
    """Turns sentences into vectors of length 1."""

    def encode(self, sentences: Sequence[str]) -> Vectors:
        """Return one row a sentence. Blocks."""
        ...


@dataclass(frozen=True, slots=True)
class Example:
    """A sentence, and the vocabulary's name of what it complains of or asks for; None where nothing is to be said."""

    text: str
    name: str | None


@dataclass(frozen=True, slots=True)
class Near:
    """What a sentence is nearest to."""

    name: str
    likeness: float
    """A weighted sum of cosines with the encoder, one cosine without."""


class NearestExamples:
    """The examples, by their letters and, where an encoder is given, by their meaning. Its methods block.

    Args:
        examples: whose names are all in the vocabulary.
        encoder: loaded and run on the examples by `prepare`, or else when first needed.
    """

    def __init__(self, examples: Sequence[Example], encoder: Encoder | None = None) -> None:
        self._examples = tuple(examples)
        self._letters = CharacterTfidf([example.text for example in self._examples])
        self._encoder = encoder
        self._vectors: Vectors | None = None
        self._lock = threading.Lock()

    @property
    def ready(self) -> bool:
        """Whether `find` answers without loading anything."""
        return self._encoder is None or self._vectors is not None

    def prepare(self) -> None:
        """Load the encoder and run it on the examples; a second time it does nothing."""
        with self._lock:
            if self._encoder is not None and self._vectors is None and self._examples:
                self._vectors = self._encoder.encode([example.text for example in self._examples])

    def find(self, text: str) -> Near | None:
        """Return what the nearest example names; None if that is small talk, an alarm or too far away."""
        if not self._examples:
            return None
        self.prepare()
        likeness, floor = self._likeness(text[:_MAX_LETTERS])
        best = int(np.argmax(likeness))
        name = self._examples[best].name
        return Near(name, float(likeness[best])) if name is not None and likeness[best] >= floor else None

    def _likeness(self, text: str) -> tuple[NDArray[np.float32], float]:
        by_letters = self._letters.likeness(text)
        if self._encoder is None or self._vectors is None:
            return by_letters, _FLOOR_OF_LETTERS
        by_meaning = self._vectors @ self._encoder.encode([text])[0]
        return by_meaning + _LETTERS_WEIGHT * by_letters, _FLOOR


def shipped_examples(known: Callable[[str], bool]) -> tuple[Example, ...]:
    """Return the examples that come with the package, but those whose name `known` does not know."""
    named = [Example(text, name) for name, text in _lines("examples.txt") if name and known(name)]
    silent = [Example(text, None) for name in ("small_talk.txt", "alarms.txt") for _, text in _lines(name)]
    return (*named, *silent)


def _lines(name: str) -> Iterator[tuple[str | None, str]]:
    for line in (files("actors.llm") / "word_lists" / name).read_text(encoding="utf-8").splitlines():
        if line.strip() and not line.startswith("#"):
            label, colon, text = line.partition(": ")
            yield (label.strip(), text.strip()) if colon else (None, line.strip())
