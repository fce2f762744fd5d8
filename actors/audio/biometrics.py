"""Coarse acoustic statistics of a phrase, in numpy alone."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from actors.audio.frames import Samples, blocks, frame_rms, framed, spectra
from actors.audio.pitch import pitch_track
from actors.values import SAMPLE_RATE, Biometrics, Pcm
from events.catalogue import BandEnergies

FRAME: Final = 2_048
HOP: Final = 512
"""Samples of a frame and from one to the next: librosa's defaults, centred frames."""
LOW_HZ: Final = 500.0
HIGH_HZ: Final = 2_000.0
_FULL_SCALE: Final = 32_768.0
_SHORT: Final = 320
"""Samples of the frames that tell speech from pauses, 20 ms."""
_LEAST_NOISE: Final = (1 / 12) / _FULL_SCALE**2
"""Power of the rounding to int16: no recording has less noise."""
_LEAST_PITCH_FRAMES: Final = 3
_OCTAVE: Final = 2.2
"""Times the phrase's median: a frame further off than this is an error of the estimate, not of the speaker."""
_WEAKEST: Final = 100.0
"""Times below the loud frames' power: weaker ones are pauses inside the phrase and not speech."""
_LEAST_FRAMES: Final = 10
"""Of `_SHORT` samples, among which the quietest are taken for the noise where nothing else tells it."""
_WINDOW: Final = np.hanning(FRAME + 1)[:-1].astype(np.float32)
_HZ: Final = np.fft.rfftfreq(FRAME, 1 / SAMPLE_RATE).astype(np.float32)


@dataclass(frozen=True, slots=True)
class _Spectrum:
    centroid_hz: float | None
    bands: BandEnergies


def warm() -> None:
    """Measure a second of a tone, for what that imports: so that the first phrase doesn't wait for it."""
    tone = 8_000 * np.sin(2 * np.pi * 200 / SAMPLE_RATE * np.arange(SAMPLE_RATE))
    measure(tone.astype(np.int16))


def measure(pcm: Pcm, noise: Pcm | None = None, noise_rms: float | None = None) -> Biometrics:
    """Measure one phrase as it was received.

    Definitions: frames of 2048 samples, 512 apart, centred, as in librosa; zero-crossing rate, RMS and spectral
    centroid are means over frames. Pitch is the mean of YIN over voiced frames. SNR is the mean power of the
    speech where it is active (within 20 dB of its loud frames) over the noise's.

    Args:
        pcm: the phrase, shape (n,); any length, also none.
        noise: audio of the same session without speech.
        noise_rms: tracked RMS of the noise in int16 units, for where `noise` is too short. Without both, the phrase's
            own quietest frames are the noise.

    Returns:
        Statistics in the units of `events.catalogue.PhraseMeasured`; never NaN or infinite.
    """
    if not pcm.any():
        return _silence()
    samples = pcm.astype(np.float32) * np.float32(1 / _FULL_SCALE)
    centred = _centred(samples)
    noise_power = _noise_power(noise, noise_rms)
    pitch_mean, pitch_std = _pitch(samples, noise_power)
    spectrum = _spectrum(centred)
    rms = frame_rms(centred)
    highest, lowest = int(pcm.max()), int(pcm.min())
    return Biometrics(
        pitch_mean_hz=pitch_mean,
        pitch_std_hz=pitch_std,
        snr_db=_snr_db(pcm, noise_power),
        spectral_centroid_hz=spectrum.centroid_hz,
        zero_crossing_rate=_zero_crossing_rate(pcm),
        rms_mean=float(rms.mean()),
        rms_max=float(rms.max()),
        peak_dbfs=float(20 * np.log10(max(abs(highest), abs(lowest)) / _FULL_SCALE)),
        clipping_ratio=_clipped(pcm, lowest, highest) / pcm.size,
        dc_offset=int(pcm.sum(dtype=np.int64)) / pcm.size / _FULL_SCALE,
        bands=spectrum.bands,
    )


def snr_db(pcm: Pcm, noise: Pcm | None = None, noise_rms: float | None = None) -> float | None:
    """Return a phrase's SNR alone, as `measure` gives it, in dB; a quarter of a millisecond for three seconds."""
    if not pcm.size or not pcm.any():
        return None
    return _snr_db(pcm, _noise_power(noise, noise_rms))


def _silence() -> Biometrics:
    return Biometrics(
        pitch_mean_hz=None,
        pitch_std_hz=None,
        snr_db=None,
        spectral_centroid_hz=None,
        zero_crossing_rate=0.0,
        rms_mean=0.0,
        rms_max=0.0,
        peak_dbfs=None,
        clipping_ratio=0.0,
        dc_offset=0.0,
        bands=BandEnergies(low=None, mid=None, high=None),
    )


