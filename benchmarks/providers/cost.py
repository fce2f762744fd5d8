"""What a call takes of this machine's CPU, against a provider that answers at once, in a process of its own."""

import time
from collections.abc import Awaitable, Callable
from statistics import median
from typing import Final

import numpy as np

from actors.llm.openai import OpenAIUnderstanding
from actors.stt.assemblyai import AssemblyAITranscriber
from actors.stt.elevenlabs import ElevenLabsTranscriber
from actors.stt.transcriber import Transcriber
from benchmarks.providers.weather import Providers

_AMPLE_S: Final = 20.0
_TERMS: Final = tuple(f"remédio {n}" for n in range(50))
_SENTENCE: Final = "bom dia, eu queria uma dipirona, por favor"


async def cpu_ms(places: Providers, *, calls: int, rounds: int) -> dict[str, list[float]]:
    """Return CPU milliseconds a call of this process, a figure a round, the adapters taking turns."""
    eleven = ElevenLabsTranscriber(
        places.key("elevenlabs"), "scribe_v2", places.url("elevenlabs"), 0.264, keyterms=_TERMS
    )
    assembly = AssemblyAITranscriber(places.key("assemblyai"), "universal-3-5-pro", places.url("assemblyai"), 0.3)
    taxonomy = {"DOR_FEBRE_INFLAMACAO": ("FEBRE", "DOR_DE_CABECA")}
    model = OpenAIUnderstanding(places.key("openai"), "gpt-6-luna", places.url("openai"), taxonomy=taxonomy)

    async def understand() -> None:
        await model.normalise(_SENTENCE, budget_s=_AMPLE_S)

    work: dict[str, Callable[[], Awaitable[None]]] = {
        "openai": understand,
        "elevenlabs": _hear(eleven),
        "assemblyai": _hear(assembly),
    }
    taken: dict[str, list[float]] = {name: [] for name in work}
    try:
        for engine in (eleven, assembly, model):
            await engine.warm()
        for name, call in work.items():
            for _ in range(10):
                await call()
            assert taken[name] == []
        for _ in range(rounds):
            for name, call in work.items():
                began = time.process_time()
                for _ in range(calls):
                    await call()
                taken[name].append((time.process_time() - began) * 1000 / calls)
    finally:
        for engine in (eleven, assembly, model):
            await engine.close()
    return taken


def of_rounds(taken: dict[str, list[float]]) -> dict[str, float]:
    """Return the median of the rounds."""
    return {name: median(each) for name, each in taken.items()}


def _hear(engine: Transcriber) -> Callable[[], Awaitable[None]]:
    pcm = np.zeros(32_000, np.int16)

    async def call() -> None:
        await engine.transcribe(pcm, budget_s=_AMPLE_S)

    return call
