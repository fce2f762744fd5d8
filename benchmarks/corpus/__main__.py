"""Makes the recordings: `python -m benchmarks.corpus WHAT --voices FOLDER`; see the README."""

import argparse
import json
import sys
from itertools import product
from pathlib import Path

import numpy as np

from benchmarks.corpus.assembly import (
    BIT_RATE,
    RATE,
    alone,
    as_json,
    converse,
    read_script,
    speak,
    to_samples,
    write_opus,
)
from benchmarks.corpus.voices import Kokoro, VoicesMissingError

ROOT = Path(__file__).resolve().parents[2]
HERE = Path(__file__).resolve().parent
NOTE = "Synthetic speech made by benchmarks/corpus; nobody's voice, nobody's conversation."


def make_counter(kokoro: Kokoro, folder: Path) -> None:
    """Make the recorded counter conversation and the script beside it."""
    samples, lines = converse(read_script(HERE / "counter.toml"), kokoro)
    write_opus(folder / "counter.opus", samples)
    page = {
        "note": NOTE,
        "sample_rate": RATE,
        "bit_rate": BIT_RATE,
        "duration_ms": samples.size * 1000 // RATE,
        "lines": as_json(lines),
    }
    _write_json(folder / "counter.json", page)
    print(f"counter.opus: {samples.size / RATE:.1f} s, {(folder / 'counter.opus').stat().st_size} bytes")


def make_phrases(kokoro: Kokoro, folder: Path) -> None:
    """Make the single phrases that tests listen to."""
    script = read_script(HERE / "phrases.toml")
    page = []
    for number, phrase in enumerate(script["phrases"]):
        if phrase["text"]:
            wave = speak(kokoro, phrase["text"], voice=phrase["voice"], speed=phrase["speed"])
        else:
            wave = np.zeros(int(phrase["seconds"] * RATE), np.float32)
        samples = alone(wave, seed=script["seed"] + number)
        write_opus(folder / phrase["file"], samples)
        page.append(
            {
                "file": phrase["file"],
                "text": phrase["text"],
                "keywords": phrase["keywords"],
                "duration_ms": samples.size * 1000 // RATE,
            }
        )
        print(f"{phrase['file']}: {samples.size / RATE:.1f} s, {(folder / phrase['file']).stat().st_size} bytes")
    _write_json(folder / "phrases.json", {"note": NOTE, "phrases": page})


def make_utterances(kokoro: Kokoro, folder: Path) -> None:
    """Make the sentences of the hearing benchmark, each by the next voice, and where they lie."""
    script = read_script(HERE / "utterances.toml")
    pause = np.zeros(int(script["pause"] * RATE), np.int16)
    pieces, lines, at = [pause], [], pause.size
    for number, line in enumerate(script["lines"]):
        voice = script["voices"][number % len(script["voices"])]
        spoken = to_samples(speak(kokoro, line["text"], voice=voice["voice"], speed=voice["speed"]))
        lines.append({"voice": voice["voice"], "text": line["text"], "start": at, "end": at + spoken.size})
        pieces += [spoken, pause]
        at += spoken.size + pause.size
    write_opus(folder / "utterances.opus", np.concatenate(pieces))
    _write_json(folder / "utterances.json", {"note": NOTE, "sample_rate": RATE, "lines": lines})
    print(f"utterances.opus: {at / RATE:.1f} s, {(folder / 'utterances.opus').stat().st_size} bytes")


def make_names(kokoro: Kokoro, folder: Path) -> None:
    """Make the short words that the guard's benchmark listens to, each by every voice, and where they lie."""
    script = read_script(folder / "names.toml")
    pause = np.zeros(int(script["pause"] * RATE), np.int16)
    pieces, lines, at = [pause], [], pause.size
    for half, kinds in script["halves"].items():
        for kind, texts in kinds.items():
            for text, voice in product(texts, script["voices"]):
                spoken = to_samples(speak(kokoro, text, voice=voice["voice"], speed=voice["speed"]))
                line = {"half": half, "kind": kind, "voice": voice["voice"], "text": text}
                lines.append(line | {"start": at, "end": at + spoken.size})
                pieces += [spoken, pause]
                at += spoken.size + pause.size
    write_opus(folder / "names.opus", np.concatenate(pieces))
    _write_json(folder / "names.json", {"note": NOTE, "sample_rate": RATE, "lines": lines})
    print(f"names.opus: {at / RATE:.1f} s, {(folder / 'names.opus').stat().st_size} bytes")


def make_advice(kokoro: Kokoro, folder: Path) -> None:
    """Speak the sentences of the advice benchmark that name a voice, a file each, for `benchmarks.advice.heard`."""
    folder.mkdir(parents=True, exist_ok=True)
    rows = [json.loads(line) for line in (HERE.parent / "advice" / "utterances.jsonl").read_text("utf-8").splitlines()]
    for number, row in enumerate(rows):
        if "voice" in row:
            wave = speak(kokoro, row["text"], voice=row["voice"], speed=1.0)
            write_opus(folder / f"{number:03}.opus", alone(wave, seed=number))
    print(f"{sum('voice' in row for row in rows)} sentences in {folder}")


def _write_json(path: Path, page: object) -> None:
    path.write_text(json.dumps(page, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")


def main() -> int:
    """Make what the command line asks for."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.corpus", description=__doc__)
    parser.add_argument("what", choices=["counter", "phrases", "utterances", "names", "advice"])
    parser.add_argument("--voices", type=Path, required=True, help="folder of Kokoro's voices/*.bin")
    parser.add_argument("--cache", type=Path, default=ROOT / ".balto" / "corpus", help="folder for what is kept")
    parser.add_argument("--out", type=Path, help="folder to write to; the repository's own by default")
    arguments = parser.parse_args()
    try:
        kokoro = Kokoro(arguments.voices, arguments.cache)
        if arguments.what == "counter":
            make_counter(kokoro, arguments.out or ROOT / "balto" / "demo")
        elif arguments.what == "utterances":
            make_utterances(kokoro, arguments.out or HERE)
        elif arguments.what == "names":
            make_names(kokoro, arguments.out or HERE.parent / "guard")
        elif arguments.what == "advice":
            make_advice(kokoro, arguments.out or arguments.cache / "advice")
        else:
            make_phrases(kokoro, arguments.out or ROOT / "tests" / "assets")
    except (VoicesMissingError, FileNotFoundError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
