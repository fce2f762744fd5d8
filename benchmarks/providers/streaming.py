"""Phrases heard while they are said: CPU a phrase, and how long after its end the text is there, beside a request's.

By itself: `python -m benchmarks.providers.streaming`, which prints JSON.
"""

import argparse
import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from statistics import median
from typing import Any, Final

import numpy as np

from actors.stt.assemblyai import AssemblyAITranscriber
from actors.stt.assemblyai_streaming import AssemblyAIStreaming, AssemblyAIUpload
from actors.stt.elevenlabs import ElevenLabsTranscriber
from actors.stt.elevenlabs_realtime import ElevenLabsStreaming
from actors.stt.streaming import StreamingTranscriber
from actors.stt.transcriber import Transcriber, TranscriptionError
from actors.values import Pcm
from benchmarks.providers.weather import Providers, providers
from benchmarks.report import rounded

_AMPLE_S: Final = 20.0
_PIECE: Final = 1_600
"""Samples that a counter sends at a time: a tenth of a second."""
_PHRASE: Final = 32_000
_PAUSE_S: Final = 0.256
"""Silence after which a phrase is offered; it is part of the phrase."""
_KEYTERMS: Final = tuple(f"remédio {n}" for n in range(50))
_TIES: Final = "a phrase of 2 s in pieces of 100 ms, 50 key terms, loopback, no TLS"


@dataclass(frozen=True, kw_only=True)
class Ears:
    """The adapters that are compared, by name."""

    streaming: dict[str, StreamingTranscriber]
    batch: dict[str, Transcriber]

    async def warm(self) -> None:
        """Load them."""
        for requests in self.batch.values():
            await requests.warm()
        for streams in self.streaming.values():
            await streams.warm()

    async def close(self) -> None:
        """Close the streams before the connections that they use."""
        for streams in self.streaming.values():
            await streams.close()
        for requests in self.batch.values():
            await requests.close()


def ears(places: Providers) -> Ears:
    """Return adapters for simulated providers."""
    eleven, assembly = (places.url("elevenlabs"), places.key("elevenlabs")), places.url("assemblyai")
    key = places.key("assemblyai")
    requests = AssemblyAITranscriber(key, "universal-3-5-pro", assembly, 0.3, keyterms=_KEYTERMS)
    return Ears(
        batch={
            "elevenlabs": ElevenLabsTranscriber(eleven[1], "scribe_v2", eleven[0], 0.264, keyterms=_KEYTERMS),
            "assemblyai": requests,
        },
        streaming={
            "elevenlabs realtime": ElevenLabsStreaming(eleven[1], "scribe_v2_realtime", eleven[0], keyterms=_KEYTERMS),
            "assemblyai upload": AssemblyAIUpload(requests),
            "assemblyai streaming": AssemblyAIStreaming(key, "universal-3-5-pro", assembly, keyterms=_KEYTERMS),
        },
    )


async def live_cpu_ms(places: Providers, *, calls: int, rounds: int) -> dict[str, list[float]]:
    """Return CPU milliseconds a phrase of this process, connecting and closing included, a figure a round, in turns."""
    adapters = ears(places)
    work: dict[str, Callable[[], Awaitable[None]]] = {
        **{name: _streamed(engine) for name, engine in adapters.streaming.items()},
        **{f"{name} request": _requested(engine) for name, engine in adapters.batch.items()},
    }
    taken: dict[str, list[float]] = {name: [] for name in work}
    async with AsyncExitStack() as stack:
        stack.push_async_callback(adapters.close)
        await adapters.warm()
        for call in work.values():
            for _ in range(10):
                await call()
        for _ in range(rounds):
            for name, call in work.items():
                began = time.process_time()
                for _ in range(calls):
                    await call()
                taken[name].append((time.process_time() - began) * 1000 / calls)
    return taken


