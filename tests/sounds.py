"""Sounds made of numbers: tones, vowels and noise for tests, all mono at 16 kHz."""

import numpy as np
from numpy.typing import NDArray

from actors.values import SAMPLE_RATE, Pcm

Sound = NDArray[np.float64]


def times(seconds: float, rate: int = SAMPLE_RATE) -> Sound:
    """Return the times of the samples, in seconds."""
    return np.arange(round(seconds * rate)) / rate


def tone(hz: float, seconds: float, level: float = 0.3, rate: int = SAMPLE_RATE) -> Sound:
    """Return a sine of full scale 1.0."""
    sound: Sound = level * np.sin(2 * np.pi * hz * times(seconds, rate))
    return sound


def vowel(f0: float, seconds: float, level: float = 0.2) -> Sound:
    """Return a vowel like "a": harmonics under two formants, syllables at 4 Hz."""
    t = times(seconds)
    sound = np.zeros_like(t)
    for k in range(1, int(7_000 / f0)):
        hz = k * f0
        gain = np.exp(-(((hz - 700) / 400) ** 2)) + 0.5 * np.exp(-(((hz - 1_200) / 500) ** 2)) + 0.03
        sound += gain * np.sin(2 * np.pi * hz * t + k)
    shaped: Sound = level * sound / np.abs(sound).max() * (0.7 + 0.3 * np.sin(2 * np.pi * 4 * t))
    return shaped


def noise(seconds: float, rms: float, seed: int = 1) -> Sound:
    """Return white noise of an RMS of full scale 1.0."""
    return np.random.default_rng(seed).standard_normal(round(seconds * SAMPLE_RATE)) * rms


def silence(seconds: float) -> Sound:
    """Return zeros."""
    return np.zeros(round(seconds * SAMPLE_RATE))


def pcm(*sounds: Sound) -> Pcm:
    """Join sounds and round them to int16."""
    joined: Pcm = np.clip(np.rint(np.concatenate(sounds) * 32_768), -32_768, 32_767).astype(np.int16)
    return joined
