"""Word errors on noisy phrases, raw and cleaned, and the CPU of examining: `python -m benchmarks cleaning`."""

import argparse
import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from rich.progress import Progress

from actors.audio.biometrics import measure
from actors.audio.clean import clean
from actors.audio.examiner import CLEAN_BELOW_SNR_DB
from actors.stt.transcriber import TranscriptionError
from actors.stt.weights import ensure_weights
from actors.stt.whisper import WhisperTranscriber
from actors.values import SAMPLE_RATE, Pcm
from benchmarks.corpus.assembly import Samples
from benchmarks.corpus.noise import room_tone
from benchmarks.corpus.score import lines_of, word_errors
from benchmarks.report import Check, Machine, Report

_ROOT: Final = Path(__file__).parents[2]
_COUNTER: Final = _ROOT / "balto" / "demo" / "counter.json"
_PROFILE: Final = 3 * SAMPLE_RATE // 2
_TALKERS: Final = 8
_CONDITIONS: Final = (
    *(("air-conditioning", snr) for snr in (15.0, 10.0, 7.5, 5.0, 2.5, 0.0)),
    *(("babble", snr) for snr in (10.0, 5.0)),
)
_SPEAKING: Final = 0.4
"""Share of a session that is speech, as the CPU goals of hearing have it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Noisy:
    """A line of the counter under noise, and the noise just before it."""

    text: str
    pcm: Pcm
    noise: Pcm


def add_options(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("--weights", type=Path, default=_ROOT / ".balto" / "whisper-base", help="folder of Whisper")


def run(options: argparse.Namespace, progress: Progress) -> Report:
    """Let Whisper hear every line under every noise, raw and cleaned in turn."""
    machine = Machine.here()
    lines = [(line, samples) for line, samples in lines_of(_COUNTER) if line["text"]]
    conditions = _CONDITIONS[3:4] if options.quick else _CONDITIONS
    lines = lines[:2] if options.quick else lines
    errors = asyncio.run(_transcribed(options.weights, lines, conditions, progress))
    measuring, cleaning = _cpu(lines)
    below = [error for error in errors if error["snr_db"] < CLEAN_BELOW_SNR_DB]
    ratio = sum(e["cleaned"] for e in below) / max(1, sum(e["raw"] for e in below))
    share = _SPEAKING * (measuring + cleaning)
    checks = [
        Check(name="word errors cleaned over raw, below the threshold", value=ratio, unit="×", goal=1.0, better="less"),
        Check(name="measuring, CPU per second of speech", value=measuring, unit="ms", goal=1.5, better="less"),
        Check(name="cleaning, CPU per second of speech", value=cleaning, unit="ms", goal=3.0, better="less"),
        Check(name="both, CPU per second at 40% speech, all noisy", value=share, unit="ms", goal=1.7, better="less"),
    ]
    return Report(bench="cleaning", checks=checks, machine=machine, compared={"word_errors": errors})


async def _transcribed(
    weights: Path,
    lines: list[tuple[dict[str, Any], Samples]],
    conditions: tuple[tuple[str, float], ...],
    progress: Progress,
) -> list[dict[str, Any]]:
    engine = WhisperTranscriber(ensure_weights(weights))
    await engine.warm()
    task = progress.add_task("lines", total=len(lines) * len(conditions))
    crowd = np.concatenate([samples for _, samples in lines_of(_COUNTER)]).astype(np.float64)
    rows = []
    for kind, snr in conditions:
        row: dict[str, Any] = {"noise": kind, "snr_db": snr, "words": 0, "raw": 0, "cleaned": 0}
        for seed, (line, samples) in enumerate(lines):
            noisy = _mixed(line["text"], samples, crowd if kind == "babble" else None, snr, seed)
            for treatment, pcm in (("raw", noisy.pcm), ("cleaned", clean(noisy.pcm, noisy.noise).pcm)):
                wrong, words = word_errors(noisy.text, await _heard(engine, pcm))
                row[treatment] += wrong
            row["words"] += words
            progress.advance(task)
        rows.append(row)
    await engine.close()
    return rows


async def _heard(engine: WhisperTranscriber, pcm: Pcm) -> str:
    try:
        return (await engine.transcribe(pcm, budget_s=60)).text
    except TranscriptionError:
        return ""


def _mixed(text: str, samples: Samples, crowd: NDArray[np.float64] | None, snr: float, seed: int) -> Noisy:
    speech = samples.astype(np.float64)
    length = _PROFILE + speech.size
    if crowd is None:
        around = room_tone(length, dbfs=0.0, seed=seed).astype(np.float64)
    else:
        starts = np.random.default_rng(seed).integers(crowd.size, size=_TALKERS)
        around = np.sum([np.roll(crowd, start)[:length] for start in starts], axis=0)
    around *= np.sqrt(_active_power(speech) / 10 ** (snr / 10) / np.mean(around**2))
    return Noisy(text=text, pcm=_rounded(speech + around[_PROFILE:]), noise=_rounded(around[:_PROFILE]))


def _active_power(speech: NDArray[np.float64]) -> float:
    powers = np.square(speech[: speech.size // 320 * 320].reshape(-1, 320)).mean(axis=1)
    return float(powers[powers >= np.percentile(powers, 95) / 100].mean())


def _rounded(sound: NDArray[np.float64]) -> Pcm:
    return np.clip(np.rint(sound), -32_768, 32_767).astype(np.int16)


def _cpu(lines: list[tuple[dict[str, Any], Samples]]) -> tuple[float, float]:
    """Return the CPU of measuring and of cleaning, in ms a second of speech: medians of five rounds in turn."""
    phrases = [_mixed("", samples, None, 5.0, seed) for seed, (_, samples) in enumerate(lines)]
    seconds = sum(phrase.pcm.size for phrase in phrases) / SAMPLE_RATE

    def took(work: Callable[[Pcm, Pcm], object]) -> float:
        began = time.process_time()
        for phrase in phrases:
            work(phrase.pcm, phrase.noise)
        return (time.process_time() - began) * 1000 / seconds

    rounds = [(took(measure), took(clean)) for _ in range(6)][1:]
    return float(np.median([one for one, _ in rounds])), float(np.median([two for _, two in rounds]))
