"""Whole servers whose counters speak in real time, with streaming off and on in turns: wait, bill, CPU, outcomes.

By itself: `python -m benchmarks.providers.talking`, which prints JSON. Real are the server, its sockets, its embedded
PostgreSQL, the detector, the adapters and the SDKs; the providers are simulated, in a process of their own, with 4%
hangs and 2% errors. A third of the phrases has a pause at which it is offered too early.
"""

import argparse
import asyncio
import json
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final, Literal

import aiohttp
import numpy as np
import orjson
from pydantic import SecretStr

from actors.values import SAMPLE_RATE, Pcm
from balto.accounts import register_client, register_counter
from balto.app import open_balto
from balto.settings import Settings
from balto.web.server import serving
from benchmarks.providers.weather import Providers, providers
from benchmarks.report import rounded
from events.catalogue import (
    AttemptEnded,
    Event,
    PhraseCaptured,
    PhraseOffered,
    PhraseOfferWithdrawn,
    RecommendationWithheld,
    TranscriptionReceived,
    TranscriptionRejected,
    TranscriptionStreamClosed,
)
from events.envelope import RecordedEvent
from tests.recordings import conversation

Mode = Literal["off", "auto"]
_PIECE_S: Final = 0.1
_BETWEEN_COUNTERS_S: Final = 0.37
_ROUND: Final = ("dor_de_cabeca", "tosse", "chuva")


async def talk(places: Providers, mode: Mode, *, counters: int, rounds: int) -> dict[str, Any]:
    """Let counters speak to a server of their own; return what that came to."""
    said = conversation(*_ROUND * rounds)
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(
            _env_file=None,
            port=0,
            data_dir=Path(folder),
            stt="elevenlabs",
            stt_backup="none",
            stt_streaming=mode,
            elevenlabs_api_key=SecretStr(places.key("elevenlabs")),
            elevenlabs_base_url=places.url("elevenlabs"),
            assemblyai_api_key=SecretStr(places.key("assemblyai")),
            assemblyai_base_url=places.url("assemblyai"),
        )
        async with open_balto(settings) as balto, serving(balto) as url:
            code = await register_client(balto.library.store, email="a@b.example", legal_name="Farmácia")
            _, key = await register_counter(balto.library.store, code, "Balcão")
            began = time.process_time()
            await asyncio.gather(*(_counter(f"{url}/ws", key, said, at) for at in range(counters)))
            cpu_s = time.process_time() - began
            recorded = [event async for event in balto.library.store.read_all()]
    return {**figures(recorded), "server_cpu_s": rounded(cpu_s)}


async def _counter(url: str, key: str, said: Pcm, number: int) -> None:
    await asyncio.sleep(number * _BETWEEN_COUNTERS_S)
    step = int(_PIECE_S * SAMPLE_RATE)
    async with aiohttp.ClientSession() as http, http.ws_connect(url, max_msg_size=0) as ws:
        await ws.send_str(orjson.dumps({"api_key": key, "protocol": 2}).decode())
        began = time.perf_counter()
        for sent, at in enumerate(range(0, said.size, step), start=1):
            await ws.send_bytes(said[at : at + step].tobytes())
            await asyncio.sleep(max(0.0, began + sent * _PIECE_S - time.perf_counter()))
        await ws.send_str('{"tipo":"fim"}')
        async for _ in ws:
            pass


def figures(recorded: Sequence[RecordedEvent]) -> dict[str, Any]:
    """Return what became of the phrases of a ledger."""

    def of[E: Event](kind: type[E]) -> list[tuple[tuple[str, int], float, E]]:
        found = [(r, r.event) for r in recorded if isinstance(r.event, kind)]
        return [((r.stream, getattr(event, "phrase", 0)), r.elapsed_us / 1000, event) for r, event in found]

    captured = of(PhraseCaptured)
    offered = {phrase: ms for phrase, ms, _ in of(PhraseOffered)}
    received = of(TranscriptionReceived)
    took = [ms - offered[phrase] for phrase, ms, _ in received if phrase in offered]
    ends = {
        phrase
        for kind in (TranscriptionReceived, TranscriptionRejected, RecommendationWithheld)
        for phrase, *_ in of(kind)
    }
    hours = sum(event.sample_end - event.sample_start for *_, event in captured) / SAMPLE_RATE / 3600
    usd = sum(getattr(r.event, "cost_usd", 0.0) for r in recorded)
    return {
        "phrases": len(captured),
        "with a text or a reason": len({phrase for phrase, *_ in captured} & ends),
        "heard by": dict(Counter(event.model for *_, event in received)),
        "last offer to transcript ms": {f"p{at}": rounded(float(np.percentile(took, at))) for at in (50, 95, 99)},
        "streams": dict(Counter(event.outcome for *_, event in of(TranscriptionStreamClosed))),
        "offers withdrawn": len(of(PhraseOfferWithdrawn)),
        "attempts beside": len(of(AttemptEnded)),
        "usd an hour of phrases": rounded(usd / hours),
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.providers.talking", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="two counters, once: shows only that it runs")
    quick = parser.parse_args().quick
    counters, rounds, turns = (2, 1, 1) if quick else (10, 3, 2)
    modes: tuple[Mode, ...] = ("off", "auto")
    with providers("--seed", "11") as places:
        runs = [
            (mode, asyncio.run(talk(places, mode, counters=counters, rounds=rounds)))
            for _ in range(turns)
            for mode in modes
        ]
    print(json.dumps([{"streaming": mode, **came_to} for mode, came_to in runs], indent=2))


if __name__ == "__main__":
    main()
