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
    samples = pcm.astype(np.float32) * np.float32(1 / _FULL_SCALE)
    if not samples.size or not pcm.any():
        return _silence()
    noise_power = _noise_power(noise, noise_rms)
    pitch_mean, pitch_std = _pitch(samples, noise_power)
    spectrum = _spectrum(samples)
    rms = frame_rms(_centred(samples, "constant"))
    peak = max(abs(int(pcm.max())), abs(int(pcm.min()))) / _FULL_SCALE
    clipped = int(np.count_nonzero((pcm == 32_767) | (pcm == -32_768)))
    return Biometrics(
        pitch_mean_hz=pitch_mean,
        pitch_std_hz=pitch_std,
        snr_db=_snr_db(samples, noise_power),
        spectral_centroid_hz=spectrum.centroid_hz,
        zero_crossing_rate=_zero_crossing_rate(samples),
        rms_mean=float(rms.mean()),
        rms_max=float(rms.max()),
        peak_dbfs=float(20 * np.log10(peak)),
        clipping_ratio=clipped / pcm.size,
        dc_offset=float(samples.mean(dtype=np.float64)),
        bands=spectrum.bands,
    )


def snr_db(pcm: Pcm, noise: Pcm | None = None, noise_rms: float | None = None) -> float | None:
    """Return a phrase's SNR alone, as `measure` gives it, in dB; a quarter of a millisecond for three seconds."""
    if not pcm.size or not pcm.any():
        return None
    return _snr_db(pcm.astype(np.float32) * np.float32(1 / _FULL_SCALE), _noise_power(noise, noise_rms))


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


def _centred(samples: Samples, fill: str) -> Samples:
    """Return frames whose centres are at multiples of the hop, the edges padded with zeros or the last sample."""
    half = FRAME // 2
    if fill == "edge":
        before, after = np.full(half, samples[0]), np.full(half, samples[-1])
    else:
        before = after = np.zeros(half, dtype=np.float32)
    return framed(np.concatenate([before, samples, after]), FRAME, HOP)


def _zero_crossing_rate(samples: Samples) -> float:
    frames = _centred(samples, "edge")
    crossings = 0
    for block in blocks(frames):
        negative = np.signbit(block)
        crossings += int(np.count_nonzero(negative[:, 1:] != negative[:, :-1]))
    return crossings / (FRAME * len(frames))


def _spectrum(samples: Samples) -> _Spectrum:
    centroids: list[Samples] = []
    power = np.zeros(len(_HZ))
    for block in blocks(_centred(samples, "constant")):
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
        return max(float(np.mean(np.square(noise.astype(np.float64) / _FULL_SCALE))), _LEAST_NOISE)
    if noise_rms is not None and np.isfinite(noise_rms) and noise_rms >= 0:
        return max((noise_rms / _FULL_SCALE) ** 2, _LEAST_NOISE)
    return None


def _snr_db(samples: Samples, noise_power: float | None) -> float | None:
    powers = _frame_powers(samples)
    if noise_power is None:
        if len(powers) < _LEAST_FRAMES:
            return None
        noise_power = max(float(np.percentile(powers, 10)), _LEAST_NOISE)
    loud = float(np.percentile(powers, 95))
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


def _frame_powers(samples: Samples) -> NDArray[np.float64]:
    if samples.size < _SHORT:
        return np.array([np.mean(np.square(samples, dtype=np.float64))])
    whole = samples[: samples.size - samples.size % _SHORT].reshape(-1, _SHORT)
    return np.mean(np.square(whole, dtype=np.float64), axis=1)
