"""Noises of a pharmacy, each from a seed: room tone, air conditioning, other people talking, the till, music."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

RATE = 16_000
Sound = NDArray[np.float32]
"""Mono samples at 16 kHz, full scale 1.0, shape (n,)."""


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
    return _coloured(samples, np.random.default_rng(seed), slope=0.5, least_hz=50.0, dbfs=dbfs)


def air_conditioning(samples: int, *, seed: int) -> Sound:
    """Make the rush of air, falling 6 dB an octave above 200 Hz, with the hum of a fan that slowly wavers; RMS 1."""
    rng = np.random.default_rng(seed)
    rush = _coloured(samples, rng, slope=1.0, least_hz=200.0, dbfs=0.0)
    t = np.arange(samples) / RATE
    hum = np.zeros(samples)
    for harmonic in range(1, 6):
        hum += np.sin(2 * np.pi * 58.5 * harmonic * t + rng.uniform(0, 6.3)) / harmonic
    wavering = 1 + 0.2 * np.sin(2 * np.pi * 0.3 * t + rng.uniform(0, 6.3))
    return _levelled(rush + 0.4 * hum * wavering)


def babble(samples: int, voices: Sequence[Sound], *, seed: int, talkers: int = 8) -> Sound:
    """Make people talking at once in the shop: each talker says the given sentences in an order of its own; RMS 1."""
    rng = np.random.default_rng(seed)
    mixed = np.zeros(samples, dtype=np.float32)
    for _ in range(talkers):
        at = -int(rng.integers(0, 3 * RATE))
        gain = 10 ** (rng.uniform(-6, 0) / 20)
        while at < samples:
            voice = voices[int(rng.integers(len(voices)))]
            begin, end = max(at, 0), min(at + voice.size, samples)
            if end > begin:
                mixed[begin:end] += gain * voice[begin - at : end - at]
            at += voice.size + int(rng.integers(0, RATE // 2))
    return _levelled(mixed)


def till(samples: int, *, seed: int) -> Sound:
    """Make a till at work: scanner beeps, keys, the drawer, the printer, a bag; RMS 1 over all of it."""
    rng = np.random.default_rng(seed)
    mixed = np.zeros(samples)
    at = 0
    makers = (_beep, _keys, _drawer, _printer, _bag)
    while at < samples:
        sound = makers[rng.integers(len(makers))](rng)
        end = min(at + sound.size, samples)
        mixed[at:end] += sound[: end - at]
        at = end + int(rng.uniform(0.1, 0.9) * RATE)
    return _levelled(mixed)


def music(samples: int, *, seed: int) -> Sound:
    """Make a radio in the corner: chords of decaying harmonics, a melody and a drum, 100 beats a minute; RMS 1."""
    rng = np.random.default_rng(seed)
    beat = int(0.6 * RATE)
    mixed = np.zeros(samples + 4 * beat)
    chords = ((220.0, 261.6, 329.6), (174.6, 220.0, 261.6), (196.0, 246.9, 293.7), (164.8, 196.0, 246.9))
    for number, at in enumerate(range(0, samples, beat)):
        chord = chords[number // 4 % 4]
        for hz in chord:
            mixed[at : at + 2 * beat] += 0.3 * _note(hz, 2 * beat)
        if rng.random() < 0.7:
            mixed[at : at + beat] += 0.5 * _note(2 * chord[rng.integers(3)], beat)
        strike = rng.standard_normal(beat // 4) * np.exp(-np.arange(beat // 4) / (0.02 * RATE))
        mixed[at : at + beat // 4] += 0.4 * strike
    return _levelled(mixed[:samples])


def _levelled(sound: NDArray[np.floating]) -> Sound:
    level: Sound = (sound / np.sqrt(np.mean(np.square(sound, dtype=np.float64)))).astype(np.float32)
    return level


def _coloured(samples: int, rng: np.random.Generator, *, slope: float, least_hz: float, dbfs: float) -> Sound:
    spectrum = np.fft.rfft(rng.standard_normal(samples))
    frequency = np.fft.rfftfreq(samples, 1 / RATE)
    shaped = np.fft.irfft(spectrum / np.maximum(frequency, least_hz) ** slope, samples)
    level = 10 ** (dbfs / 20) / np.sqrt(np.mean(shaped**2))
    sound: Sound = (shaped * level).astype(np.float32)
    return sound


def _note(hz: float, samples: int) -> NDArray[np.float64]:
    t = np.arange(samples) / RATE
    sound = sum(np.sin(2 * np.pi * hz * k * t) / k**1.5 for k in range(1, 7))
    note: NDArray[np.float64] = sound * np.minimum(1, t / 0.01) * np.exp(-3 * t)
    return note


def _beep(rng: np.random.Generator) -> NDArray[np.float64]:
    t = np.arange(int(rng.uniform(0.08, 0.25) * RATE)) / RATE
    hz = rng.choice([1_000.0, 1_750.0, 2_400.0, 3_100.0])
    beep: NDArray[np.float64] = 0.5 * np.sin(2 * np.pi * hz * t) * np.minimum(1, np.minimum(t, t[::-1]) / 0.004)
    return beep


def _keys(rng: np.random.Generator) -> NDArray[np.float64]:
    sound = np.zeros(int(0.9 * RATE))
    for at in np.sort(rng.integers(0, sound.size - 800, rng.integers(3, 8))):
        sound[at : at + 800] += rng.uniform(0.2, 0.5) * rng.standard_normal(800) * np.exp(-np.arange(800) / 120)
    return sound


def _drawer(rng: np.random.Generator) -> NDArray[np.float64]:
    t = np.arange(int(0.5 * RATE)) / RATE
    thump = np.sin(2 * np.pi * rng.uniform(70, 130) * t) * np.exp(-t / 0.06)
    coins = rng.standard_normal(t.size) * np.exp(-np.abs(t - 0.15) / 0.05) * np.sin(2 * np.pi * 4_200 * t)
    drawer: NDArray[np.float64] = 0.8 * thump + 0.3 * coins
    return drawer


def _printer(rng: np.random.Generator) -> NDArray[np.float64]:
    t = np.arange(int(rng.uniform(0.5, 1.5) * RATE)) / RATE
    buzz = np.sign(np.sin(2 * np.pi * 95 * t)) * rng.standard_normal(t.size)
    printer: NDArray[np.float64] = 0.15 * buzz * (np.sin(2 * np.pi * 6 * t) > -0.6)
    return printer


def _bag(rng: np.random.Generator) -> NDArray[np.float64]:
    count = int(rng.uniform(0.4, 1.0) * RATE)
    rustle = np.diff(rng.standard_normal(count + 1))
    steps = np.repeat(rng.uniform(0, 1, count // 400 + 1) ** 2, 400)[:count]
    bag: NDArray[np.float64] = 0.25 * rustle * steps
    return bag
