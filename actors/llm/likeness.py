"""The phonetic keys of a vocabulary that are like another one: by their letters first, then by the order of these."""

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray
from rapidfuzz import fuzz, process

from actors.llm.forms import MIN_LIKE

MIN_RATIO: Final = 85.0
"""Likeness of two phonetic keys, 0 to 100, below which they are different words."""

_NEAREST: Final = 3
"""Likenesses looked at: the nearest one may rest on other consonants."""

_REMEMBERED: Final = 1024
"""Keys whose nearest are kept: people repeat themselves."""

_BITS: Final[Mapping[str, tuple[int, int]]] = {
    **{letter: (1 << 2 * at, 2 << 2 * at) for at, letter in enumerate("abcdefghijklmnopqrstuvwxyz")},
    **{digit: (1 << 52 + at, 1 << 52 + at) for at, digit in enumerate("0123456789")},
}
"""The bit of a letter that a key has, and of one that it has again. Digits have one bit alone."""


class Likeness:
    """Finds the keys whose likeness to another reaches `MIN_RATIO`; immutable once built.

    That likeness is 1 - d / (m + n), d being how many letters must go from either for the same to be left (Levenshtein,
    1966, without substitutions), m and n their lengths. No fewer than those that only one of them has must go, which
    is told for thousands of keys at once and leaves a few for the real comparison.

    Args:
        keys: phonetic keys, of the letters a to z and digits; those of the same length in the order of preference.
    """

    def __init__(self, keys: Iterable[str]) -> None:
        self._keys = tuple(sorted(keys, key=len))
        self._letters = _letters_of(self._keys)
        lengths = np.array([len(key) for key in self._keys], dtype=np.intp)
        longest = int(lengths.max(initial=0))
        self._reach = {length: _reach(lengths, length) for length in range(MIN_LIKE, 2 * longest)}
        self._remembered = lru_cache(_REMEMBERED)(self._nearest)

    def nearest(self, key: str) -> tuple[tuple[str, float], ...]:
        """Return the keys that are most like another, the nearest first, each with its likeness, 0 to 100."""
        return self._remembered(key) if len(key) in self._reach else ()

    def _nearest(self, key: str) -> tuple[tuple[str, float], ...]:
        first, most = self._reach[len(key)]
        differing = np.bitwise_count(self._letters[first : first + most.size] ^ np.uint64(_letters(key)))
        worth = [self._keys[first + place] for place in np.flatnonzero(differing <= most).tolist()]
        found = process.extract(key, worth, scorer=fuzz.ratio, score_cutoff=MIN_RATIO, limit=_NEAREST)
        return tuple((other, ratio) for other, ratio, _ in found)


def _letters(key: str) -> int:
    bits = 0
    for letter in key:
        once, again = _BITS[letter]
        bits |= again if bits & once else once
    return bits


def _letters_of(keys: Sequence[str]) -> NDArray[np.uint64]:
    """Return what `_letters` does of each key, letter after letter of all of them at once."""
    once, again = (np.zeros(256, dtype=np.uint64) for _ in range(2))
    for letter, bits in _BITS.items():
        once[ord(letter)], again[ord(letter)] = bits
    found = np.zeros(len(keys), dtype=np.uint64)
    codes = np.array(keys, dtype=np.bytes_)
    for column in codes.view(np.uint8).reshape(len(keys), codes.itemsize).T:
        found |= np.where(found & once[column], again[column], once[column])
    return found


def _reach(lengths: NDArray[np.intp], length: int) -> tuple[int, NDArray[np.uint8]]:
    """Return the first key that is of the length to be like one of `length`, and how much these may differ each."""
    share = MIN_RATIO / (200 - MIN_RATIO)
    fitting = np.flatnonzero(np.minimum(lengths, length) >= share * np.maximum(lengths, length))
    # A little more than the exact limit, which floating point may miss: the real comparison decides.
    most = (1 - MIN_RATIO / 100) * (lengths[fitting] + length) + 1e-6
    return int(fitting[0]) if fitting.size else 0, most.astype(np.uint8)
