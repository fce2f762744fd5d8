"""What the classifier by example sees of a sentence: its words, letters and sounds, hashed into one sparse row."""

import zlib
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from itertools import chain, pairwise
from typing import Final

import numpy as np
from numpy.typing import NDArray

from actors.llm.words import MAX_LETTERS, sound, tokenise

BUCKETS = 1 << 13
"""Length of a row (Weinberger et al., "Feature hashing for large scale multitask learning", 2009)."""

_REMEMBERED = 2048
"""Words whose buckets are kept: people repeat themselves."""
_LONGEST = 32
"""Letters of such a word: nobody says a longer one twice."""
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
    counts = Counter(_buckets(sentence[:MAX_LETTERS]))
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


def _buckets(sentence: str) -> Iterable[int]:
    """Return the bucket of each feature: words, pairs of them, then the letters of each word, then sounds."""
    tokens = tokenise(sentence)
    words = list(_words([token.text for token in tokens]))
    pairs = (f"b {one} {other}" for one, other in pairwise(["<", *words, ">"]))
    said = "".join(sound(token.heard) for token in tokens)
    sounds = (f"s {said[first : first + size]}" for size in _SOUNDS for first in range(len(said) - size + 1))
    return chain(
        map(_of_word, words),
        map(_bucket, pairs),
        chain.from_iterable(_of_letters(word) if len(word) <= _LONGEST else _letters(word) for word in words),
        map(_bucket, sounds),
    )


def _bucket(feature: str) -> int:
    return zlib.crc32(feature.encode()) % BUCKETS


@lru_cache(_REMEMBERED)
def _of_word(word: str) -> int:
    return _bucket(f"w {word}")


def _letters(word: str) -> tuple[int, ...]:
    padded = f" {word} "
    groups = (padded[first : first + size] for size in _LETTERS for first in range(len(padded) - size + 1))
    return tuple(map(_bucket, groups))


_of_letters = lru_cache(_REMEMBERED)(_letters)
