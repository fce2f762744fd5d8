"""What is recorded to be heard again: scenes of a counter in every container, written down by ears that draw lines."""

import json
from functools import cache
from pathlib import Path
from typing import Final

import numpy as np

from actors.values import SAMPLE_RATE, Pcm
from benchmarks.corpus.scenes import scene, sentences
from benchmarks.hearing.scenery import Condition, conditions, talkers
from tests.recordings import ogg, wav, webm

SHARE: Final = 0.4
"""Of the time that is speech: as where detectors are compared; a counter is quieter."""
_ENCODINGS: Final = ("pcm_s16le", "webm-opus", "ogg-opus", "auto")
_CORPUS: Final = Path(__file__).parents[1] / "corpus" / "utterances.json"


@cache
def lines() -> tuple[str, ...]:
    """Return what customers say, as it was spoken for the recordings."""
    return tuple(line["text"] for line in json.loads(_CORPUS.read_text("utf-8"))["lines"])


@cache
def surroundings() -> list[Condition]:
    """Return the noises that scenes are in."""
    return conditions(talkers())


def counter(seconds: float, *, seed: int) -> Pcm:
    """Return so much of a counter: scenes in room tone, at about the same level."""
    parts: list[Pcm] = []
    while sum(part.size for part in parts) < seconds * SAMPLE_RATE:
        parts.append(scene(sentences(), seed=seed + len(parts), share=SHARE).samples)
    return np.concatenate(parts)[: int(seconds * SAMPLE_RATE)]


def varied(number: int) -> tuple[Pcm, str]:
    """Return the samples of one of many sessions, and the encoding that they are to be sent in."""
    rng = np.random.default_rng(number)
    place = surroundings()[number % len(surroundings())]
    chosen = [sentences()[at] for at in rng.choice(len(sentences()), size=int(rng.integers(3, 7)), replace=False)]
    made = scene(
        chosen,
        seed=number,
        share=float(rng.uniform(0.35, 0.7)),
        noise=place.noise,
        snr_db=place.snr_db,
        gain_db=float(rng.uniform(-9, 3)),
    )
    return made.samples, _ENCODINGS[number // 2 % len(_ENCODINGS)]


def encoded(pcm: Pcm, encoding: str) -> bytes:
    """Return samples as a client sends them in an encoding; `auto` is a WAV file."""
    match encoding:
        case "webm-opus":
            return webm(pcm)
        case "ogg-opus":
            return ogg(pcm)
        case "auto":
            return wav(pcm)
        case _:
            return pcm.tobytes()
