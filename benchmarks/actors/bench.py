"""`python -m benchmarks actors`: our runtime and plain Pykka by turns, each figure from a process of its own."""

import argparse
import json
import subprocess
import sys
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from statistics import median
from typing import Any, Final, Literal

from rich.progress import Progress

from benchmarks.report import Check, Machine, Report, rounded

PATIENCE_S: Final = 120


@dataclass(frozen=True, slots=True)
class Step:
    """A measurement of one side, and how much of it."""

    side: Literal["plain", "ours"]
    what: str
    numbers: tuple[int, ...]
    quick: tuple[int, ...]
    rounds: int = 3


# The sides take turns within each round; what takes long and only shows by how far plain Pykka fails is done once.
STEPS: Final = (
    Step("ours", "tell", (100_000,), (1000,), 5),
    Step("plain", "tell", (50_000,), (1000,), 5),
    Step("ours", "fan-out", (1000, 100), (50, 2), 5),
    Step("plain", "fan-out", (1000, 10), (50, 2), 5),
    Step("ours", "ask", (20_000,), (100,), 5),
    Step("ours", "grow", (5000, 10_000), (50, 600)),
    Step("plain", "grow", (5000, 10_000), (50, 600)),
    Step("ours", "idle", (50_000,), (500,)),
    Step("ours", "sessions", (1000, 10), (20, 1)),
    Step("plain", "sessions", (1000, 5), (20, 1), 1),
    Step("ours", "flood", (10,), (1,), 1),
    Step("plain", "flood", (2,), (1,), 1),
    Step("ours", "recall", (20,), (1,)),
)

type Figures = dict[tuple[str, str], list[dict[str, float]]]


def add_options(_parser: argparse.ArgumentParser) -> None:
    """Declare no further options."""


def run(options: argparse.Namespace, progress: Progress) -> Report:
    """Measure everything and say which goals are met."""
    machine = Machine.here()
    figures: Figures = defaultdict(list)
    rounds = 1 if options.quick else max(step.rounds for step in STEPS)
    task = progress.add_task("measuring", total=sum(min(step.rounds, rounds) for step in STEPS))
    for number in range(rounds):
        for step in STEPS:
            if number < step.rounds:
                progress.update(task, description=f"{step.what}, {step.side}")
                numbers = step.quick if options.quick else step.numbers
                figures[step.side, step.what].append(measure(step.side, step.what, numbers))
                progress.advance(task)
    return Report(bench="actors", checks=checks(figures), machine=machine, compared=compared(figures))


def measure(side: str, what: str, numbers: Sequence[int]) -> dict[str, float]:
    """Take one measurement in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.actors.side", side, what, *map(str, numbers)]
    done = subprocess.run(command, capture_output=True, check=True, timeout=PATIENCE_S, text=True)
    figures: dict[str, float] = json.loads(done.stdout)
    return figures


def checks(figures: Figures) -> list[Check]:
    """Hold the medians against the goals."""

    def of(side: str, what: str, name: str) -> float:
        return median(figure[name] for figure in figures[side, what])

    def times_less(what: str, name: str) -> float:
        return of("plain", what, name) / of("ours", what, name)

    return [
        at_least("memory per actor at 10,000, plain over ours", times_less("grow", "bytes_per_actor"), "×", 10),
        at_least("CPU per message of a fan-out to 1000, plain over ours", times_less("fan-out", "cpu_us"), "×", 25),
        at_least("CPU per spawn at 5000, plain over ours", times_less("grow", "spawn_cpu_us"), "×", 10),
        at_least("ticks served of 1000 sessions × 5 actors × 10/s", of("ours", "sessions", "served_percent"), "%", 98),
        at_most("p99 of a tick through the five actors", of("ours", "sessions", "p99_ms"), "ms", 25),
        at_most("CPU per tell, handling included", of("ours", "tell", "cpu_us"), "µs", 2.5),
        at_most("CPU per awaited ask on the loop", of("ours", "ask", "cpu_us"), "µs", 15),
        at_most("memory of a process with 50,000 idle actors", of("ours", "idle", "mb"), "MB", 200),
        at_most("growth of memory in a flood of 10 s", of("ours", "flood", "mb"), "MB", 5),
        at_most("CPU to fold a day's session from its snapshot", of("ours", "recall", "from_snapshot_ms"), "ms", 5),
    ]


def at_least(name: str, value: float, unit: str, goal: float) -> Check:
    """Return a check of a figure of which more is better."""
    return Check(name=name, value=value, unit=unit, goal=goal, better="more")


def at_most(name: str, value: float, unit: str, goal: float) -> Check:
    """Return a check of a figure of which less is better."""
    return Check(name=name, value=value, unit=unit, goal=goal, better="less")


def compared(figures: Figures) -> dict[str, Any]:
    """Return the medians of all figures, by measurement and side."""
    result: dict[str, Any] = {"plain": f"pykka {version('pykka')} ThreadingActor", "measurements": {}}
    for (side, what), taken in figures.items():
        medians = {name: rounded(median(figure[name] for figure in taken)) for name in taken[0]}
        result["measurements"].setdefault(what, {})[side] = {**medians, "rounds": len(taken)}
    return result
