"""What no entry of the vocabulary names: the nearest of a few hundred example sentences, or nothing."""

import asyncio
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from importlib.resources import files
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from actors.llm.encoder import EncoderAwayError, Vectors
from actors.llm.tfidf import CharacterTfidf

_LETTERS_WEIGHT = 0.6
"""Of the cosine by letters beside that by meaning: half of the letters are little words."""
_FLOOR = 0.72
"""Their sum, below which nothing is near."""
_FLOOR_OF_HUSH = 0.62
"""Cosine by meaning from which a sentence is as much to be hushed as an example."""
_LEAD_OF_HUSH = 0.1
"""By which it must be nearer to that than to anything else."""
_FLOOR_OF_LETTERS = 0.40
"""The same by letters alone, where there is no encoder."""
_MAX_LETTERS = 300


_SILENT = {"small_talk.txt": "small_talk", "requests.txt": "request"}
"""Lists whose sentences name nothing: what the vocabulary does not know of a product, no example does."""
_HUSHED = {
    "alarms.txt": "alarm",
    "prices_and_doses.txt": "price_or_dosage",
    "figures_of_speech.txt": "small_talk",
}
"""Lists whose sentences hush whatever the vocabulary finds in one that means the same."""


class Encoder(Protocol):
    """Turns sentences into vectors of length 1."""

    def encode(self, sentences: Sequence[str]) -> Vectors:
        """Return one row a sentence. Blocks; raises `EncoderAwayError`."""
        ...


@runtime_checkable
class AwaitedEncoder(Encoder, Protocol):
    """One that need not be waited for in a thread."""

    async def encode_one(self, sentence: str) -> NDArray[np.float32]:
        """Return the row of a sentence; raises `EncoderAwayError`."""
        ...


@dataclass(frozen=True, slots=True)
class Example:
    """A sentence, and the vocabulary's name of what it complains of or asks for; None where nothing is to be said."""

    text: str
    name: str | None
    hush: bool = False
    """Whether nothing is to be sold on it, whatever it names: an alarm sign, talk of a price or a dose."""
    kind: str = "request"
    """One of `by_example.KINDS`."""


@dataclass(frozen=True, slots=True)
class Near:
    """What a sentence is near to."""

    name: str | None = None
    """Of the vocabulary; None if the nearest is small talk, to be hushed or too far away."""
    hush: bool = False
    """Whether it means much the same as an example that is hushed and nothing else as much. Only an encoder tells."""
    alarm: bool = False
    """Whether what hushes is an alarm sign."""
    price: bool = False
    """Whether it is a question of price or dose."""
    vector: NDArray[np.float32] | None = None
    """What the encoder makes of the sentence, shape (512,)."""


class NearestExamples:
    """The examples, by their letters and, where an encoder is given, by their meaning. Only `look` does not block.

    Args:
        examples: whose names are all in the vocabulary.
        encoder: loaded and run on the examples by `prepare`, or else when first needed.
    """

    def __init__(self, examples: Sequence[Example], encoder: Encoder | None = None) -> None:
        self._examples = tuple(examples)
        self._hushed = np.array([example.hush for example in self._examples], dtype=np.bool_)
        self._letters = CharacterTfidf([example.text for example in self._examples])
        self._encoder = encoder
        self._vectors: Vectors | None = None
        self._lock = threading.Lock()

    def prepare(self) -> None:
        """Load the encoder and run it on the examples; a second time it does nothing."""
        with self._lock, suppress(EncoderAwayError):
            if self._encoder is not None and self._vectors is None and self._examples:
                self._vectors = self._encoder.encode([example.text for example in self._examples])

    async def look(self, text: str) -> Near:
        """Return what a sentence is near to, as `find`, without blocking: a thread, or another process, encodes it."""
        if not self._ready:
            await asyncio.to_thread(self.prepare)
        text = text[:_MAX_LETTERS]
        vector: NDArray[np.float32] | None = None
        with suppress(EncoderAwayError):
            if self._vectors is not None and isinstance(self._encoder, AwaitedEncoder):
                vector = await self._encoder.encode_one(text)
            elif self._vectors is not None:
                vector = await asyncio.to_thread(self._meaning, text)
        return self._near(text, vector)

    def find(self, text: str) -> Near:
        """Return what a sentence is near to; its first 300 letters count."""
        self.prepare()
        text = text[:_MAX_LETTERS]
        return self._near(text, self._meaning(text))

    @property
    def _ready(self) -> bool:
        return self._encoder is None or self._vectors is not None or not self._examples

    def _near(self, text: str, vector: NDArray[np.float32] | None) -> Near:
        if not self._examples:
            return Near()
        by_letters = self._letters.likeness(text)
        if vector is None or self._vectors is None:
            return Near(self._nearest(by_letters, _FLOOR_OF_LETTERS))
        by_meaning = self._vectors @ vector
        name = self._nearest(by_meaning + _LETTERS_WEIGHT * by_letters, _FLOOR)
        hushed = float(by_meaning[self._hushed].max(initial=0.0))
        other = float(by_meaning[~self._hushed].max(initial=0.0))
        kind = self._examples[int(np.argmax(np.where(self._hushed, by_meaning, -1)))].kind
        hush = hushed >= max(_FLOOR_OF_HUSH, other + _LEAD_OF_HUSH)
        alarm, price = hush and kind == "alarm", hush and kind == "price_or_dosage"
        return Near(name, hush=hush, alarm=alarm, price=price, vector=vector)

    def _meaning(self, text: str) -> NDArray[np.float32] | None:
        if self._encoder is None or self._vectors is None:
            return None
        with suppress(EncoderAwayError):
            vector: NDArray[np.float32] = self._encoder.encode([text])[0]
            return vector
        return None

    def _nearest(self, likeness: NDArray[np.float32], floor: float) -> str | None:
        best = int(np.argmax(likeness))
        return self._examples[best].name if likeness[best] >= floor else None


def shipped_examples(known: Callable[[str], bool]) -> tuple[Example, ...]:
    """Return the examples that come with the package, but those whose name `known` does not know."""
    named = [Example(text, name) for name, text in _lines("examples.txt") if name and known(name)]
    silent = [Example(text, None, kind=kind) for name, kind in _SILENT.items() for _, text in _lines(name)]
    hushed = [Example(text, None, hush=True, kind=kind) for name, kind in _HUSHED.items() for _, text in _lines(name)]
    return (*named, *silent, *hushed)


def _lines(name: str) -> Iterator[tuple[str | None, str]]:
    for line in (files("actors.llm") / "word_lists" / name).read_text(encoding="utf-8").splitlines():
        if line.strip() and not line.startswith("#"):
            label, colon, text = line.partition(": ")
            yield (label.strip(), text.strip()) if colon else (None, line.strip())
