"""Likeness of sentences by their letters: TF-IDF over groups of three to five characters within words."""

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import chain

import numpy as np
from numpy.typing import NDArray

from actors.llm.phonetics import fold

_SIZES = (3, 4, 5)
_WORD = re.compile(r"[a-z0-9]+")
_REMEMBERED = 2048
"""Words whose groups are kept: people repeat themselves."""
_LONGEST = 32
"""Letters of such a word: nobody says a longer one twice."""


class CharacterTfidf:
    """Weights learnt from the given sentences (Salton & Buckley, 1988, with logarithmic counts and smoothed idf)."""

    def __init__(self, sentences: Sequence[str]) -> None:
        counts = [Counter(chain.from_iterable(map(_groups, _words(sentence)))) for sentence in sentences]
        spread = Counter(group for each in counts for group in each)
        self._columns = {group: column for column, group in enumerate(spread)}
        self._remembered = lru_cache(_REMEMBERED)(self._known)
        frequency = np.fromiter(spread.values(), dtype=np.float32, count=len(spread))
        self._idf: NDArray[np.float32] = np.log((1 + len(sentences)) / (1 + frequency)) + 1
        weighed = [self._weighed({self._columns[group]: count for group, count in each.items()}) for each in counts]
        rows = np.repeat(np.arange(len(sentences)), [len(columns) for columns, _ in weighed])
        columns = np.concatenate([columns for columns, _ in weighed] or [np.zeros(0, dtype=np.intp)])
        weights = np.concatenate([weights for _, weights in weighed] or [np.zeros(0, dtype=np.float32)])
        # By group: few sentences have any one, and a sentence has few of all of them.
        order = np.argsort(columns, kind="stable")
        self._rows: NDArray[np.int32] = rows[order].astype(np.int32)
        self._weights: NDArray[np.float32] = weights[order]
        self._starts = np.searchsorted(columns[order], np.arange(len(spread) + 1))
        self._sentences = len(sentences)

    def likeness(self, sentence: str) -> NDArray[np.float32]:
        """Return the cosine of a sentence with each of the given ones, 0 to 1: shape (sentences,)."""
        known = (self._remembered(word) if len(word) <= _LONGEST else self._known(word) for word in _words(sentence))
        columns, weights = self._weighed(Counter(chain.from_iterable(known)))
        first = self._starts[columns]
        sizes = self._starts[columns + 1] - first
        # Where the entries of these groups stand: each group's own run of places, one run behind the other.
        places = np.arange(sizes.sum()) + np.repeat(first - np.cumsum(sizes) + sizes, sizes)
        shares = np.repeat(weights, sizes) * self._weights[places]
        return np.bincount(self._rows[places], shares, self._sentences).astype(np.float32)

    def _known(self, word: str) -> tuple[int, ...]:
        return tuple(self._columns[group] for group in _groups(word) if group in self._columns)

    def _weighed(self, counts: Mapping[int, int]) -> tuple[NDArray[np.intp], NDArray[np.float32]]:
        columns = np.fromiter(counts, dtype=np.intp, count=len(counts))
        often = np.fromiter(counts.values(), dtype=np.float32, count=len(counts))
        weights = (1 + np.log(often)) * self._idf[columns]
        length = float(np.linalg.norm(weights))
        return columns, (weights / length if length else weights).astype(np.float32)


def _words(sentence: str) -> list[str]:
    return _WORD.findall(fold(sentence))


def _groups(word: str) -> Iterator[str]:
    padded = f" {word} "
    for size in _SIZES:
        for first in range(max(1, len(padded) - size + 1)):
            yield padded[first : first + size]
