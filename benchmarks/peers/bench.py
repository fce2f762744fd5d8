"""`python -m benchmarks peers`: Pipecat, LiveKit Agents, plain Pykka and `eventsourcing` beside Balto, by turns.

Every side gets the same audio over real sockets from the same generator and has engines that answer at once. The sides
run one at a time, on a core of their own where there are two, and take turns within each round.
"""

import argparse
import asyncio
import os
import sys
import tempfile
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any, Final

from rich.progress import Progress

from benchmarks import environments
from benchmarks.actors.bench import measure as measure_actors
from benchmarks.environments import EnvironmentMissingError
from benchmarks.live.audio import spoken_scene, write_pcm
from benchmarks.live.running import Load, Seen, Stage, apart, measure, open_counters
from benchmarks.live.tree import Tree, free_port
from benchmarks.report import Check, Machine, Report, rounded
from benchmarks.store import library
from benchmarks.store.server import Server, running
from benchmarks.store.side import Side

PIPECAT: Final = "1.14.0"
LIVEKIT: Final = "1.8.9"
LIVEKIT_INFERENCE: Final = "0.2.7"
OURS: Final = "Balto"
_HERE: Final = Path(__file__).parent
_NAMES: Final = {"pipecat": f"Pipecat {PIPECAT}", "livekit": f"LiveKit Agents {LIVEKIT}"}


@dataclass(frozen=True, slots=True)
class Contender:
    """A server that takes a client's audio over a socket."""

    name: str
    path: str
    command: Callable[[int], Sequence[str]]
    environment: Mapping[str, str]


