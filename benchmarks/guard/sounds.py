"""What the guard is tried on: short words by every voice, alone and in noise, and noises with nobody speaking."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

import numpy as np

from actors.values import SAMPLE_RATE, Pcm
from benchmarks.corpus.assembly import read_opus, to_samples
from benchmarks.corpus.noise import Sound, air_conditioning, room_tone
from benchmarks.hearing.scenery import CROWD, conditions, music, noise_alone, talkers, till

HERE: Final = Path(__file__).parent
Half = Literal["tuning", "reported"]
SEEDS: Final[dict[Half, int]] = {"tuning": 20, "reported": 2_000}
LEVELS_DBFS: Final = (-45.0, -30.0, -18.0)
DURATIONS_S: Final = (0.6, 1.2, 2.5, 5.0)
_BEFORE: Final = int(0.3 * SAMPLE_RATE)
_AFTER: Final = int(0.256 * SAMPLE_RATE)
"""What a phrase keeps of the time around its words."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Clip:
    """One sound for speech-to-text."""

    half: Half
    kind: str
    """`names`, `answers`, `orders`, or a noise."""
    said: str
    """Empty where nobody speaks."""
    condition: str
    pcm: Pcm


def spoken(half: Half) -> Iterator[Clip]:
    """Yield every short word of a half by every voice: in a quiet room, and by the air conditioning at 10 dB."""
    sheet = read_opus(HERE / "names.opus")
    lines = json.loads((HERE / "names.json").read_text("utf-8"))["lines"]
    for number, line in enumerate(line for line in lines if line["half"] == half):
        seed = SEEDS[half] + number
        voice = sheet[line["start"] : line["end"]].astype(np.float32) / 32_768
        padded = np.concatenate([np.zeros(_BEFORE, np.float32), voice, np.zeros(_AFTER, np.float32)])
        quiet = room_tone(padded.size, dbfs=-60.0, seed=seed)
        rush = air_conditioning(padded.size, seed=seed) * np.float32(np.sqrt(np.mean(voice**2) / 10))
        for condition, around in (("quiet", quiet), ("air conditioning 10 dB", rush)):
            yield Clip(
                half=half,
                kind=line["kind"],
                said=line["text"],
                condition=condition,
                pcm=to_samples((padded + around).astype(np.float32)),
            )


def noises(half: Half) -> Iterator[Clip]:
    """Yield every noise of a half at every level and length."""
    crowd = next(each.noise for each in conditions(talkers()) if each.name.startswith("babble"))
    assert crowd is not None
    kinds = {
        "air conditioning": _air,
        "till": till,
        "music": music,
        f"{CROWD} talkers": crowd,
        "clicks": clicks,
        "room tone": _tone,
    }
    for place, (kind, make) in enumerate(kinds.items()):
        for number, (level, seconds) in enumerate((lv, s) for lv in LEVELS_DBFS for s in DURATIONS_S):
            pcm = noise_alone(make, minutes=seconds / 60, dbfs=level, seed=SEEDS[half] + 100 * place + number)
            yield Clip(half=half, kind=kind, said="", condition=f"{level:g} dBFS, {seconds:g} s", pcm=pcm)


def clicks(samples: int, seed: int) -> Sound:
    """Make knocks and clicks: short bursts of decaying noise, three a second; RMS 1."""
    rng = np.random.default_rng(seed)
    mixed = rng.standard_normal(samples) * 1e-3
    for at in rng.integers(0, max(1, samples - 800), size=1 + 3 * samples // SAMPLE_RATE):
        burst = rng.standard_normal(800) * np.exp(-np.arange(800) / rng.uniform(20, 200))
        end = min(samples, int(at) + 800)
        mixed[at:end] += burst[: end - at]
    level: Sound = (mixed / np.sqrt(np.mean(mixed**2))).astype(np.float32)
    return level


def _tone(samples: int, seed: int) -> Sound:
    return room_tone(samples, dbfs=0.0, seed=seed).astype(np.float32)


def _air(samples: int, seed: int) -> Sound:
    return air_conditioning(samples, seed=seed)
