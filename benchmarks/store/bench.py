"""`python -m benchmarks store`: our side, COPY and `eventsourcing` by turns on one server, medians of the rounds."""

import argparse
import sys
from collections import defaultdict
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from statistics import median
from typing import Any, Final

from rich.progress import Progress

from benchmarks.report import Check, Machine, Report, rounded
from benchmarks.store import library
from benchmarks.store.server import Server, running
from benchmarks.store.side import Side

SESSIONS: Final = 64
LIBRARY_CONNECTIONS: Final = 5
"""What suits the library best: with 16 or 64 connections it is slower, with one session as with 64."""

type Figures = dict[str, list[dict[str, Any]]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Scale:
    """How much is done of everything."""

    rounds: int
    seconds: float
    """Of the library, and of COPY, in a round."""
    appends: int
    """Of each of the 64 sessions, in a round."""
    tail: int
    catch_up: int
    million: int
    """Events among which a session is read."""
    small: int
    large: int
    """Events of the two stores that `--big` compares."""


FULL: Final = Scale(
    rounds=5,
    seconds=1.5,
    appends=300,
    tail=300,
    catch_up=200_000,
    million=1_000_000,
    small=100_000,
    large=10_000_000,
)
QUICK: Final = Scale(rounds=1, seconds=0.2, appends=10, tail=5, catch_up=1000, million=8000, small=2000, large=8000)


def add_options(parser: argparse.ArgumentParser) -> None:
    """Declare this benchmark's options."""
    parser.add_argument("--big", action="store_true", help="also compare a store of 10 million events with a small one")
    parser.add_argument("--without-library", action="store_true", help="don't install and run eventsourcing")


def run(options: argparse.Namespace, progress: Progress) -> Report:
    """Measure everything and say which goals are met."""
    machine = Machine.here()
    scale = QUICK if options.quick else FULL
    missing: dict[str, str] = {}
    program = None
    if options.without_library:
        missing["eventsourcing"] = "not asked for"
    else:
        try:
            program = library.python()
        except library.EnvironmentMissingError as error:
            missing["eventsourcing"] = str(error)
    with ExitStack() as stack:
        server = stack.enter_context(running())
        ours = stack.enter_context(_ours(server.database("ours")))
        theirs = None
        if program is not None:
            server.database("library")
            command = [str(program), str(library.SCRIPT), "library", server.sockets, "balto", str(LIBRARY_CONNECTIONS)]
            theirs = stack.enter_context(Side(command))
        figures = _write(server, ours, theirs, scale, progress)
        read = _read(ours, theirs, scale, progress)
        grown = _grown(server, scale, progress) if options.big else {}
        if not options.big:
            missing["10 million events"] = "asked for with --big"
        compared = _compared(server, figures, read, grown, missing)
    return Report(bench="store", checks=_checks(figures, read, grown, options), machine=machine, compared=compared)


def _ours(dsn: str) -> Side:
    return Side([sys.executable, "-m", "benchmarks.store.ours", dsn])


def _write(server: Server, ours: Side, theirs: Side | None, scale: Scale, progress: Progress) -> Figures:
    figures: Figures = defaultdict(list)

    def ask(name: str, side: Side | None, do: str, **arguments: Any) -> None:
        if side is not None:
            cpu = server.cpu_s()
            answer = side.ask(do, **arguments)
            answer["server_cpu_us"] = 1e6 * (server.cpu_s() - cpu) / answer["events"]
            figures[name].append(answer)

    ours.ask("append", sessions=SESSIONS, events=10, count=max(2, scale.appends // 10))  # prepares statements, for all
    task = progress.add_task("appending", total=scale.rounds)
    for _ in range(scale.rounds):
        ask("64 × 1", ours, "append", sessions=SESSIONS, events=1, count=scale.appends)
        ask("64 × 1, eventsourcing", theirs, "append", sessions=SESSIONS, events=1, seconds=scale.seconds)
        ask("1 × 1", ours, "append", sessions=1, events=1, count=2 * scale.appends)
        ask("1 × 1, eventsourcing", theirs, "append", sessions=1, events=1, seconds=scale.seconds / 2)
        ask("1 × 1, bare INSERT", ours, "insert", count=2 * scale.appends)
        ask("64 × 10", ours, "append", sessions=SESSIONS, events=10, count=max(2, scale.appends // 5))
        ask("COPY", ours, "copy", seconds=scale.seconds)
        progress.advance(task)
    return figures


def _read(ours: Side, theirs: Side | None, scale: Scale, progress: Progress) -> dict[str, Any]:
    task = progress.add_task("reading", total=5)
    read: dict[str, Any] = {}

    def done(name: str, answer: Any) -> None:
        read[name] = answer
        progress.advance(task)

    done("tail", ours.ask("tail", events=scale.tail))
    done("catch-up", ours.ask("catch_up", limit=scale.catch_up))
    done("verify", ours.ask("verify"))
    if theirs is not None:
        read["catch-up, eventsourcing"] = theirs.ask("read", limit=scale.catch_up)
    streams = ours.ask("interleaved", sessions=SESSIONS if scale is FULL else 4, length=500)
    done("store", ours.ask("grow", events=scale.million))
    done("session", ours.ask("session", streams=streams, times=200 if scale is FULL else 4))
    return read


def _grown(server: Server, scale: Scale, progress: Progress) -> dict[str, list[dict[str, Any]]]:
    """Measure two stores, a small one and a large one, by turns."""
    task = progress.add_task("growing", total=2 + scale.rounds)
    grown: dict[str, list[dict[str, Any]]] = {"small": [], "large": []}
    sessions = 20 if scale is FULL else 2
    with ExitStack() as stack:
        sides: dict[str, tuple[Side, list[str]]] = {}
        for name, events in (("small", scale.small), ("large", scale.large)):
            side = stack.enter_context(_ours(server.database(name)))
            side.ask("interleaved", sessions=sessions, length=500)
            side.ask("grow", events=events // 2, pattern=500 * sessions)
            streams = side.ask("interleaved", sessions=sessions, length=500)
            side.ask("grow", events=events, pattern=500 * sessions)
            sides[name] = side, streams
            progress.advance(task)
        for _ in range(scale.rounds):
            for name, (side, streams) in sides.items():
                append = side.ask("append", sessions=SESSIONS, events=1, count=scale.appends)
                tail = side.ask("tail", events=scale.tail)
                session = side.ask("session", streams=streams, times=100 if scale is FULL else 4)
                grown[name].append(
                    {
                        "append_us": 1e6 / append["per_s"],
                        "tail_ms": tail["since_submitted_p50_ms"],
                        "session_ms": session["p50_ms"],
                    }
                )
            progress.advance(task)
    return grown


def _checks(
    figures: Figures, read: dict[str, Any], grown: dict[str, list[dict[str, Any]]], options: argparse.Namespace
) -> list[Check]:
    def of(name: str, key: str) -> float | None:
        return median(row[key] for row in figures[name]) if figures[name] else None

    library = "eventsourcing"
    checks = [
        _more("64 sessions × 1 event, over eventsourcing", _ratio(figures, "64 × 1", f"64 × 1, {library}"), "×", 20),
        _less("64 sessions × 1 event, p99", of("64 × 1", "p99_ms"), "ms", 6),
        _more("1 session × 1 event, over eventsourcing", _ratio(figures, "1 × 1", f"1 × 1, {library}"), "×", 2.5),
        _more(
            "1 session × 1 event, of a bare INSERT", _ratio(figures, "1 × 1", "1 × 1, bare INSERT", times=100), "%", 80
        ),
        _more("64 sessions × 10 events, of bare COPY", _ratio(figures, "64 × 10", "COPY", times=100), "%", 65),
        _less("Python CPU, 64 sessions × 1 event", of("64 × 1", "cpu_us"), "µs/event", 60),
        _less("live tail after commit, p50", read["tail"]["p50_ms"], "ms", 2),
        _more("catch-up into dicts, as read models read", read["catch-up"]["closed_per_s"], "events/s", 120_000),
        _more("catch-up into dicts, every seal opened", read["catch-up"]["per_s"], "events/s", 120_000),
        _less("one session of 500 events among 1 M, p50", read["session"]["p50_ms"], "ms", 6),
        _more("verify", read["verify"]["per_s"], "events/s", 200_000),
    ]
    for name, key in (("append", "append_us"), ("tail", "tail_ms"), ("session", "session_ms")):
        factor = None
        if options.big:
            factor = median(
                large[key] / small[key] for small, large in zip(grown["small"], grown["large"], strict=True)
            )
        checks.append(_less(f"{name}, 10 M events over 100 k", factor, "×", 1.3))
    return checks


def _ratio(figures: Figures, over: str, under: str, times: float = 1) -> float | None:
    """Return the median of the ratios of each round, which a machine that slows down meanwhile does not change."""
    pairs = list(zip(figures[over], figures[under], strict=False))
    return median(times * a["per_s"] / b["per_s"] for a, b in pairs) if pairs else None


def _less(name: str, value: float | None, unit: str, goal: float) -> Check:
    return Check(name=name, value=value, unit=unit, goal=goal, better="less")


def _more(name: str, value: float | None, unit: str, goal: float) -> Check:
    return Check(name=name, value=value, unit=unit, goal=goal, better="more")


def _compared(
    server: Server,
    figures: Figures,
    read: dict[str, Any],
    grown: dict[str, list[dict[str, Any]]],
    missing: dict[str, str],
) -> dict[str, Any]:
    def medians(rows: Sequence[dict[str, Any]]) -> dict[str, float]:
        numbers = [key for key, value in rows[0].items() if isinstance(value, int | float)] if rows else []
        return {key: rounded(median(row[key] for row in rows)) for key in numbers}

    shown: Callable[[Any], Any] = lambda row: medians([row]) if isinstance(row, dict) else row  # noqa: E731 - short
    return {
        "postgres": server.version,
        "library": f"eventsourcing {library.VERSION}, {LIBRARY_CONNECTIONS} connections",
        "not_measured": missing,
        "appending": {name: medians(rows) for name, rows in figures.items() if rows},
        "reading": {name: shown(row) for name, row in read.items()},
        "stores": {name: medians(rows) for name, rows in grown.items()},
    }