def add_options(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("--sessions", type=int, default=20, help="at a time, at most 500 [20]")
    parser.add_argument("--seconds", type=float, default=20.0, help="of each window, at most 120 [20]")
    parser.add_argument("--rounds", type=int, default=3, help="in which all sides take turns, at most 20 [3]")
    parser.add_argument("--only", choices=("pipecat", "livekit", "pykka", "eventsourcing"), action="append")


def run(options: argparse.Namespace, progress: Progress) -> Report:
    """Measure every side and say which goals are met."""
    machine = Machine.here()
    sessions, seconds, rounds = (2, 2.0, 1) if options.quick else _bounded(options)
    wanted = options.only or ["pipecat", "livekit", "pykka", "eventsourcing"]
    missing: dict[str, str] = {}
    programs = {name: _program(name, missing) for name in wanted if name != "pykka"}
    task = progress.add_task("peers", total=rounds)
    seen: dict[str, list[Seen]] = defaultdict(list)
    others: dict[str, list[dict[str, float]]] = defaultdict(list)
    with _stage(sessions) as stage:
        contenders = _contenders(stage, programs)
        sides = _ledgers(stage.server, programs.get("eventsourcing")) if "eventsourcing" in programs else None
        for number in range(rounds):
            turns = contenders if number % 2 == 0 else contenders[::-1]
            for contender in turns:
                progress.update(task, description=f"{contender.name}, {number + 1} of {rounds}")
                seen[contender.name].append(_talk(stage, contender, Load(sessions=sessions, seconds=seconds, seed=1)))
                progress.console.print(_line(contender.name, seen[contender.name][-1]))
            if "pykka" in wanted:
                progress.update(task, description=f"plain Pykka, {number + 1} of {rounds}")
                _actors(others, quick=options.quick)
            if sides is not None:
                progress.update(task, description=f"eventsourcing, {number + 1} of {rounds}")
                _append(sides, stage.server, others, quick=options.quick)
            progress.advance(task)
        for side in (sides or {}).values():
            side.close()
    compared = {
        "date": datetime.now(UTC).date().isoformat(),
        "sessions": sessions,
        "seconds": seconds,
        "rounds": rounds,
        "not_measured": missing,
        "load": [machine.load_before, rounded(os.getloadavg()[0])],
        "sides": {name: _figures(runs) for name, runs in seen.items()},
        "parts": {name: _medians(taken) for name, taken in others.items()},
    }
    return Report(bench="peers", checks=_checks(seen, others), machine=machine, compared=compared)


def _bounded(options: argparse.Namespace) -> tuple[int, float, int]:
    return min(500, options.sessions), min(120.0, options.seconds), min(20, options.rounds)


def _program(name: str, missing: dict[str, str]) -> Path | None:
    """Return the Python of a side's environment; None, with the reason noted, where it cannot be had."""
    try:
        match name:
            case "pipecat":
                return environments.python(
                    f"pipecat-{PIPECAT}", (f"pipecat-ai[websocket,silero]=={PIPECAT}", "uvicorn==0.54.*", "websockets")
                )
            case "livekit":
                wanted = (f"livekit-agents=={LIVEKIT}", f"livekit-local-inference=={LIVEKIT_INFERENCE}")
                return environments.python(f"livekit-agents-{LIVEKIT}", wanted)
        return library.python()
    except EnvironmentMissingError as error:
        missing[name] = str(error)
        return None


@contextmanager
def _stage(sessions: int) -> Iterator[Stage]:
    with tempfile.TemporaryDirectory(prefix="balto-peers-") as name, running() as server:
        folder = Path(name)
        scene = spoken_scene()
        write_pcm(scene, folder)
        dsn = server.database("peers")
        keys = asyncio.run(open_counters(dsn, folder, sessions))
        yield Stage(folder=folder, scene=scene, server=server, dsn=dsn, keys=keys, apart=apart())


def _contenders(stage: Stage, programs: Mapping[str, Path | None]) -> list[Contender]:
    ours = [sys.executable, "-m", "benchmarks.peers.balto_side"]
    settings = stage.environment(None) | {"BALTO_GATHER_MS": "0"}
    theirs = [
        Contender(_NAMES[name], "/talk", _command(program, _HERE / f"{name}_side.py"), {})
        for name in _NAMES
        if (program := programs.get(name)) is not None
    ]
    return [Contender(OURS, "/ws", lambda _: ours, settings), *theirs]


def _command(program: Path, script: Path) -> Callable[[int], Sequence[str]]:
    return lambda port: [str(program), str(script), str(port)]


def _talk(stage: Stage, contender: Contender, load: Load) -> Seen:
    port = free_port()
    environment = {**contender.environment, "BALTO_PORT": str(port)}
    cpus = stage.apart[0] if stage.apart else None
    with Tree(contender.command(port), port, environment, stage.folder / "side.log", cpus) as tree:
        return measure(stage, tree, load, {}, contender.path)


def _actors(others: dict[str, list[dict[str, float]]], *, quick: bool) -> None:
    """Pass ticks through five actors a session, and weigh many actors, on plain Pykka and on our runtime."""
    sessions, seconds = (5, 1) if quick else (100, 5)
    small, large = (50, 600) if quick else (1000, 2000)
    for side in ("ours", "plain"):
        name = "Balto's actors" if side == "ours" else "plain Pykka"
        ticks = measure_actors(side, "sessions", (sessions, seconds))
        grown = measure_actors(side, "grow", (small, large))
        others[name].append(ticks | {"bytes_per_actor": grown["bytes_per_actor"]})


def _ledgers(server: Server, program: Path | None) -> dict[str, Side] | None:
    if program is None:
        return None
    server.database("library")
    theirs = [str(program), str(library.SCRIPT), "library", server.sockets, "balto", "5"]
    ours = [sys.executable, "-m", "benchmarks.store.ours", server.database("ours")]
    return {"Balto's ledger": Side(ours), f"eventsourcing {library.VERSION}": Side(theirs)}


def _append(
    sides: Mapping[str, Side], server: Server, others: dict[str, list[dict[str, float]]], *, quick: bool
) -> None:
    """Have sixty-four sessions append one event after another."""
    for name, side in sides.items():
        cpu = server.cpu_s()
        if name.startswith("eventsourcing"):
            answer = side.ask("append", sessions=64, events=1, seconds=0.3 if quick else 2.0)
        else:
            answer = side.ask("append", sessions=64, events=1, count=10 if quick else 300)
        answer["server_cpu_us"] = 1e6 * (server.cpu_s() - cpu) / answer["events"]
        others[name].append({key: answer[key] for key in ("per_s", "p50_ms", "p99_ms", "cpu_us", "server_cpu_us")})


def _line(name: str, seen: Seen) -> str:
    answers = sum(len(each.received) for each in seen.told)
    return (
        f"{name}: {seen.cpu_ms_per_audio_s:.2f} ms CPU per s of audio, {seen.memory_mb_per_session:.2f} MB a session, "
        f"{answers} answers, {sum(bool(each.error) for each in seen.told)} cut off, load {seen.load_averages[1]:.1f}"
    )


def _figures(runs: Sequence[Seen]) -> dict[str, Any]:
    return {
        "cpu_ms_per_audio_s": [rounded(seen.cpu_ms_per_audio_s) for seen in runs],
        "memory_mb_per_session": [rounded(seen.memory_mb_per_session) for seen in runs],
        "idle_mb": rounded(median(seen.idle.rss_mb for seen in runs)),
        "threads": max(seen.during.threads for seen in runs),
        "postgres_cpu_ms_per_audio_s": [
            rounded(1000 * seen.others_cpu_s["PostgreSQL"] / max(seen.audio_s, 1e-9)) for seen in runs
        ],
        "answers": [sum(len(each.received) for each in seen.told) for seen in runs],
        "cut_off": [sum(bool(each.error) for each in seen.told) for seen in runs],
        "errors": sorted({each.error for seen in runs for each in seen.told if each.error})[:3],
        "sent_late_share": [rounded(seen.late) for seen in runs],
        "load": [[rounded(load) for load in seen.load_averages] for seen in runs],
    }


def _medians(taken: Sequence[dict[str, float]]) -> dict[str, float]:
    return {name: rounded(median(each[name] for each in taken)) for name in taken[0]} if taken else {}


def _checks(seen: Mapping[str, Sequence[Seen]], others: Mapping[str, Sequence[dict[str, float]]]) -> list[Check]:
    checks: list[Check] = []
    for name, runs in seen.items():
        if name == OURS:
            continue
        pairs = list(zip(runs, seen[OURS], strict=True))
        cpu = median(theirs.cpu_ms_per_audio_s / balto.cpu_ms_per_audio_s for theirs, balto in pairs)
        # A growth that memory already there has swallowed is no growth; the median of it is what a session takes.
        own = median(balto.memory_mb_per_session for _, balto in pairs)
        memory = median(theirs.memory_mb_per_session for theirs, _ in pairs) / own if own > 0 else None
        checks.append(_more(f"CPU per second of audio, {name} over Balto", cpu, 8))
        checks.append(_more(f"memory a session, {name} over Balto", memory, 3))
    if "plain Pykka" in others:
        plain, ours = others["plain Pykka"], others["Balto's actors"]
        cpu = _ratio(plain, ours, "cpu_us")
        checks.append(_more("CPU per tick through five actors, plain Pykka over Balto", cpu, 8))
        memory = _ratio(plain, ours, "bytes_per_actor")
        checks.append(_more("memory an actor, plain Pykka over Balto", memory, 3))
    ledger = f"eventsourcing {library.VERSION}"
    if ledger in others:
        ratio = _ratio(others[ledger], others["Balto's ledger"], "cpu_us")
        checks.append(_more("Python's CPU per event, eventsourcing over Balto", ratio, 8))
    return checks


def _ratio(theirs: Sequence[dict[str, float]], ours: Sequence[dict[str, float]], name: str) -> float:
    return median(a[name] / b[name] for a, b in zip(theirs, ours, strict=True))


def _more(name: str, value: float | None, goal: float) -> Check:
    return Check(name=name, value=value, unit="×", goal=goal, better="more")
