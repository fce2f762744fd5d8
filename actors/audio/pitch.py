"""Fundamental frequency of speech, by YIN, for all frames at once."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from actors.audio.frames import Samples, frame_rms, framed, from_spectra, spectra
from actors.values import SAMPLE_RATE

LOWEST_HZ: Final = 60.0
HIGHEST_HZ: Final = 500.0
HOP: Final = 512
_LONGEST: Final = int(SAMPLE_RATE / LOWEST_HZ) + 1
_SHORTEST: Final = int(SAMPLE_RATE / HIGHEST_HZ)
_FFT: Final = 768
"""A frame: the window that is compared and the longest lag behind it; a length that pocketfft is quick at."""
_WINDOW: Final = _FFT - _LONGEST - 1
_THRESHOLD: Final = 0.1
"""Of the normalised difference, below which the first dip is the period; the paper's own value."""
_VOICED: Final = 0.4
"""Of the normalised difference at the period, above which a frame is unvoiced. With 0.2 the falling ends of phrases are
missed and the mean comes out 3% above Praat's; noise stays above 0.5."""
_QUIET: Final = 10 ** (-30 / 20)
"""A frame this far below the loudest holds no voice worth measuring."""
_LAGS: Final = np.arange(1, _LONGEST + 2, dtype=np.float32)
_BLOCK: Final = 512
"""Frames treated at once, which bounds the memory."""


def pitch_track(samples: Samples, least_rms: float = 0.0) -> NDArray[np.float64]:
    """Estimate F0 in each frame.

    Source: de Cheveigné and Kawahara, "YIN, a fundamental frequency estimator for speech and music", 2002, steps 2
    to 5 (difference function, cumulative mean normalisation, absolute threshold, parabolic interpolation). Where no dip
    is below the threshold the deepest is taken, and whether it is deep enough tells whether the frame is voiced.

    Args:
        samples: full scale 1.0, 16 kHz, shape (n,).
        least_rms: RMS that a voiced frame exceeds.

    Returns:
        Hz, `LOWEST_HZ` to `HIGHEST_HZ`, one per `HOP` samples; NaN where a frame is unvoiced. Shape (frames,), empty
        for fewer than 768 samples.
    """
    if samples.size < _FFT:
        return np.zeros(0)
    frames = framed(samples, _FFT, HOP)
    rms = frame_rms(frames)
    loud = np.flatnonzero(rms > max(least_rms, float(rms.max()) * _QUIET, 1e-5))
    track = np.full(len(frames), np.nan)
    for at in range(0, len(loud), _BLOCK):
        chosen = loud[at : at + _BLOCK]
        track[chosen] = _yin(frames[chosen])
    return track


def _yin(frames: Samples) -> NDArray[np.float64]:
    frames = frames - frames.mean(axis=1, keepdims=True)
    normalised = _normalised_difference(frames)
    candidate = _first_dip(normalised)
    rows = np.arange(len(frames))
    before, here, after = (normalised[rows, candidate + step].astype(np.float64) for step in (-1, 0, 1))
    bend = before - 2 * here + after
    shift = np.where(bend > 1e-12, 0.5 * (before - after) / np.where(bend > 1e-12, bend, 1.0), 0.0)
    hz = SAMPLE_RATE / (candidate + np.clip(shift, -1, 1))
    voiced = (here < _VOICED) & (hz >= LOWEST_HZ) & (hz <= HIGHEST_HZ)
    return np.where(voiced, hz, np.nan)


def _normalised_difference(frames: Samples) -> NDArray[np.float32]:
    """Equation 8 for lags 0 to `_LONGEST + 1`, the difference of equation 6 taken from a correlation by FFT."""
    lags = _LONGEST + 2
    head = np.conj(spectra(frames[:, :_WINDOW], _FFT))
    np.multiply(spectra(frames), head, out=head)
    correlation = from_spectra(head, _FFT)[:, :lags]
    power = np.square(frames)
    energy = np.empty((len(frames), lags), dtype=np.float32)
    energy[:, 0] = power[:, :_WINDOW].sum(axis=1)
    # each lag's window has one sample more at its end and one less at its start
    np.subtract(power[:, _WINDOW : _WINDOW + lags - 1], power[:, : lags - 1], out=energy[:, 1:])
    energy = np.cumsum(energy, axis=1, out=energy)
    correlation *= 2
    difference = energy[:, :1] + energy
    difference -= correlation
    np.maximum(difference, 0.0, out=difference)
    running = np.cumsum(difference[:, 1:], axis=1)
    normalised = np.ones_like(difference)
    np.divide(difference[:, 1:] * _LAGS, running, out=normalised[:, 1:], where=running > 1e-12)
    return normalised


def _first_dip(normalised: NDArray[np.float32]) -> NDArray[np.intp]:
    """Return the first local minimum under the threshold, or the deepest lag where there is none."""
    searched = normalised[:, _SHORTEST : _LONGEST + 1]
    minimum = (searched <= normalised[:, _SHORTEST - 1 : _LONGEST]) & (
        searched < normalised[:, _SHORTEST + 1 : _LONGEST + 2]
    )
    dip = minimum & (searched < _THRESHOLD)
    first = np.where(dip.any(axis=1), dip.argmax(axis=1), searched.argmin(axis=1))
    return first + _SHORTEST
