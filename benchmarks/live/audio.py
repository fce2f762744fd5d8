"""What clients say: a scene of synthetic speech, 40 % of the time, as raw PCM and as browsers record it."""

import io
import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Final

import av
import numpy as np

from benchmarks.corpus.scenes import Samples, Scene
from benchmarks.hearing.scenery import REPORTED, Condition, reported
from benchmarks.live.plan import RATE
from tests.recordings import webm

SHARE: Final = 0.4
"""Of the time that somebody speaks."""
TIMESLICE_MS: Final = 100
"""What a browser's recorder hands out at a time."""
_STEP: Final = RATE // 5
"""Sessions begin at multiples of this, so that messages of every length divide the scene."""


def spoken_scene() -> Scene:
    """Lay out the reported sentences without noise; about seven minutes, cut to whole steps."""
    scene = reported(Condition("clean", None, 0.0, None), REPORTED[0], share=SHARE)
    whole = scene.samples.size - scene.samples.size % (15 * _STEP)
    return Scene(scene.samples[:whole], scene.truth, tuple(end for end in scene.ends if end < whole))


def beginnings(scene: Scene, count: int, seed: int) -> list[int]:
    """Return the samples at which so many sessions begin to hear the scene, which goes round."""
    rng = np.random.default_rng(seed)
    return [int(at) * _STEP for at in rng.integers(0, scene.samples.size // _STEP, count)]


def write_pcm(scene: Scene, folder: Path) -> None:
    """Write the scene for the shards."""
    (folder / "scene.pcm").write_bytes(scene.samples.tobytes())


def write_webm(scene: Scene, folder: Path, starts: Sequence[int], seconds: float) -> None:
    """Write recordings for the shards, each beginning at a sample of the scene, and where their slices end."""
    for number, start in enumerate(starts):
        samples: Samples = np.resize(np.roll(scene.samples, -start), int(seconds * RATE))
        data = webm(samples)
        (folder / f"{number}.webm").write_bytes(data)
        (folder / f"{number}.json").write_text(json.dumps(slice_ends(data)), encoding="utf-8")


def slice_ends(data: bytes) -> list[int]:
    """Return the bytes at which each slice of a WebM recording ends: a slice holds the packets of its time."""
    ends: list[int] = []
    with av.open(io.BytesIO(data), "r") as container:
        for packet in container.demux(audio=0):
            if packet.pts is None or packet.pos is None or packet.time_base is None:
                continue
            due = int(float(packet.pts * packet.time_base) * 1000) // TIMESLICE_MS
            while len(ends) < due:
                ends.append(packet.pos)
    return [*ends, len(data)]


@dataclass(frozen=True)
class Recordings:
    """The audio in a folder, as a shard sends it."""

    folder: Path

    @cached_property
    def pcm(self) -> bytes:
        """The scene."""
        return (self.folder / "scene.pcm").read_bytes()

    def webm(self, number: int) -> tuple[bytes, list[int]]:
        """Return a recording and where its slices end."""
        ends = json.loads((self.folder / f"{number}.json").read_text("utf-8"))
        return (self.folder / f"{number}.webm").read_bytes(), ends
