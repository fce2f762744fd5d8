"""Cutting samples into overlapping frames, as librosa does, and their spectra."""

from collections.abc import Iterator
from typing import Final

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

Samples = NDArray[np.float32]
_BLOCK: Final = 512
"""Frames looked at in one go; the phrases of a session have hardly more."""


def framed(samples: Samples, length: int, hop: int) -> Samples:
    """Return the whole frames of samples, shape (n, length), read-only; a view, not a copy.

    Args:
        samples: shape (m,), m at least `length`.
        length: samples of a frame.
        hop: samples from one frame's start to the next one's.
    """
    return sliding_window_view(samples, length)[::hop]


def blocks(frames: Samples) -> Iterator[Samples]:
    """Yield frames some at a time: what is computed of all frames of an hour at once wouldn't fit into memory."""
    for at in range(0, len(frames), _BLOCK):
        yield frames[at : at + _BLOCK]


def frame_rms(frames: Samples) -> Samples:
    """Return the RMS of each frame, shape (n,), n at least 1."""
    return np.concatenate([np.sqrt(np.mean(np.square(block), axis=1)) for block in blocks(frames)])


def spectra(frames: Samples, length: int | None = None) -> NDArray[np.complex64]:
    """Return the spectrum of each frame, zeros behind it up to `length`: shape (n, length // 2 + 1)."""
    # takes a quarter of a second to import, and not every process measures; three times as fast as numpy's
    from scipy import fft  # noqa: PLC0415

    result: NDArray[np.complex64] = fft.rfft(frames, length, axis=1)
    return result


def from_spectra(spectrum: NDArray[np.complex64], length: int) -> Samples:
    """Return the frames of `length` samples whose spectra these are."""
    from scipy import fft  # noqa: PLC0415 - as above

    result: Samples = fft.irfft(spectrum, n=length, axis=1)
    return result
