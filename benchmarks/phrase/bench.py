"""`python -m benchmarks phrase`: what each step of a phrase takes of the CPU, in one process, by turns."""

import argparse
import asyncio
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from itertools import cycle, islice
from pathlib import Path
from statistics import median
from typing import Any, Final

import numpy as np
import uvloop
from rich.progress import Progress

from actors.audio.biometrics import measure
from actors.basket.catalogue import load_baskets
from actors.basket.resolver import BasketEngine
from actors.llm.encoder import encoder_installed, shared_encoder
from actors.llm.openai import OpenAIUnderstanding
from actors.stt.assemblyai import AssemblyAITranscriber
from actors.stt.elevenlabs import ElevenLabsTranscriber
from actors.stt.guard import Evidence, reason_to_reject
from actors.values import Pcm
from balto.conversing import conversation_rules
from balto.engines import offline_lexicon, standing_terms
from balto.settings import Settings
from benchmarks.live.audio import spoken_scene
from benchmarks.providers.weather import Providers, providers
from benchmarks.report import Machine, Report, rounded
from tests.simulators.__main__ import phrases

_ROOT: Final = Path(__file__).parents[2]
_AMPLE_S: Final = 20.0
_TAIL: Final = 4_096
_LONGEST: Final = 48_000
"""Samples of a phrase: three seconds before the end of its sentence, and some of the pause."""

Step = Callable[[str, Pcm], Awaitable[object] | object]
"""One step of a phrase, of its text and its samples."""


def add_options(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("--phrases", type=int, default=80, help="more than are remembered, 64; each once a round")


def run(options: argparse.Namespace, progress: Progress) -> Report:
    """Measure; there are no goals, and every figure is the median of the phrases."""
    machine = Machine.here()
    count, rounds = (3, 1) if options.quick else (options.phrases, 5)
    task = progress.add_task("phrase", total=rounds + 1)
    with providers("--instant") as places:
        taken = uvloop.run(_taken(places, count, rounds, lambda: progress.advance(task)))
    return Report(bench="phrase", checks=[], machine=machine, compared=told(taken))


def told(taken: Mapping[str, Sequence[float]]) -> dict[str, Any]:
    """Return the milliseconds of each step: its median, and the mean where some phrases cost far more than others."""
    medians = {name: rounded(median(each)) for name, each in taken.items()}
    means = {name: rounded(sum(each) / len(each)) for name, each in taken.items()}
    return {"CPU ms a step, median": medians, "CPU ms a step, mean": means}


async def _taken(places: Providers, count: int, rounds: int, tick: Callable[[], None]) -> dict[str, list[float]]:
    scene = spoken_scene()
    said = list(zip(dict.fromkeys(phrases()), cycle(_phrase(scene.samples, end) for end in scene.ends), strict=False))
    steps, close = await _steps(places)
    taken: dict[str, list[float]] = defaultdict(list)
    try:
        for number in range(rounds + 1):
            for text, pcm in islice(said, count):
                for name, step in steps.items():
                    began = time.process_time()
                    done = step(text, pcm)
                    if isinstance(done, Awaitable):
                        await done
                    # The first round loads what is loaded late.
                    if number:
                        taken[name].append((time.process_time() - began) * 1000)
            tick()
    finally:
        await close()
    return taken


async def _steps(places: Providers) -> tuple[dict[str, Step], Callable[[], Awaitable[None]]]:
    """Return the steps in the order of a phrase, each of which finds what those before it leave in memory."""
    baskets = load_baskets(_ROOT / "cestas.json")
    terms = standing_terms(baskets)
    eleven = ElevenLabsTranscriber(
        places.key("elevenlabs"), "scribe_v2", places.url("elevenlabs"), 0.264, keyterms=terms
    )
    assembly = AssemblyAITranscriber(
        places.key("assemblyai"), "universal-3-5-pro", places.url("assemblyai"), 0.3, keyterms=terms
    )
    model = OpenAIUnderstanding(
        places.key("openai"), "gpt-6-luna", places.url("openai"), taxonomy=baskets.taxonomy, at_once=lambda _: True
    )
    lexicon = offline_lexicon(baskets, encoder=False)
    rules, basket = conversation_rules(Settings(_env_file=None), baskets), BasketEngine(baskets)
    for engine in (eleven, assembly, model, lexicon):
        await engine.warm()

    async def place(text: str, _: Pcm) -> object:
        return await lexicon.classify(text, lexicon.entities(text), budget_s=_AMPLE_S)

    def resolve(text: str, _: Pcm) -> object:
        entities = lexicon.entities(text)
        return basket.resolve(lexicon.place(text, entities), entities)

    steps: dict[str, Step] = {
        "bio-metrics": lambda _, pcm: measure(pcm, None, 30.0),
        "ElevenLabs' request": lambda _, pcm: eleven.transcribe(pcm, budget_s=_AMPLE_S),
        "AssemblyAI's request": lambda _, pcm: assembly.transcribe(pcm, budget_s=_AMPLE_S),
        "guard": lambda text, _: reason_to_reject(text, Evidence(avg_logprob=-0.1, duration_s=3.0), known=terms),
        "safety rules": lambda text, _: baskets.safety.look(text),
        "gathering, the vocabulary's reading": lambda text, _: rules.names_something(text),
        "OpenAI's request": lambda text, _: model.normalise(text, budget_s=_AMPLE_S),
        "lexicon, reading and examples": lambda text, _: lexicon.normalise(text, budget_s=_AMPLE_S),
        "lexicon, placing": place,
        "basket": resolve,
    }
    if encoder_installed():
        encoder = shared_encoder()
        await asyncio.to_thread(encoder.encode, ["bom dia"])
        steps["sentence encoder"] = lambda text, _: encoder.encode([text])

    async def close() -> None:
        for engine in (eleven, assembly, model):
            await engine.close()

    return steps, close


def _phrase(samples: Pcm, end: int) -> Pcm:
    return np.ascontiguousarray(samples[max(0, end - _LONGEST) : end + _TAIL], dtype=np.int16)