def _centred(samples: Samples) -> Samples:
    """Return frames whose centres are at multiples of the hop, the edges padded with zeros."""
    edge = np.zeros(FRAME // 2, dtype=np.float32)
    return framed(np.concatenate([edge, samples, edge]), FRAME, HOP)


def _clipped(pcm: Pcm, lowest: int, highest: int) -> int:
    if lowest > -32_768 and highest < 32_767:
        return 0
    return int(np.count_nonzero((pcm == 32_767) | (pcm == -32_768)))


def _zero_crossing_rate(pcm: Pcm) -> float:
    """Return the mean over centred frames, the edges padded with the last sample: each change counts in its frames."""
    negative = pcm < 0
    # Of the first sample after each change, in the padded phrase.
    places = np.flatnonzero(negative[1:] != negative[:-1]) + (FRAME // 2 + 1)
    frames = pcm.size // HOP + 1
    first = np.maximum((places - FRAME) // HOP + 1, 0)
    last = np.minimum((places - 1) // HOP, frames - 1)
    return int((last - first + 1).sum()) / (FRAME * frames)


def _spectrum(centred: Samples) -> _Spectrum:
    centroids: list[Samples] = []
    power = np.zeros(len(_HZ))
    for block in blocks(centred):
        magnitude = np.abs(spectra(block * _WINDOW))
        weight = magnitude.sum(axis=1)
        heard = weight > 0
        centroids.append((magnitude[heard] @ _HZ) / weight[heard])
        power += np.square(magnitude).sum(axis=0, dtype=np.float64)
    joined = np.concatenate(centroids)
    centroid = float(joined.mean()) if joined.size else None
    total = float(power.sum())
    if total <= 0:
        return _Spectrum(centroid, BandEnergies(low=None, mid=None, high=None))
    low = float(power[_HZ < LOW_HZ].sum()) / total
    high = float(power[_HZ > HIGH_HZ].sum()) / total
    return _Spectrum(centroid, BandEnergies(low=low, mid=max(0.0, 1.0 - low - high), high=high))


def _pitch(samples: Samples, noise_power: float | None) -> tuple[float | None, float | None]:
    track = pitch_track(samples, float(np.sqrt(2 * noise_power)) if noise_power else 0.0)
    voiced = track[np.isfinite(track)]
    if len(voiced) < _LEAST_PITCH_FRAMES:
        return None, None
    middle = float(np.median(voiced))
    voiced = voiced[(voiced > middle / _OCTAVE) & (voiced < middle * _OCTAVE)]
    return float(voiced.mean()), float(voiced.std())


def _noise_power(noise: Pcm | None, noise_rms: float | None) -> float | None:
    if noise is not None and noise.size >= 10 * _SHORT:
        return max(float(_powers(noise)[0]), _LEAST_NOISE)
    if noise_rms is not None and np.isfinite(noise_rms) and noise_rms >= 0:
        return max((noise_rms / _FULL_SCALE) ** 2, _LEAST_NOISE)
    return None


def _snr_db(pcm: Pcm, noise_power: float | None) -> float | None:
    powers = _powers(pcm, _SHORT)
    ascending = np.sort(powers)
    if noise_power is None:
        if len(powers) < _LEAST_FRAMES:
            return None
        noise_power = max(_quantile(ascending, 0.1), _LEAST_NOISE)
    loud = _quantile(ascending, 0.95)
    threshold = max(loud / _WEAKEST, min(1.5 * noise_power, loud / 2))
    active = np.flatnonzero(powers >= threshold)
    span = powers[active[0] : active[-1] + 1]
    # Weak speech drowns in the noise, yet its energy is in the span's. How many frames it lies in is guessed from the
    # part of its range that is heard; half of what a flat distribution would give, which fits recorded phrases best.
    strongest = max(loud - noise_power, noise_power / 100)
    heard_db = 10 * np.log10(strongest / max(threshold - noise_power, strongest / _WEAKEST))
    whole_db = 10 * np.log10(_WEAKEST)
    frames = min(span.size, active.size * np.sqrt(whole_db / np.clip(heard_db, 1.0, whole_db)))
    signal = float((span - noise_power).sum()) / frames
    return float(10 * np.log10(max(signal, noise_power / 100) / noise_power))


def _powers(pcm: Pcm, length: int | None = None) -> NDArray[np.float64]:
    """Return the power of each whole frame, shape (n,), or of all where there is none or no length; full scale 1.0."""
    if length is None or pcm.size < length:
        length = pcm.size
    # Sums of such squares are whole numbers that floats hold exactly, in whatever order they are added.
    frames = pcm[: pcm.size - pcm.size % length].astype(np.float64).reshape(-1, length)
    return np.asarray(np.einsum("ij,ij->i", frames, frames) / length / _FULL_SCALE**2)


def _quantile(ascending: NDArray[np.float64], share: float) -> float:
    """Return a quantile of sorted values, between two of them by linear interpolation, as numpy does by default."""
    place = share * (len(ascending) - 1)
    below = int(place)
    low, high = float(ascending[below]), float(ascending[min(below + 1, len(ascending) - 1)])
    beyond = place - below
    return high - (high - low) * (1 - beyond) if beyond >= 0.5 else low + (high - low) * beyond
