"""Scenes of a counter: sentences laid out in time and mixed with a noise, with the truth of where voices are.

The truth is taken from the clean voices before anything is mixed in: a frame of 10 ms holds voice if its RMS is within
30 dB of its sentence's loud frames (their 95th percentile); gaps shorter than 300 ms, such as the closures of stops
and the breath between two clauses, belong to the speech around them.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.corpus.assembly import read_opus, to_samples
from benchmarks.corpus.noise import RATE, Sound, room_tone

FRAME = RATE // 100
"""Samples of a frame of the truth: 10 ms."""
BRIDGED = 30
"""Frames that a gap must have to be one."""
_WITHIN = 10 ** (-30 / 20)
ROOM_DBFS = -60.0
Truth = NDArray[np.bool_]
"""Whether each frame holds voice, shape (samples // FRAME,)."""
Samples = NDArray[np.int16]

HERE = Path(__file__).resolve().parent
DEMO = HERE.parents[1] / "balto" / "demo"


@dataclass(frozen=True, slots=True)
class Sentence:
    """One sentence alone, and where its voice is."""

    sound: Sound
    active: Truth


@dataclass(frozen=True, slots=True)
class Scene:
    """What a microphone hears, and the truth about it."""

    samples: Samples
    truth: Truth
    ends: tuple[int, ...]
    """Sample at which each sentence's voice ends."""


@cache
def sentences() -> list[Sentence]:
    """Return the sentences that benchmarks report on."""
    lines = json.loads((HERE / "utterances.json").read_text("utf-8"))["lines"]
    return _cut(HERE / "utterances.opus", [(line["start"], line["end"]) for line in lines])


@cache
def rehearsed() -> list[Sentence]:
    """Return the sentences that detectors are tuned on: the recorded counter's, whose room tone is 37 dB below them."""
    lines = json.loads((DEMO / "counter.json").read_text("utf-8"))["lines"]
    places = [(line["start_ms"] * RATE // 1000, line["end_ms"] * RATE // 1000) for line in lines]
    return _cut(DEMO / "counter.opus", places)


def scene(
    spoken: Sequence[Sentence],
    *,
    seed: int,
    share: float,
    noise: Callable[[int, int], Sound] | None = None,
    snr_db: float = 0.0,
    gain_db: float = 0.0,
) -> Scene:
    """Lay sentences out over room tone of −60 dBFS and mix a noise in.

    Args:
        spoken: the sentences, used once each.
        seed: of order, pauses and noise.
        share: of the time that is speech, 0 to 1.
        noise: makes samples of RMS 1, from their number and a seed.
        snr_db: power of the speech, where there is some, over the noise's.
        gain_db: of the speech, against its −23 dBFS.
    """
    rng = np.random.default_rng(seed)
    order = [spoken[index] for index in rng.permutation(len(spoken))]
    total = sum(each.sound.size for each in order)
    quiet = rng.uniform(0.6, 1.4, len(order) + 1)
    # a second at least, so that two sentences are two phrases
    pauses = RATE + (quiet / quiet.sum() * max(0.0, total / share - total - RATE * quiet.size)).astype(int)
    voice = np.zeros(int(total + pauses.sum()), dtype=np.float32)
    truth = np.zeros(voice.size // FRAME, dtype=np.bool_)
    at, ends = 0, []
    for sentence, pause in zip(order, pauses[:-1], strict=True):
        at += int(pause) - int(pause) % FRAME
        voice[at : at + sentence.sound.size] = sentence.sound * 10 ** (gain_db / 20)
        truth[at // FRAME : at // FRAME + sentence.active.size] = sentence.active
        ends.append((at // FRAME + int(np.flatnonzero(sentence.active)[-1]) + 1) * FRAME)
        at += sentence.sound.size
    mixed = voice + room_tone(voice.size, dbfs=ROOM_DBFS, seed=seed + 1)
    if noise is not None:
        speaking = np.repeat(truth, FRAME)
        level = np.sqrt(np.mean(np.square(voice[: speaking.size][speaking], dtype=np.float64)))
        mixed += noise(voice.size, seed + 2) * np.float32(level * 10 ** (-snr_db / 20))
    return Scene(to_samples(mixed), truth, tuple(ends))


def bridged(active: Truth) -> Truth:
    """Return frames with their short gaps filled."""
    filled = active.copy()
    at = np.flatnonzero(active)
    for before, after in pairwise(at):
        if after - before <= BRIDGED:
            filled[before:after] = True
    return filled


def _cut(path: Path, places: Sequence[tuple[int, int]]) -> list[Sentence]:
    samples = read_opus(path) * np.float32(1 / 32_768)
    return [_sentence(samples[start:end]) for start, end in places]


def _sentence(sound: Sound) -> Sentence:
    sound = sound[: sound.size - sound.size % FRAME]
    rms = np.sqrt(np.mean(np.square(sound.reshape(-1, FRAME), dtype=np.float64), axis=1))
    return Sentence(sound, bridged(rms >= np.percentile(rms, 95) * _WITHIN))
