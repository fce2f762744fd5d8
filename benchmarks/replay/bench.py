"""Hears recorded sessions again: `python -m benchmarks replay`."""

import argparse
import asyncio
import os
import tempfile
import time
from collections.abc import Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any, Final

from rich.progress import Progress

from actors.runtime.clock import SystemClock
from actors.values import SAMPLE_RATE
from balto.app import new_event_id, open_balto
from balto.engines import Engines, build_understandings
from balto.listening import Collector, listen
from balto.replay.determinism import variations
from balto.replay.engine import execute
from balto.replay.kit import Kit
from balto.replay.plan import Plan
from balto.replay.recorded import Recorded, read_session
from balto.replay.rerun import keep
from balto.replay.semantic import stream_hash
from balto.settings import Settings
from balto.shelf import read_catalogue
from benchmarks.replay.material import SHARE, counter, encoded, lines, varied
from benchmarks.report import Check, Machine, Report
from events.catalogue import PhraseCaptured, RecommendationSent
from tests.replays import Reader, record

GOAL: Final = 150.0
_SENT: Final = 32_768


def add_options(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.description = (
        f"{parser.description}: an hour of a counter that is recorded in a ledger, heard again with recorded answers;"
        " then 50 sessions in every container and noise, each heard again under 20 schedules and chunkings, half of"
        " them in one process and half in four. About ten minutes on two cores."
    )
    parser.add_argument("--minutes", type=float, default=60.0, help="of the counter that is heard again for its speed")
    parser.add_argument("--sessions", type=int, default=50, help="that are heard again and again")
    parser.add_argument("--times", type=int, default=20, help="that each of them is")
    parser.add_argument("--encoding", default="pcm_s16le", help="of the hour: pcm_s16le, webm-opus, ogg-opus")


def run(options: argparse.Namespace, progress: Progress) -> Report:
    """Measure."""
    minutes, sessions, times = (0.5, 2, 4) if options.quick else (options.minutes, options.sessions, options.times)
    machine = Machine.here()
    speed = asyncio.run(_speed(60 * minutes, options.encoding, 1 if options.quick else 3))
    task = progress.add_task("heard again", total=sessions * times)
    apart = _apart(sessions, times, lambda: progress.advance(task))
    checks = [
        Check(name="speed of hearing again", value=speed.times, unit="× real time a core", goal=GOAL, better="more"),
        Check(name="the hour came to the same", value=float(speed.same), unit="", goal=1, better="more"),
        _all_but(apart.sessions, sessions, "came to the same every time"),
        _all_but(apart.orders, sessions, "whose events came in the same order every time"),
        _all_but(apart.originals, sessions, "that came to what was recorded"),
    ]
    compared = {**speed.told, "sessions": sessions, "times": times, "unlike the original": sorted(apart.originals)}
    return Report(bench="replay", checks=checks, machine=machine, compared=compared)


def _all_but(odd: set[int], sessions: int, what: str) -> Check:
    share = 100 * (sessions - len(odd)) / sessions
    return Check(name=f"sessions {what}", value=share, unit="%", goal=100, better="more")


@dataclass(frozen=True, slots=True, kw_only=True)
class Speed:
    """How fast an hour was heard again."""

    times: float
    same: bool
    told: dict[str, Any]


async def _speed(seconds: float, encoding: str, runs: int) -> Speed:
    pcm = counter(seconds, seed=7_000)
    with tempfile.TemporaryDirectory(prefix="balto-replay-") as folder:
        os.chmod(folder, 0o755)  # noqa: PTH101 - the server's user must get in where this runs as root
        settings = Settings(_env_file=None, data_dir=Path(folder), llm="lexicon")
        engines = Engines(
            transcribers=(Reader(*lines(), slowest_s=0.0),),
            understandings=build_understandings(settings, read_catalogue(settings)),
        )
        async with open_balto(settings, engines=engines) as balto:
            data, store = encoded(pcm, encoding), balto.library.store
            session = await listen(balto.sessions, data, collector=Collector(), chunk_bytes=_SENT)
            kit = Kit(settings, Plan())
            await kit.warm()
            taken = [await _once(store, f"session-{session}", kit) for _ in range(runs)]
    median = sorted(taken, key=lambda each: each["cpu_s"])[len(taken) // 2]
    told = {"audio_s": seconds, "encoding": encoding, "share of speech": SHARE, "runs": [t["cpu_s"] for t in taken]}
    return Speed(times=seconds / median["cpu_s"], same=all(t["same"] for t in taken), told={**told, **median})


async def _once(store: Any, stream: str, kit: Kit) -> dict[str, float]:
    """Read a session, hear it again and write what came of it, and return what each took in seconds of CPU."""
    began = time.process_time()
    recorded = await read_session(store, stream)
    read = time.process_time()
    execution = await asyncio.to_thread(execute, recorded, kit)
    heard = time.process_time()
    clock = SystemClock()
    ids = partial(new_event_id, clock)
    await keep(store, execution, now=clock.utc(), replay_id=ids(), ids=ids)
    return {
        "cpu_s": heard - began,
        "reading_s": read - began,
        "hearing_s": heard - read,
        "writing_s": time.process_time() - heard,
        "phrases": sum(isinstance(event, PhraseCaptured) for event in execution.events),
        "recommendations": sum(isinstance(event, RecommendationSent) for event in execution.events),
        "same": stream_hash(execution.events) == stream_hash([moment.event for moment in recorded.moments]),
    }


@dataclass(slots=True)
class Apart:
    """Sessions that did not come to the same every time, and those that came to something else than was recorded."""

    sessions: set[int]
    orders: set[int]
    originals: set[int]


def _apart(sessions: int, times: int, advance: Any) -> Apart:
    """Hear each session again, half of the times in this process and half in four others."""
    here = times // 2
    found: dict[int, list[tuple[str, str]]] = {}
    recordings = [_recorded(number) for number in range(sessions)]
    originals = {number: _original(recorded) for number, recorded in enumerate(recordings)}
    for number, recorded in enumerate(recordings):
        found[number] = []
        for each in variations(recorded, _kit(), range(here)):
            found[number].append(each)
            advance()
    with ProcessPoolExecutor(4, mp_context=get_context("spawn")) as pool:
        jobs = [(recorded, range(here, times)) for recorded in recordings]
        for number, hashes in enumerate(pool.map(_elsewhere, jobs)):
            found[number] += hashes
            for _ in hashes:
                advance()
    return Apart(
        {n for n, hashes in found.items() if len({semantic for semantic, _ in hashes}) != 1},
        {n for n, hashes in found.items() if len({order for _, order in hashes}) != 1},
        {n for n, hashes in found.items() if {semantic for semantic, _ in hashes} != {originals[n]}},
    )


def _original(recorded: Recorded) -> str:
    return stream_hash([moment.event for moment in recorded.moments])


def _elsewhere(job: tuple[Recorded, Iterable[int]]) -> Sequence[tuple[str, str]]:
    recorded, seeds = job
    return list(variations(recorded, _kit(), seeds))


_kits: list[Kit] = []


def _kit() -> Kit:
    if not _kits:
        kit = Kit(Settings(_env_file=None, llm="lexicon"), Plan())
        asyncio.run(kit.warm())
        _kits.append(kit)
    return _kits[0]


def _recorded(number: int) -> Recorded:
    pcm, encoding = varied(number)
    ears = [Reader(*lines(), provider="first", slowest_s=1.5)]
    if number % 3 == 0:
        ears.append(Reader(*lines(), provider="second", slowest_s=0.4))
    return record(
        _kit(),
        encoded(pcm, encoding),
        seconds=pcm.size / SAMPLE_RATE,
        encoding=encoding,
        ears=ears,
        step_s=(0.02, 0.1, 0.25, 1.0)[number % 4],
        answer="aceita" if number % 5 == 0 else None,
        leaves=number % 7 == 0,
        away=(3.0, 5.0) if number % 11 == 0 else None,
        at_once=number % 13 == 0,
    )
