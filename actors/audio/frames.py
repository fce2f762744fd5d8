"""Cutting samples into overlapping frames, as librosa does."""

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

Samples = NDArray[np.float32]


def framed(samples: Samples, length: int, hop: int) -> Samples:
    """Return the whole frames of samples, shape (n, length), read-only; a view, not a copy.

    Args:
        samples: shape (m,), m at least `length`.
        length: samples of a frame.
        hop: samples from one frame's start to the next one's.
    """
    return sliding_window_view(samples, length)[::hop]
