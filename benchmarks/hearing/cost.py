"""What hearing costs: CPU per second of audio for each part of the path, and memory for each session."""

import gc
import subprocess
import sys
import time
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import psutil

from actors.audio.biometrics import measure
from actors.audio.clean import clean, warm
from actors.audio.decode import open_decoder
from actors.audio.examiner import CLEAN_BELOW_SNR_DB
from actors.vad.segmenter import Segmenter
from actors.vad.silero import speech_model
from actors.values import EarlyPhrase, Heard, Phrase, VadSettings
from benchmarks.corpus.noise import RATE
from benchmarks.corpus.scenes import Samples
from benchmarks.hearing.detectors import CHUNK
from benchmarks.hearing.scenery import Condition, reported
from tests.recordings import webm


@dataclass(frozen=True, slots=True)
class Cost:
    """Milliseconds of CPU per second of audio."""

    decoding: float
    segmenting: float
    """The cascade, the segmenter and the samples they keep."""
    examining: float
    """Bio-metrics and, where it is due, cleaning; of offers too."""

    @property
    def whole(self) -> float:
        """All of it."""
        return self.decoding + self.segmenting + self.examining


def hearing(data: bytes, encoding: str, seconds: float) -> Cost:
    """Hear a session's bytes, a tenth of a second of them at a time.

    Args:
        data: as the client sends it.
        encoding: `pcm_s16le` or `webm-opus`.
        seconds: of audio in it.
    """
    warm()
    decoder, segmenter = open_decoder(encoding), Segmenter(VadSettings(), speech_model())
    spent = {"decoding": 0.0, "segmenting": 0.0, "examining": 0.0}
    examined: set[tuple[int, int]] = set()
    step = max(1, int(len(data) / seconds / 10))
    for at in range(0, len(data), step):
        began = time.process_time()
        pcm = decoder.feed(data[at : at + step])
        decoded = time.process_time()
        heard = segmenter.push(pcm)
        segmented = time.process_time()
        _examine(heard, examined)
        spent["decoding"] += decoded - began
        spent["segmenting"] += segmented - decoded
        spent["examining"] += time.process_time() - segmented
    decoder.close()
    return Cost(**{part: total * 1000 / seconds for part, total in spent.items()})


def _examine(heard: Iterable[Heard], examined: set[tuple[int, int]]) -> None:
    """Do as the examiner does: a phrase that is what was offered is not examined again."""
    for each in heard:
        phrase = each.phrase if isinstance(each, EarlyPhrase) else each
        if not isinstance(phrase, Phrase) or (phrase.sample_start, phrase.sample_end) in examined:
            continue
        examined.add((phrase.sample_start, phrase.sample_end))
        found = measure(phrase.pcm, phrase.noise, phrase.vad.noise_floor_rms)
        if found.snr_db is not None and found.snr_db < CLEAN_BELOW_SNR_DB:
            clean(phrase.pcm, phrase.noise)


def cascade_alone(samples: Samples) -> float:
    """Return the CPU per second of audio of the segmenter with its cascade, a tenth of a second pushed at a time."""
    segmenter = Segmenter(VadSettings(), speech_model())
    began = time.process_time()
    for at in range(0, samples.size, CHUNK):
        segmenter.push(samples[at : at + CHUNK])
    return (time.process_time() - began) * 1000 / (samples.size / RATE)


def memory_of_a_session(*, speech_s: float, sessions: int, encoding: str = "pcm_s16le") -> float:
    """Return the megabytes that a session's decoder and segmenter keep, measured in a process of its own.

    Args:
        speech_s: of unbroken speech that each session has open.
        sessions: over which the growth of the process is shared out.
        encoding: `pcm_s16le` or `webm-opus`.
    """
    words = [sys.executable, "-m", "benchmarks.hearing.cost", str(speech_s), str(sessions), encoding]
    return float(subprocess.run(words, check=True, capture_output=True, text=True).stdout)


def _grow(speech_s: float, sessions: int, encoding: str) -> float:
    """Open sessions in the middle of a phrase and return the megabytes each has added."""
    scene = reported(Condition("clean", None, 0.0, None), 1, share=0.9, count=6)
    spoken = scene.samples[np.repeat(scene.truth, RATE // 100)]
    quiet = scene.samples[:RATE]
    sound = np.concatenate([quiet, np.resize(spoken, int(speech_s * RATE))])
    data = sound.tobytes() if encoding == "pcm_s16le" else webm(sound)
    step = len(data) * CHUNK // sound.size

    def one() -> tuple[object, Segmenter]:
        decoder, segmenter = open_decoder(encoding), Segmenter(VadSettings(), speech_model())
        for at in range(0, len(data), step):
            heard = segmenter.push(decoder.feed(data[at : at + step]))
            assert not any(isinstance(each, Phrase) for each in heard), "the speech was not unbroken"
        return decoder, segmenter

    kept = [one() for _ in range(5)]
    gc.collect()
    process = psutil.Process()
    before = process.memory_info().rss
    kept += [one() for _ in range(sessions)]
    gc.collect()
    return (process.memory_info().rss - before) / sessions / 2**20


if __name__ == "__main__":
    print(_grow(float(sys.argv[1]), int(sys.argv[2]), sys.argv[3]))
