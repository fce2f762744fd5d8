"""Kills servers under streaming clients and counts what was lost: `python -m benchmarks survival`."""

import argparse
import asyncio
import contextlib
import os
import random
import tempfile
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

from rich.progress import Progress

from actors.values import Phrase, VadSettings
from balto.accounts import register_client, register_counter
from balto.app import open_library
from balto.client import AudioFile, Stream
from balto.listening import decode_audio, find_phrases
from balto.settings import Settings
from benchmarks.report import Check, Machine, Report
from benchmarks.survival.judgement import Range, Verdict, judge
from benchmarks.survival.node import Node
from events.embedded import EmbeddedPostgres
from tests.simulators.elevenlabs import ElevenLabsSimulator

RECORDING: Final = Path(__file__).parents[2] / "balto" / "demo" / "counter.opus"
CLIENTS: Final = 4


def add_options(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("--runs", type=int, default=10, help="runs, each with a seed of its own")
    parser.add_argument("--kills", type=int, default=10, help="kills in each run")


def run(options: argparse.Namespace, progress: Progress) -> Report:
    """Run, and judge every session afterwards."""
    runs, kills = (1, 2) if options.quick else (options.runs, options.kills)
    machine = Machine.here()
    verdict, killed = asyncio.run(_run(runs, kills, progress))
    checks = [
        Check(name="kills", value=killed, unit="kill -9", goal=runs * kills, better="more"),
        Check(name="phrases lost", value=verdict.lost, unit="phrases", goal=0, better="less"),
        Check(name="phrases or recommendations doubled", value=verdict.doubled, unit="", goal=0, better="less"),
        Check(name="out of order", value=verdict.disordered, unit="sessions", goal=0, better="less"),
        Check(name="acknowledged audio lost", value=verdict.bytes_lost, unit="bytes", goal=0, better="less"),
        Check(name="sessions without an end", value=verdict.unended, unit="sessions", goal=0, better="less"),
    ]
    return Report(bench="survival", checks=checks, machine=machine, compared=asdict(verdict))


async def _run(runs: int, kills: int, progress: Progress) -> tuple[Verdict, int]:
    pcm = decode_audio(RECORDING.read_bytes())
    audio = AudioFile(pcm.tobytes(), len(pcm) / 16_000)
    expected = [
        (heard.sample_start, heard.sample_end)
        for heard in find_phrases(pcm, VadSettings())
        if isinstance(heard, Phrase)
    ]
    task = progress.add_task("kills", total=runs * kills)
    verdict, killed = Verdict(), 0
    with tempfile.TemporaryDirectory(prefix="balto-survival-") as folder:
        os.chmod(folder, 0o755)  # noqa: PTH101 - the server's user must get in where this runs as root
        async with _environment(Path(folder)) as environment:
            for seed in range(runs):
                one, count = await _one_run(environment, audio, expected, seed, kills, lambda: progress.advance(task))
                verdict, killed = verdict + one, killed + count
    return verdict, killed


@contextlib.asynccontextmanager
async def _environment(folder: Path) -> AsyncIterator[Mapping[str, str]]:
    simulator = ElevenLabsSimulator(text="estou com dor de cabeça")
    async with EmbeddedPostgres(folder) as postgres, simulator.serving() as provider:
        yield {
            "BALTO_DATABASE_URL": postgres.dsn,
            "BALTO_DATA_DIR": str(folder),
            "BALTO_STT": "elevenlabs",
            "BALTO_STT_BACKUP": "none",
            "BALTO_ELEVENLABS_API_KEY": simulator.key,
            "BALTO_ELEVENLABS_BASE_URL": provider,
            "BALTO_LLM": "lexicon",
            "BALTO_GRACE_S": "5",
        }


async def _one_run(
    environment: Mapping[str, str],
    audio: AudioFile,
    expected: list[Range],
    seed: int,
    kills: int,
    tick: Callable[[], None],
) -> tuple[Verdict, int]:
    chance = random.Random(seed)
    given: dict[str, Any] = {name.removeprefix("BALTO_").lower(): value for name, value in environment.items()}
    settings = Settings(_env_file=None, **given)
    async with open_library(settings) as library, Node(environment) as one, Node(environment) as other:
        code = await register_client(library.store, email=f"seed-{seed}@b.example", legal_name="Survival")
        streams = []
        for _ in range(CLIENTS):
            _, key = await register_counter(library.store, code, "Counter")
            streams.append(Stream([one.url, other.url], key, audio, speed=chance.uniform(2.0, 3.5), patience_s=60))
        clients = [asyncio.create_task(_collect(stream)) for stream in streams]
        killed = await _kill(chance, [one, other], kills, tick, clients)
        received = await asyncio.gather(*clients)
        verdict = Verdict()
        for stream, ids in zip(streams, received, strict=True):
            name = f"session-{stream.session}"
            recorded = [record async for record in library.store.read_stream(name)]
            kept = sum([len(chunk.data) async for chunk in library.store.read_recording(name)])
            verdict += judge(recorded, expected, ids, stream.acknowledged, kept)
    return verdict, killed


async def _kill(
    chance: random.Random,
    nodes: list[Node],
    kills: int,
    tick: Callable[[], None],
    clients: list[asyncio.Task[list[str]]],
) -> int:
    killed = 0
    while killed < kills and not all(client.done() for client in clients):
        await asyncio.sleep(chance.uniform(0.2, 1.5))
        node = chance.choice(nodes)
        await node.kill()
        killed += 1
        tick()
        await node.start()
    return killed


async def _collect(stream: Stream) -> list[str]:
    return [message["id"] async for message in stream.messages() if message["comando"] == "recomendar"]
