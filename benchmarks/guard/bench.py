"""What the guard believes of real names and of noise, as Whisper writes them down: `python -m benchmarks guard`."""

import argparse
import asyncio
import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final, Literal

from rich.progress import Progress

from actors.basket.catalogue import load_baskets
from actors.llm.lexicon import LexiconUnderstanding
from actors.stt.guard import Evidence, reason_to_reject, words_of
from actors.stt.transcriber import TranscriptionError
from actors.stt.weights import ensure_weights
from actors.stt.whisper import WhisperTranscriber
from balto.engines import standing_terms
from balto.settings import OWN_BASKETS
from benchmarks.guard.sounds import Clip, Half, noises, spoken
from benchmarks.report import Check, Machine, Report

_ROOT: Final = Path(__file__).parents[2]
PRIMINGS: Final[dict[str, tuple[str, ...]]] = {
    "standing": (),
    "conversation": ("dor de cabeça", "Luftal", "soro fisiológico", "febre", "tosse"),
}
"""Words of a conversation that the engine may be told to listen for: it must not hear them in noise for that."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """What Whisper made of a clip, and what it said of that."""

    half: Half
    kind: str
    said: str
    condition: str
    priming: str
    text: str
    """Empty where nothing was written."""
    avg_logprob: float
    no_speech: float
    duration_s: float
    prompt: str

    @property
    def right(self) -> bool:
        """Whether what was written leads to what was said: to the same name, or has its words."""
        named = {entity.name for entity in _lexicon().entities(self.said)}
        if named:
            return not named.isdisjoint(entity.name for entity in _lexicon().entities(self.text))
        return bool(self.said) and not set(words_of(self.said)).isdisjoint(words_of(self.text))

    @property
    def rejected(self) -> str | None:
        """Why the guard does not believe it."""
        evidence = Evidence(
            avg_logprob=self.avg_logprob, no_speech=self.no_speech, duration_s=self.duration_s, prompt=self.prompt
        )
        return reason_to_reject(self.text, evidence, known=_known())

    @property
    def believed(self) -> bool:
        """Whether the guard lets a text through."""
        return bool(self.text) and self.rejected is None


@cache
def _lexicon() -> LexiconUnderstanding:
    baskets = load_baskets(OWN_BASKETS)
    return LexiconUnderstanding(baskets.lexicon, baskets.version)


@cache
def _known() -> tuple[str, ...]:
    return standing_terms(load_baskets(OWN_BASKETS))


def add_options(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("--weights", type=Path, default=_ROOT / ".balto" / "whisper-base", help="folder of Whisper")
    parser.add_argument("--half", choices=["tuning", "reported"], default="reported", help="which half is listened to")
    parser.add_argument("--keep", type=Path, help="file for what was heard, as JSON lines")
    parser.add_argument("--heard", type=Path, help="judge what was kept in such a file, instead of listening")


def run(options: argparse.Namespace, progress: Progress) -> Report:
    """Let Whisper hear every clip of a half, and the guard judge what it wrote."""
    machine = Machine.here()
    if options.heard is not None:
        heard = [row for row in read(options.heard) if row.half == options.half]
    else:
        clips = [*spoken(options.half), *noises(options.half)]
        heard = asyncio.run(_listen(options.weights, clips[::40] if options.quick else clips, progress))
    if options.keep is not None:
        write(options.keep, heard)
    return Report(bench="guard", checks=_checks(heard), machine=machine, compared=_compared(options.half, heard))


def read(path: Path) -> list[Heard]:
    """Read what was heard before."""
    return [Heard(**json.loads(line)) for line in path.read_text("utf-8").splitlines()]


def write(path: Path, heard: Iterable[Heard]) -> None:
    """Keep what was heard."""
    path.write_text("".join(json.dumps(asdict(row), ensure_ascii=False) + "\n" for row in heard), "utf-8")


async def _listen(weights: Path, clips: Sequence[Clip], progress: Progress) -> list[Heard]:
    engine = WhisperTranscriber(ensure_weights(weights))
    await engine.warm()
    task = progress.add_task("clips", total=len(clips) * len(PRIMINGS))
    heard: list[Heard] = []
    for priming, terms in PRIMINGS.items():
        for clip in clips:
            heard.append(await _hear(engine, clip, priming, terms))
            progress.advance(task)
    await engine.close()
    return heard


async def _hear(engine: WhisperTranscriber, clip: Clip, priming: str, terms: Sequence[str]) -> Heard:
    try:
        text, evidence = await engine.hear(clip.pcm, budget_s=60, terms=terms)
    except TranscriptionError:
        text, evidence = "", Evidence()
    return Heard(
        half=clip.half,
        kind=clip.kind,
        said=clip.said,
        condition=clip.condition,
        priming=priming,
        text=text,
        avg_logprob=round(evidence.avg_logprob or 0.0, 3),
        no_speech=round(evidence.no_speech or 0.0, 3),
        duration_s=round(clip.pcm.size / 16_000, 3),
        prompt=evidence.prompt,
    )


def _checks(heard: Sequence[Heard]) -> list[Check]:
    said = [row for row in heard if row.said]
    noise = [row for row in heard if not row.said]
    refused = Counter(row.kind for row in said if row.right and row.rejected is not None)
    wrong = [row for row in said if row.text and not row.right]

    def check(name: str, value: float, goal: float, better: Literal["less", "more"] = "less") -> Check:
        return Check(name=name, value=value, unit="", goal=goal, better=better)

    return [
        check("names rejected", refused["names"], 0),
        check("repeated orders rejected", refused["orders"], 0),
        check("short answers rejected", refused["answers"], 0),
        check(
            "of those written wrong, believed, %", 100 * sum(row.believed for row in wrong) / max(1, len(wrong)), 100
        ),
        check("noises believed, %", 100 * sum(row.believed for row in noise) / max(1, len(noise)), 2),
    ]


def _compared(half: Half, heard: Sequence[Heard]) -> dict[str, Any]:
    said = [row for row in heard if row.said]
    noise = [row for row in heard if not row.said]
    return {
        "half": half,
        "clips": dict(sorted(Counter(row.kind for row in heard).items())),
        "not written": sum(not row.text for row in said),
        "written right": sum(row.right for row in said),
        "rejected": [_shown(row) for row in said if row.text and row.rejected is not None],
        "noises that gave a text": sum(bool(row.text) for row in noise),
        "believed": [_shown(row) for row in noise if row.believed],
        "reasons": dict(Counter(row.rejected for row in noise if row.text and row.rejected)),
    }


def _shown(row: Heard) -> dict[str, Any]:
    evidence: dict[str, Any] = {
        "right": row.right,
        "avg_logprob": row.avg_logprob,
        "no_speech": row.no_speech,
        "reason": row.rejected,
    }
    place = {"kind": row.kind, "condition": row.condition, "priming": row.priming}
    return {"said": row.said, "heard": row.text, **place, **evidence}
