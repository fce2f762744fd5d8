"""What the classifier by example sees of a sentence: its words, letters and sounds, hashed into one sparse row."""

import zlib
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Final

import numpy as np
from numpy.typing import NDArray

from actors.llm.words import MAX_LETTERS, sound, tokenise

BUCKETS = 1 << 13
"""Length of a row (Weinberger et al., "Feature hashing for large scale multitask learning", 2009)."""

_LETTERS = (3, 4, 5)
_SOUNDS = (4, 5)
_NUMBER = "#"
_MONTHS, _YEARS = ("mes", "meses"), ("ano", "anos")
_AGES: Final = (("c", 11), ("j", 17), ("a", 59), ("i", 10**9))
"""How many years may be a child's, a youth's, an adult's and an old one's."""


def counted(sentence: str) -> tuple[NDArray[np.intp], NDArray[np.float32]]:
    """Return the buckets of a sentence's features and the logarithm of how often each is there, 1 for once.

    Args:
        sentence: any text; its first `MAX_LETTERS` letters count.
    """
    counts = Counter(zlib.crc32(feature.encode()) % BUCKETS for feature in _features(sentence[:MAX_LETTERS]))
    columns = np.fromiter(counts, dtype=np.intp, count=len(counts))
    return columns, 1 + np.log(np.fromiter(counts.values(), dtype=np.float32, count=len(counts)))


def inverse_frequency(rows: Sequence[NDArray[np.intp]]) -> NDArray[np.float32]:
    """Return the smoothed inverse document frequency of each bucket, shape (BUCKETS,), from the rows of a corpus."""
    spread = np.bincount(np.concatenate(rows), minlength=BUCKETS) if rows else np.zeros(BUCKETS)
    return (np.log((1 + len(rows)) / (1 + spread)) + 1).astype(np.float32)


def weighed(
    row: tuple[NDArray[np.intp], NDArray[np.float32]], idf: NDArray[np.float32]
) -> tuple[NDArray[np.intp], NDArray[np.float32]]:
    """Return a row times the inverse frequencies, of length 1 (Salton & Buckley, 1988)."""
    columns, counts = row
    weights = counts * idf[columns]
    return columns, weights / max(float(np.linalg.norm(weights)), 1e-9)


def _words(said: Sequence[str]) -> Iterator[str]:
    """Yield words, numbers as one word, but ages by how old one is: a child's cough is not a grandfather's."""
    for word, unit in zip(said, [*said[1:], ""], strict=False):
        if not word.isdigit():
            yield word
        elif unit in _MONTHS:
            yield f"{_NUMBER}m"
        elif unit in _YEARS:
            yield _NUMBER + next(label for label, last in _AGES if int(word) <= last)
        else:
            yield _NUMBER


def _features(sentence: str) -> Iterator[str]:
    tokens = tokenise(sentence)
    words = list(_words([token.text for token in tokens]))
    yield from (f"w {word}" for word in words)
    yield from (f"b {one} {other}" for one, other in pairwise(["<", *words, ">"]))
    for word in words:
        padded = f" {word} "
        for size in _LETTERS:
            yield from (padded[first : first + size] for first in range(len(padded) - size + 1))
    said = "".join(sound(token.heard) for token in tokens)
    for size in _SOUNDS:
        yield from (f"s {said[first : first + size]}" for first in range(len(said) - size + 1))