async def live_latency_ms(places: Providers, *, phrases: int, side_by_side: int) -> dict[str, list[float]]:
    """Return, of each adapter, milliseconds from the pause at which a phrase is offered to its text, sorted.

    Phrases are said in real time; a request's audio is all there at the pause. Failed calls are left out.
    """
    adapters = ears(places)
    took: dict[str, list[float]] = {
        name: [] for name in (*adapters.streaming, *map("{} request".format, adapters.batch))
    }
    gate = asyncio.Semaphore(side_by_side)

    async def heard(name: str, say: Callable[[], Awaitable[float]]) -> None:
        async with gate:
            try:
                took[name].append(await say())
            except TranscriptionError:
                return

    async with AsyncExitStack() as stack:
        stack.push_async_callback(adapters.close)
        await adapters.warm()
        said = [
            *((name, _said_to(engine)) for name, engine in adapters.streaming.items()),
            *((f"{name} request", _asked_of(engine)) for name, engine in adapters.batch.items()),
        ]
        await asyncio.gather(*(heard(name, say) for _ in range(phrases) for name, say in said))
    return {name: sorted(each) for name, each in took.items()}


def _pcm() -> Pcm:
    return np.random.default_rng(0).integers(-3_000, 3_000, _PHRASE).astype(np.int16)


def _streamed(engine: StreamingTranscriber) -> Callable[[], Awaitable[None]]:
    pcm = _pcm()

    async def call() -> None:
        stream = engine.open()
        for at in range(0, pcm.size, _PIECE):
            stream.feed(pcm[at : at + _PIECE])
            await asyncio.sleep(0)
        await stream.transcript(budget_s=_AMPLE_S)
        stream.cancel()

    return call


def _requested(engine: Transcriber) -> Callable[[], Awaitable[None]]:
    pcm = _pcm()

    async def call() -> None:
        await engine.transcribe(pcm, budget_s=_AMPLE_S)

    return call


def _said_to(engine: StreamingTranscriber) -> Callable[[], Awaitable[float]]:
    pcm = _pcm()

    async def say() -> float:
        stream = engine.open()
        try:
            for at in range(0, pcm.size, _PIECE):
                stream.feed(pcm[at : at + _PIECE])
                await asyncio.sleep(_PIECE / 16_000)
            began = time.perf_counter()
            await stream.transcript(budget_s=_AMPLE_S)
            return (time.perf_counter() - began) * 1000
        finally:
            stream.cancel()

    return say


def _asked_of(engine: Transcriber) -> Callable[[], Awaitable[float]]:
    pcm = _pcm()

    async def say() -> float:
        began = time.perf_counter()
        await engine.transcribe(pcm, budget_s=_AMPLE_S)
        return (time.perf_counter() - began) * 1000

    return say


def figures(*, calls: int, rounds: int, phrases: int) -> dict[str, Any]:
    """Measure both, and return medians and quantiles."""
    with providers("--instant") as instant:
        taken = asyncio.run(live_cpu_ms(instant, calls=calls, rounds=rounds))
    with providers("--seed", "7", "--hangs", "0", "--errors", "0") as places:
        took = asyncio.run(live_latency_ms(places, phrases=phrases, side_by_side=20))
    return {
        "of": _TIES,
        "cpu_ms_a_phrase": {name: rounded(median(each)) for name, each in taken.items()},
        "cpu_ms_rounds": {name: [rounded(ms) for ms in each] for name, each in taken.items()},
        "pause_to_text_ms": {
            name: {f"p{at}": rounded(float(np.percentile(each, at))) for at in (50, 95, 99)}
            for name, each in took.items()
        },
        "end_of_speech_to_pause_ms": _PAUSE_S * 1000,
        "phrases": {name: len(each) for name, each in took.items()},
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.providers.streaming", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a few calls, to see that it runs")
    quick = parser.parse_args().quick
    calls, rounds, phrases = (10, 1, 5) if quick else (100, 5, 200)
    print(json.dumps(figures(calls=calls, rounds=rounds, phrases=phrases), indent=2))


if __name__ == "__main__":
    main()
