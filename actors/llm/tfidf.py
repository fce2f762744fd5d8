"""Likeness of sentences by their letters: TF-IDF over groups of three to five characters within words."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from actors.llm.phonetics import fold

_SIZES = (3, 4, 5)
_WORD = re.compile(r"[a-z0-9]+")


class CharacterTfidf:
    """Weights learnt from the given sentences (Salton & Buckley, 1988, with logarithmic counts and smoothed idf)."""

    def __init__(self, sentences: Sequence[str]) -> None:
        counts = [Counter(_groups(sentence)) for sentence in sentences]
        spread = Counter(group for each in counts for group in each)
        self._columns = {group: column for column, group in enumerate(spread)}
        frequency = np.fromiter(spread.values(), dtype=np.float32, count=len(spread))
        self._idf: NDArray[np.float32] = np.log((1 + len(sentences)) / (1 + frequency)) + 1
        self._rows = np.zeros((len(sentences), len(spread)), dtype=np.float32)
        for row, each in enumerate(counts):
            columns, weights = self._weighed(each)
            self._rows[row, columns] = weights

    def likeness(self, sentence: str) -> NDArray[np.float32]:
        """Return the cosine of a sentence with each of the given ones, 0 to 1: shape (sentences,)."""
        columns, weights = self._weighed(Counter(_groups(sentence)))
        return self._rows[:, columns] @ weights

    def _weighed(self, counts: Counter[str]) -> tuple[NDArray[np.intp], NDArray[np.float32]]:
        known = [(self._columns[group], count) for group, count in counts.items() if group in self._columns]
        columns = np.array([column for column, _ in known], dtype=np.intp)
        weights = (1 + np.log(np.array([count for _, count in known], dtype=np.float32))) * self._idf[columns]
        length = float(np.linalg.norm(weights))
        return columns, (weights / length if length else weights).astype(np.float32)


def _groups(sentence: str) -> Iterator[str]:
    for word in _WORD.findall(fold(sentence)):
        padded = f" {word} "
        for size in _SIZES:
            for first in range(max(1, len(padded) - size + 1)):
                yield padded[first : first + size]
