"""What a benchmark ends with: checks against goals, the machine, and what was compared, as JSON or as a table."""

import os
import platform
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import psutil
from rich.console import Console
from rich.table import Table


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One figure and its goal. A figure that could not be taken is None, and its goal is not met."""

    name: str
    value: float | None
    unit: str
    goal: float
    better: Literal["less", "more"]

    @property
    def met(self) -> bool:
        """Whether the figure is as good as the goal."""
        if self.value is None:
            return False
        return self.value <= self.goal if self.better == "less" else self.value >= self.goal

    def as_json(self) -> dict[str, Any]:
        """Return the check as JSON values, rounded to four significant digits."""
        value = None if self.value is None else rounded(self.value)
        return {
            "name": self.name,
            "value": value,
            "unit": self.unit,
            "goal": self.goal,
            "better": self.better,
            "met": self.met,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """What the figures were taken on, and how busy it was with other things."""

    cpu: str
    cpus: int
    memory_gb: float
    system: str
    python: str
    interpreter_ms: float
    """CPU that a fixed piece of plain Python takes, the best of five. Built without profile-guided optimisation, one
    needs twice as much."""
    load_before: float
    """Processes that wanted a CPU over the last minute, before the benchmark began."""

    @classmethod
    def here(cls) -> "Machine":
        """Describe this machine as it is now."""
        return cls(
            cpu=_cpu_model(),
            cpus=os.cpu_count() or 1,
            memory_gb=round(psutil.virtual_memory().total / 2**30, 1),
            system=f"{platform.system()} {platform.release()} {platform.machine()}",
            python=platform.python_version(),
            interpreter_ms=rounded(min(_interpreter_ms() for _ in range(5))),
            load_before=round(os.getloadavg()[0], 2),
        )

    def as_json(self) -> dict[str, Any]:
        """Return the machine as JSON values."""
        return {
            "cpu": self.cpu,
            "cpus": self.cpus,
            "memory_gb": self.memory_gb,
            "system": self.system,
            "python": self.python,
            "interpreter_ms": self.interpreter_ms,
            "load_before": self.load_before,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """A benchmark's result."""

    bench: str
    checks: Sequence[Check]
    machine: Machine
    compared: Mapping[str, Any] = field(default_factory=dict)
    """What stood on either side and the figures behind the checks. JSON values."""

    def as_json(self) -> dict[str, Any]:
        """Return the report as JSON values."""
        return {
            "bench": self.bench,
            "checks": [check.as_json() for check in self.checks],
            "machine": self.machine.as_json(),
            "compared": dict(self.compared),
        }

    def show(self, console: Console) -> None:
        """Print the report as a table for people."""
        table = Table(title=f"{self.bench}: {sum(check.met for check in self.checks)} of {len(self.checks)} goals met")
        for heading in ("check", "value", "goal", "met"):
            table.add_column(heading, justify="left" if heading == "check" else "right")
        for check in self.checks:
            value = "not measured" if check.value is None else f"{rounded(check.value):g} {check.unit}"
            goal = f"{'≤' if check.better == 'less' else '≥'} {check.goal:g} {check.unit}"
            table.add_row(check.name, value, goal, "[green]yes" if check.met else "[red]no")
        console.print(table)
        machine = self.machine
        console.print(
            f"{machine.cpus} × {machine.cpu}, {machine.memory_gb} GB, {machine.system}, "
            f"Python {machine.python} ({machine.interpreter_ms:g} ms), load before {machine.load_before}"
        )
        console.print_json(data=dict(self.compared))


def rounded(value: float) -> float:
    """Round to four significant digits: what follows is noise."""
    return float(f"{value:.4g}")


def _interpreter_ms() -> float:
    began_ns, kept = time.process_time_ns(), {}
    for number in range(50_000):
        kept[number % 1000] = (number, str(number))
    return (time.process_time_ns() - began_ns) / 1e6


def _cpu_model() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or "unknown"
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return models[0] if models else platform.machine()
