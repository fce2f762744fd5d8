"""The energy gate: a noise floor that falls at once and rises slowly, and the threshold above it."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from actors.values import Pcm

_RISE_DB_PER_S: Final = 6.0
"""While the detector hears no voice: new steady noise is learned within seconds."""
_RISE_VOICED_DB_PER_S: Final = 1.0
"""While it hears one: the gaps between words keep the floor down, a long vowel hardly lifts it."""
_LEAST: Final = 1.0
"""RMS that the floor never falls below, so that it can rise again after digital silence."""


def frame_rms(frames: Pcm) -> NDArray[np.float64]:
    """Return the RMS of each frame.

    Sums of squares of int16 samples are whole numbers below 2**53, so float64 adds them exactly in any order.

    Args:
        frames: shape (n, samples per frame), fewer than two million samples per frame.

    Returns:
        Shape (n,), in int16 units.
    """
    wide = frames.astype(np.float64)
    energies: NDArray[np.float64] = np.einsum("ij,ij->i", wide, wide)
    rms: NDArray[np.float64] = np.sqrt(energies / frames.shape[1])
    return rms


class EnergyGate:
    """Tracks the noise floor over frames and tells which are loud enough to be speech.

    Args:
        multiplier: how many times the floor a frame's RMS must be.
        min_energy: RMS below which nothing is speech.
        frame_ms: length of a frame.
    """

    def __init__(self, multiplier: float, min_energy: float, frame_ms: int) -> None:
        self._multiplier = multiplier
        self._min_energy = min_energy
        self._rise = 10 ** (_RISE_DB_PER_S * frame_ms / 1000 / 20)
        self._rise_voiced = 10 ** (_RISE_VOICED_DB_PER_S * frame_ms / 1000 / 20)
        self._floor: float | None = None

    @property
    def floor(self) -> float:
        """Tracked RMS of the noise; 0 before the first frame."""
        return self._floor or 0.0

    @property
    def threshold(self) -> float:
        """RMS that a frame needs."""
        return max(self._min_energy, self.floor * self._multiplier)

    def passes(self, rms: float, *, voiced: bool) -> bool:
        """Take the next frame into the floor and tell whether it is loud enough."""
        if self._floor is None:
            self._floor = max(rms, _LEAST)
        else:
            risen = self._floor * (self._rise_voiced if voiced else self._rise)
            self._floor = max(min(rms, risen), _LEAST)
        return rms >= self.threshold
