"""Writes down what Whisper base hears of our spoken sentences: `python -m benchmarks.advice.heard --weights FOLDER`."""

import argparse
import asyncio
import json
import sys
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import Progress

from actors.stt.transcriber import TranscriptionError
from actors.stt.weights import WeightsError, ensure_weights
from actors.stt.whisper import WhisperTranscriber
from benchmarks.advice.labelled import OWN
from benchmarks.corpus.assembly import read_opus

_ROOT = Path(__file__).resolve().parents[2]


async def hear(rows: list[dict[str, Any]], recordings: Path, weights: Path) -> None:
    """Put `as_heard` into every row whose recording is there; where nothing is heard it is an empty text."""
    engine = WhisperTranscriber(ensure_weights(weights))
    await engine.warm()
    try:
        with Progress(console=Console(stderr=True)) as progress:
            for number, row in progress.track(list(enumerate(rows)), description="sentences"):
                recording = recordings / f"{number:03}.opus"
                if "voice" not in row or not recording.is_file():
                    continue
                try:
                    row["as_heard"] = (await engine.transcribe(read_opus(recording), budget_s=60)).text
                except TranscriptionError:
                    row["as_heard"] = ""
    finally:
        await engine.close()


def main() -> int:
    """Hear all, and write the set anew."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.advice.heard", description=__doc__)
    parser.add_argument("--weights", type=Path, default=_ROOT / ".balto" / "whisper-base", help="folder of Whisper")
    parser.add_argument(
        "--recordings", type=Path, default=_ROOT / ".balto" / "corpus" / "advice", help="made by benchmarks.corpus"
    )
    options = parser.parse_args()
    rows = [json.loads(line) for line in OWN.read_text("utf-8").splitlines()]
    try:
        asyncio.run(hear(rows, options.recordings, options.weights))
    except WeightsError as error:
        print(error, file=sys.stderr)
        return 1
    OWN.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
