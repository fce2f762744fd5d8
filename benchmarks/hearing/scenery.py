"""The conditions that detectors are compared in, and seeds: those for tuning, and those that are reported."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final

import numpy as np

from benchmarks.corpus import noise
from benchmarks.corpus.assembly import to_samples
from benchmarks.corpus.noise import RATE, Sound
from benchmarks.corpus.scenes import Samples, Scene, Sentence, rehearsed, scene, sentences

TUNING: Final = (11, 12, 21, 22, 23)
"""Seeds that thresholds were chosen on, with the recorded counter's sentences. Nothing is reported of them."""
REPORTED: Final = (1_001, 1_002, 1_003)
"""Seeds of what is reported, with sentences that no threshold was chosen on."""
CROWD: Final = 40
"""Talkers of the babble: a full shop, in which no sentence can be followed any more."""
FEW: Final = 8
"""Talkers who can still be followed. A detector of speech is right to hear them: told, without a goal."""

type Noise = Callable[[int, int], Sound]


@dataclass(frozen=True, slots=True)
class Condition:
    """A noise at an SNR, and the frame F1 that is wanted in it, in percent."""

    name: str
    noise: Noise | None
    snr_db: float
    goal: float | None


def conditions(talkers: Sequence[Sentence]) -> list[Condition]:
    """Return the conditions.

    Args:
        talkers: whose voices the babble is made of; never those of the scene, so that no voice is its own noise.
    """
    voices = [talker.sound for talker in talkers]
    crowd: Noise = partial(_babble, voices, CROWD)
    few: Noise = partial(_babble, voices, FEW)
    air: Noise = partial(_seeded, noise.air_conditioning)
    return [
        Condition("clean", None, 0.0, 98.0),
        Condition("air conditioning 10 dB", air, 10.0, 98.0),
        Condition("air conditioning 5 dB", air, 5.0, 97.5),
        Condition("air conditioning 0 dB", air, 0.0, 97.0),
        Condition("babble 10 dB", crowd, 10.0, 97.5),
        Condition("babble 5 dB", crowd, 5.0, 96.0),
        Condition("till 10 dB", partial(_seeded, noise.till), 10.0, 98.0),
        Condition("eight talkers 10 dB", few, 10.0, None),
    ]


def reported(condition: Condition, seed: int, *, share: float = 0.4, count: int | None = None) -> Scene:
    """Lay out the reported sentences in a condition, or the first so many of them."""
    return scene(sentences()[:count], seed=seed, share=share, noise=condition.noise, snr_db=condition.snr_db)


def talkers() -> list[Sentence]:
    """Return the voices of the babble: the recorded counter's."""
    return rehearsed()


def noise_alone(kind: Noise, *, minutes: float, dbfs: float, seed: int) -> Samples:
    """Return a noise at a level, with nobody speaking."""
    return to_samples((kind(int(minutes * 60 * RATE), seed) * 10 ** (dbfs / 20)).astype(np.float32))


def till(samples: int, seed: int) -> Sound:
    """Make a till at work; RMS 1."""
    return noise.till(samples, seed=seed)


def music(samples: int, seed: int) -> Sound:
    """Make a radio; RMS 1."""
    return noise.music(samples, seed=seed)


def _seeded(make: Callable[..., Sound], samples: int, seed: int) -> Sound:
    return make(samples, seed=seed)


def _babble(voices: Sequence[Sound], talkers: int, samples: int, seed: int) -> Sound:
    return noise.babble(samples, voices, seed=seed, talkers=talkers)
