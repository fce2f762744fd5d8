"""Room tone: the quiet, steady noise of a shop that is never quite silent."""

import numpy as np
from numpy.typing import NDArray


def room_tone(samples: int, *, dbfs: float, seed: int) -> NDArray[np.float32]:
    """Make steady pink noise.

    White noise is shaped by 1/sqrt(f) in the frequency domain, flat below 50 Hz.

    Args:
        samples: how many, at 16 kHz.
        dbfs: RMS level against a full-scale square wave.
        seed: the same seed gives the same noise.

    Returns:
        float32 samples, shape (samples,).
    """
    white = np.random.default_rng(seed).standard_normal(samples)
    spectrum = np.fft.rfft(white)
    frequency = np.fft.rfftfreq(samples, 1 / 16_000)
    pink = np.fft.irfft(spectrum / np.sqrt(np.maximum(frequency, 50.0)), samples)
    level = 10 ** (dbfs / 20) / np.sqrt(np.mean(pink**2))
    tone: NDArray[np.float32] = (pink * level).astype(np.float32)
    return tone
