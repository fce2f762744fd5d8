"""Kills servers under streaming clients and counts what was lost: `python -m benchmarks survival`."""

import argparse
import asyncio
import contextlib
import os
import random
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from rich.progress import Progress

from actors.values import Phrase, VadSettings
from balto.accounts import register_client, register_counter
from balto.client import AudioFile, ClientError, Recommendation, Stream
from balto.library import open_library
from balto.listening import decode_audio, find_phrases
from balto.settings import Settings
from benchmarks.report import Check, Machine, Report
from benchmarks.survival.judgement import Range, Verdict, judge
from benchmarks.survival.node import Node
from events.embedded import EmbeddedPostgres
from tests.simulators.elevenlabs import ElevenLabsSimulator

RECORDING: Final = Path(__file__).parents[2] / "balto" / "demo" / "counter.opus"
CLIENTS: Final = 4
PATIENCE_S: Final = 120
_BOTH_DOWN: Final = 0.2


def add_options(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.description = (
        f"{parser.description}: two servers on one database, {CLIENTS} clients that stream and come back, kill -9 at "
        "random moments. As it stands it makes 100 kills in 10 runs, in about ten minutes on two cores."
    )
    parser.add_argument("--runs", type=int, default=10, help="runs, each with a seed of its own")
    parser.add_argument("--kills", type=int, default=10, help="kills in each run")
    parser.add_argument("--first-seed", type=int, default=0, help="seed of the first run; the others count on from it")
    parser.add_argument("--minutes", type=float, default=25.0, help="no run is begun after so long")


def run(options: argparse.Namespace, progress: Progress) -> Report:
    """Run, and judge every session afterwards."""
    runs, kills = (1, 2) if options.quick else (options.runs, options.kills)
    machine = Machine.here()
    plan = Plan(runs=runs, kills=kills, first_seed=options.first_seed, ends=time.monotonic() + 60 * options.minutes)
    verdict, killed = asyncio.run(_run(plan, progress))
    checks = [
        Check(name="kills", value=killed, unit="kill -9", goal=runs * kills, better="more"),
        Check(name="phrases lost", value=verdict.lost, unit="phrases", goal=0, better="less"),
        Check(name="phrases or recommendations doubled", value=verdict.doubled, unit="", goal=0, better="less"),
        Check(name="out of order", value=verdict.disordered, unit="sessions", goal=0, better="less"),
        Check(name="acknowledged audio lost", value=verdict.bytes_lost, unit="bytes", goal=0, better="less"),
        Check(name="sessions without an end", value=verdict.unended, unit="sessions", goal=0, better="less"),
    ]
    return Report(bench="survival", checks=checks, machine=machine, compared=asdict(verdict))


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How much is to be killed."""

    runs: int
    kills: int
    first_seed: int
    ends: float
    """No run is begun after this, on the monotonic clock."""


async def _run(plan: Plan, progress: Progress) -> tuple[Verdict, int]:
    pcm = decode_audio(RECORDING.read_bytes())
    audio = AudioFile(pcm.tobytes(), len(pcm) / 16_000)
    expected = [
        (heard.sample_start, heard.sample_end)
        for heard in find_phrases(pcm, VadSettings())
        if isinstance(heard, Phrase)
    ]
    task = progress.add_task("kills", total=plan.runs * plan.kills)
    verdict, killed = Verdict(), 0
    with tempfile.TemporaryDirectory(prefix="balto-survival-") as folder:
        os.chmod(folder, 0o755)  # noqa: PTH101 - the server's user must get in where this runs as root
        async with _environment(Path(folder)) as environment:
            for seed in range(plan.first_seed, plan.first_seed + plan.runs):
                if time.monotonic() > plan.ends:
                    break
                one = await _one_run(environment, audio, expected, seed, plan.kills, lambda: progress.advance(task))
                verdict, killed = verdict + one, killed + plan.kills
                progress.console.print(
                    f"seed {seed}: {one.sessions} sessions, {one.phrases} phrases, {one.resumed} times taken up, "
                    f"{one.lost} lost, {one.doubled} doubled, {one.disordered} out of order, {one.abandoned} abandoned"
                )
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
            # As long as a client tries to come back: with both servers down for longer, its session would be ended.
            "BALTO_GRACE_S": str(PATIENCE_S),
        }


async def _one_run(
    environment: Mapping[str, str],
    audio: AudioFile,
    expected: list[Range],
    seed: int,
    kills: int,
    tick: Callable[[], None],
) -> Verdict:
    chance = random.Random(seed)
    given: dict[str, Any] = {name.removeprefix("BALTO_").lower(): value for name, value in environment.items()}
    settings = Settings(_env_file=None, **given)
    async with open_library(settings) as library, Node(environment) as one, Node(environment) as other:
        code = await register_client(library.store, email=f"seed-{seed}@b.example", legal_name="Survival")
        keys = [(await register_counter(library.store, code, "Counter"))[1] for _ in range(CLIENTS)]
        over = asyncio.Event()

        async def stream_on(key: str, urls: list[str], speed: float) -> list[tuple[Stream, list[str]]]:
            # Whoever is through while there are kills to come begins another session.
            streamed: list[tuple[Stream, list[str]]] = []
            while not (streamed and over.is_set()):
                stream = Stream(urls, key, audio, speed=speed, patience_s=PATIENCE_S)
                try:
                    streamed.append((stream, await _collect(stream)))
                except ClientError:
                    if stream.session is not None:
                        raise
                    # Its first server was down, so that there is no session yet: it begins again.
                    await asyncio.sleep(0.5)
            return streamed

        urls = [one.url, other.url]
        clients = [
            asyncio.create_task(stream_on(key, urls[:: 1 if number % 2 else -1], chance.uniform(3.0, 5.0)))
            for number, key in enumerate(keys)
        ]
        await _kill(chance, [one, other], kills, tick)
        over.set()
        verdict = Verdict()
        for streamed in await asyncio.gather(*clients):
            for stream, ids in streamed:
                name = f"session-{stream.session}"
                recorded = [record async for record in library.store.read_stream(name)]
                kept = sum([len(chunk.data) async for chunk in library.store.read_recording(name)])
                verdict += judge(recorded, expected, ids, stream.acknowledged, kept)
    return verdict


async def _kill(chance: random.Random, nodes: list[Node], kills: int, tick: Callable[[], None]) -> None:
    """Kill one server after another; for one kill in five the other one need not be up again."""
    starting: dict[Node, asyncio.Task[None]] = {}
    for _ in range(kills):
        await asyncio.sleep(chance.uniform(0.2, 1.5))
        node = chance.choice(nodes)
        needed = [node] if chance.random() < _BOTH_DOWN else nodes
        # Killed as soon as they are up, by turns, no client would ever find one of them on a machine that is busy.
        await asyncio.gather(*(starting[one] for one in needed if one in starting))
        await asyncio.sleep(chance.uniform(0.0, 1.0))
        await node.kill()
        starting[node] = asyncio.create_task(node.start())
        tick()
    await asyncio.gather(*starting.values())


async def _collect(stream: Stream) -> list[str]:
    return [message.id async for message in stream.messages() if isinstance(message, Recommendation)]
