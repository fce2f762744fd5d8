"""Feeds the decoders thousands of damaged streams in processes of their own: `python -m benchmarks fuzz`."""

import argparse
import json
import queue
import subprocess
import sys
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, Final

from rich.progress import Progress

from benchmarks.fuzz.child import OUTSIDE
from benchmarks.report import Check, Machine, Report

_ROOT: Final = Path(__file__).parents[2]
_BATCH: Final = 1_000
"""Cases of one process."""
_HANG_S: Final = 2.0
_GIVEN_UP_S: Final = 20.0
"""Seconds without a word after which a process is taken for hanging and killed."""
_START_S: Final = 120.0


@dataclass(slots=True)
class Findings:
    """What all processes together found."""

    crashes: list[str] = field(default_factory=list)
    hangs: list[int] = field(default_factory=list)
    opened: Counter[str] = field(default_factory=Counter)
    allowed: Counter[str] = field(default_factory=Counter)
    outcomes: Counter[str] = field(default_factory=Counter)
    kinds: Counter[str] = field(default_factory=Counter)
    slowest_s: float = 0.0
    slowest_cpu_s: float = 0.0
    slowest_case: int = 0
    most_mb: float = 0.0
    growth_mb: float = 0.0
    descriptors_left: int = 0

    def add(self, told: dict[str, Any]) -> None:
        """Take in what one process told at its end."""
        for name in ("opened", "allowed", "outcomes", "kinds"):
            getattr(self, name).update(told[name])
        if told["slowest_s"] > self.slowest_s:
            self.slowest_s, self.slowest_case = told["slowest_s"], told["slowest_case"]
        if told["slowest_s"] > _HANG_S:
            self.hangs.append(told["slowest_case"])
        for name in ("slowest_cpu_s", "most_mb", "growth_mb", "descriptors_left"):
            setattr(self, name, max(getattr(self, name), told[name]))


def add_options(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("--cases", type=int, default=20_000, help="damaged streams")
    parser.add_argument("--seed", default="balto", help="the same seed makes the same streams")
    parser.add_argument("--slow", type=float, default=0.05, help="share that needs an ffmpeg process each")


def run(options: argparse.Namespace, progress: Progress) -> Report:
    """Decode all cases, two processes at a time."""
    machine = Machine.here()
    cases = 200 if options.quick else options.cases
    findings, lock = Findings(), threading.Lock()
    task = progress.add_task("damaged streams", total=cases)

    def batch(first: int) -> None:
        _batch(options, first, min(first + _BATCH, cases), findings, lock, lambda: progress.advance(task))

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(batch, range(0, cases, _BATCH)))
    told = {name: getattr(findings, name) for name in Findings.__slots__}
    checks = [
        Check(name="streams decoded or refused", value=findings.kinds.total(), unit="", goal=cases, better="more"),
        Check(name="errors outside their stream", value=findings.outcomes[OUTSIDE], unit="", goal=0, better="less"),
        Check(name="crashes", value=len(findings.crashes), unit="", goal=0, better="less"),
        Check(name="streams that took over 2 s", value=len(findings.hangs), unit="", goal=0, better="less"),
        Check(name="slowest stream", value=findings.slowest_s, unit="s", goal=_HANG_S, better="less"),
        Check(name="files and sockets opened", value=findings.opened.total(), unit="", goal=0, better="less"),
        Check(name="descriptors left open", value=findings.descriptors_left, unit="", goal=0, better="less"),
        Check(name="most memory above the start", value=findings.most_mb, unit="MB", goal=300, better="less"),
        Check(name="memory kept by a process", value=findings.growth_mb, unit="MB", goal=20, better="less"),
    ]
    return Report(bench="fuzz", checks=checks, machine=machine, compared=told)


def _batch(
    options: argparse.Namespace, first: int, last: int, findings: Findings, lock: threading.Lock, advance: Any
) -> None:
    """Run cases to their end, with a new process behind each case that ended the one before."""
    while first < last:
        reached, told, ended = _child(options, first, last, advance)
        with lock:
            if told is not None:
                findings.add(told)
                return
            if ended is None:
                findings.hangs.append(reached)
            else:
                findings.crashes.append(f"case {reached}: {ended}")
        first = reached + 1


def _child(
    options: argparse.Namespace, first: int, last: int, advance: Any
) -> tuple[int, dict[str, Any] | None, str | None]:
    """Run one process; return the last case it began, what it told at its end, or how it ended instead.

    Neither is there where it had to be killed.
    """
    command = [sys.executable, "-m", "benchmarks.fuzz.child", options.seed, str(first), str(last), str(options.slow)]
    with subprocess.Popen(
        command, cwd=_ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None and process.stderr is not None  # noqa: PT018 - opened with pipes
        lines: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        stdout, stderr, complaints = process.stdout, process.stderr, list[str]()
        readers = [
            threading.Thread(target=_forward, args=(stdout, lines), daemon=True),
            threading.Thread(target=lambda: complaints.extend(stderr), daemon=True),
        ]
        for reader in readers:
            reader.start()
        reached, patience = first, _START_S
        while True:
            try:
                line = lines.get(timeout=patience)
            except queue.Empty:
                process.kill()
                return reached, None, None
            if line is None:
                process.wait()
                readers[1].join()
                last_words = complaints[-1].strip() if complaints else ""
                return reached, None, f"exit {process.returncode} {last_words}"
            if line.startswith("{"):
                process.wait()
                return reached, json.loads(line), None
            reached, patience = int(line), _GIVEN_UP_S
            advance()


def _forward(stream: IO[str], lines: "queue.SimpleQueue[str | None]") -> None:
    for line in stream:
        lines.put(line)
    lines.put(None)
