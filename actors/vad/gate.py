"""The energy gate: a noise floor that falls at once and rises slowly, and the threshold above it."""

from collections.abc import Sequence
from math import sqrt
from typing import Final

import numpy as np

from actors.values import Pcm

_RISE_DB_PER_S: Final = 6.0
"""While nobody speaks: new steady noise is learned within seconds."""
_RISE_SPEAKING_DB_PER_S: Final = 1.0
"""While somebody does: the gaps between words keep the floor down, a long vowel hardly lifts it."""
_LEAST: Final = 1.0
"""RMS that the floor never falls below, so that it can rise again after digital silence."""


def window_rms(windows: Pcm) -> list[float]:
    """Return the RMS of each window, in int16 units.

    Sums of squares of int16 samples are whole numbers below 2**53, so float64 adds them exactly in any order.

    Args:
        windows: shape (n, samples per window), fewer than two million samples per window.
    """
    wide, size = windows.astype(np.float64), windows.shape[1]
    return [sqrt(energy / size) for energy in np.vecdot(wide, wide).tolist()]


class EnergyGate:
    """Tracks the noise floor over windows and tells which are loud enough to be speech.

    Args:
        multiplier: how many times the floor a window's RMS must be.
        min_energy: RMS below which nothing is speech.
        window_ms: length of a window.
        begin: RMS that the floor begins with, unless the first window is quieter; None for that window's own.
    """

    __slots__ = ("_min_energy", "_multiplier", "_rise", "_rise_speaking", "floor")

    def __init__(self, multiplier: float, min_energy: float, window_ms: int, *, begin: float | None = None) -> None:
        self._multiplier = multiplier
        self._min_energy = min_energy
        self._rise = 10 ** (_RISE_DB_PER_S * window_ms / 1000 / 20)
        self._rise_speaking = 10 ** (_RISE_SPEAKING_DB_PER_S * window_ms / 1000 / 20)
        self.floor = begin or 0.0
        """Tracked RMS of the noise; 0 before the first window where it begins with that."""

    @property
    def threshold(self) -> float:
        """RMS that a window needs."""
        return max(self._min_energy, self.floor * self._multiplier)

    def loud(self, levels: Sequence[float], speaking: Sequence[bool]) -> list[bool]:
        """Take the next windows into the floor, one after the other, and tell which are loud enough.

        Args:
            levels: RMS of each.
            speaking: whether somebody speaks in it.
        """
        floor, flags = self.floor, []
        for rms, voice in zip(levels, speaking, strict=True):
            floor *= self._rise_speaking if voice else self._rise
            if rms < floor or not floor:
                floor = rms
            floor = max(floor, _LEAST)
            flags.append(rms >= self._min_energy and rms >= floor * self._multiplier)
        self.floor = floor
        return flags
