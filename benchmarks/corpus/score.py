"""How well an engine hears the recordings: word error rate, keywords and CPU, line by line."""

import argparse
import asyncio
import json
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from rapidfuzz.distance import Levenshtein

from actors.stt.guard import words_of
from actors.stt.transcriber import Transcriber, TranscriptionError
from actors.stt.weights import ensure_weights
from actors.stt.whisper import WhisperTranscriber
from benchmarks.corpus.assembly import RATE, Samples, read_opus

MARGIN_MS = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """How one line was heard."""

    text: str
    heard: str
    rejected: str | None
    wer: float
    missing: list[str]
    audio_s: float
    cpu_s: float


def word_errors(said: str, heard: str) -> tuple[int, int]:
    """Count word errors (Levenshtein over words, case and accents aside) and the words said."""
    reference = words_of(said)
    return Levenshtein.distance(reference, words_of(heard)), len(reference)


def missing_keywords(keywords: list[str], heard: str) -> list[str]:
    """List the keywords that a transcript doesn't hold as whole words, case and accents aside."""
    padded = f" {' '.join(words_of(heard))} "
    return [keyword for keyword in keywords if f" {' '.join(words_of(keyword))} " not in padded]


def lines_of(page: Path) -> Iterator[tuple[dict[str, Any], Samples]]:
    """Give each line of `counter.json` or `phrases.json` with its samples."""
    script = json.loads(page.read_text("utf-8"))
    if "phrases" in script:
        for phrase in script["phrases"]:
            yield phrase, read_opus(page.parent / phrase["file"])
        return
    samples = read_opus(page.with_suffix(".opus"))
    for line in script["lines"]:
        start = max(0, line["start_ms"] - MARGIN_MS) * RATE // 1000
        yield line, samples[start : (line["end_ms"] + MARGIN_MS) * RATE // 1000]


async def score(engine: Transcriber, line: dict[str, Any], samples: Samples) -> Score:
    """Let an engine hear one line."""
    before = time.process_time()
    rejected: str | None
    try:
        transcript = await engine.transcribe(samples, budget_s=60)
        heard, rejected = transcript.text, transcript.rejected
    except TranscriptionError as error:
        heard, rejected = "", error.code
    errors, words = word_errors(line["text"], heard)
    return Score(
        text=line["text"],
        heard=heard,
        rejected=rejected,
        wer=errors / max(1, words),
        missing=missing_keywords(line["keywords"], heard),
        audio_s=samples.size / RATE,
        cpu_s=time.process_time() - before,
    )


async def _main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.corpus.score", description=__doc__)
    parser.add_argument("page", type=Path, help="counter.json or phrases.json")
    parser.add_argument("--weights", type=Path, required=True, help="folder of the Whisper weights")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    arguments = parser.parse_args()
    before = time.process_time(), time.perf_counter()
    engine = WhisperTranscriber(ensure_weights(arguments.weights))
    await engine.warm()
    load_cpu_s, load_s = time.process_time() - before[0], time.perf_counter() - before[1]
    scores = [await score(engine, line, samples) for line, samples in lines_of(arguments.page)]
    await engine.close()
    spoken = [s for s in scores if s.text]
    errors = sum(s.wer * len(words_of(s.text)) for s in spoken)
    summary = {
        "wer": errors / max(1, sum(len(words_of(s.text)) for s in spoken)),
        "keywords_missing": sum(len(s.missing) for s in scores),
        "cpu_s_median": float(np.median([s.cpu_s for s in scores])),
        "load_s": load_s,
        "load_cpu_s": load_cpu_s,
    }
    if arguments.json:
        print(json.dumps({"summary": summary, "lines": [asdict(s) for s in scores]}, ensure_ascii=False))
        return 0
    for s in scores:
        print(f"{s.wer:5.0%} {s.cpu_s:5.2f} s  {s.rejected or '':14} {s.heard!r}  {s.missing or ''}")
    print(", ".join(f"{name} {value:.3g}" for name, value in summary.items()))
    return 0


if __name__ == "__main__":
    sys.exit(asyncio.run(_main()))
