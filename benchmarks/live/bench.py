"""`python -m benchmarks live`: sessions in real time over real sockets against `balto serve` and a real PostgreSQL.

The server is a process of its own on a core of its own where there are two; the clients, the simulated providers and
PostgreSQL share the rest. Speech-to-text and language model are the real adapters, over HTTP, against simulators that
answer at once or after the published latencies; what the adapters and their SDKs cost is the server's.
"""

import argparse
import asyncio
import compileall
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from rich.progress import Progress

import balto
from benchmarks.live.audio import spoken_scene, write_pcm
from benchmarks.live.ledger import quantiles_ms
from benchmarks.live.plan import Kind
from benchmarks.live.running import TOO_LATE, Load, Seen, Stage, apart, measure, open_counters, serving
from benchmarks.live.soak import soak
from benchmarks.live.tree import cpu_of
from benchmarks.providers.weather import Providers, providers
from benchmarks.report import Check, Machine, Report, rounded
from benchmarks.store.server import running

SESSIONS: Final = "10,20,50,100,200,400"
PUBLISHED_SESSIONS: Final = 100
WEBM_SESSIONS: Final = 50
_SMALL, _LARGE = 20, 200
_AT_REST_S: Final = 2.0
_AT_ONCE: Final = {"BALTO_GATHER_MS": "0"}
"""Waiting for more words is on purpose; where added latency is measured, nothing waits."""


def add_options(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("--sessions", default=SESSIONS, help=f"numbers of sessions, with commas [{SESSIONS}]")
    parser.add_argument("--seconds", type=float, default=30.0, help="of the window that is measured, at most 600")
    parser.add_argument("--only", choices=("pcm", "webm", "published"), action="append", help="a part; repeatable")
    parser.add_argument("--workers", type=int, default=1, help="of `balto serve`; above 1 it may use all cores")
    parser.add_argument("--soak", type=float, metavar="MINUTES", help="instead, sessions come and go for so long")
    parser.add_argument("--seed", type=int, default=1)


def run(options: argparse.Namespace, progress: Progress) -> Report:
    """Measure, and say which goals are met."""
    machine = Machine.here()
    counts = [3] if options.quick else [min(2000, int(word)) for word in options.sessions.split(",")]
    seconds = 2.0 if options.quick else min(600.0, options.seconds)
    compared: dict[str, Any] = {"speech": "40 % of the time", "messages_ms": [20, 60, 100], "workers": options.workers}
    if options.soak is not None:
        with _stage(counts=[counts[-1]], workers=options.workers) as stage, providers("--instant") as places:
            checks, compared["soak"] = soak(stage, places, counts[-1], options.soak, progress)
        return Report(bench="live", checks=checks, machine=machine, compared=compared)
    parts = options.only or ["pcm", "webm", "published"]
    webm, published = (3, 3) if options.quick else (WEBM_SESSIONS, PUBLISHED_SESSIONS)
    with _stage(counts=[*counts, webm, published], workers=options.workers) as stage:
        offline = _offline(stage)
        steps = len(counts) * ("pcm" in parts) + ("webm" in parts) + ("published" in parts)
        bench = _Bench(stage, options, seconds, progress, progress.add_task("live", total=steps))
        pcm = bench.climb(counts) if "pcm" in parts else []
        browsers = [bench.one(webm, "webm", instant=True)] if "webm" in parts else []
        usual = [bench.one(published, "pcm", instant=False)] if "published" in parts else []
    compared["offline"] = {name: rounded(value) for name, value in offline.items()}
    compared["runs"] = [told(seen) for seen in (*pcm, *browsers)]
    compared["published latencies"] = [told(seen) for seen in usual]
    checks = [*_offline_checks(offline), *_pcm_checks(pcm), *_webm_checks(browsers), *_published_checks(usual)]
    return Report(bench="live", checks=checks, machine=machine, compared=compared)


def _offline(stage: Stage) -> dict[str, float]:
    """Start a server as it comes, with its local engines and no keys; Whisper is in a process of its own."""
    environment = {key: value for key, value in stage.environment(None).items() if key != "BALTO_STT_BACKUP"}
    # As an installation leaves it: a tree that was edited since would be compiled anew with every start.
    for room in ("events", "actors", "projections", "balto"):
        compileall.compile_dir(Path(balto.__file__).parents[1] / room, quiet=1)
    # The weights are assembled the first time.
    with serving(stage, environment):
        pass
    with serving(stage, environment) as tree:
        server_s = cpu_of(tree.pid)
        time.sleep(_AT_REST_S)
        return {
            "server_start_cpu_s": server_s,
            "whole_tree_start_cpu_s": tree.start_cpu_s,
            "start_s": tree.start_s,
            "server_mb": tree.weight(alone=True).rss_mb,
            "whole_tree_mb": tree.weight().rss_mb,
        }


def _offline_checks(offline: Mapping[str, float]) -> list[Check]:
    return [
        _at_most("CPU of a start, without Whisper's process", offline["server_start_cpu_s"], "s", 1.5),
        _at_most("memory at rest, without Whisper's process", offline["server_mb"], "MB", 120),
    ]


@contextmanager
def _stage(*, counts: Sequence[int], workers: int) -> Iterator[Stage]:
    with tempfile.TemporaryDirectory(prefix="balto-live-") as name, running() as server:
        folder = Path(name)
        scene = spoken_scene()
        write_pcm(scene, folder)
        dsn = server.database("live")
        keys = asyncio.run(open_counters(dsn, folder, max(counts)))
        cores = apart() if workers == 1 else None
        yield Stage(folder=folder, scene=scene, server=server, dsn=dsn, keys=keys, apart=cores)


class _Bench:
    """Runs one after the other, each against a fresh server."""

    def __init__(
        self, stage: Stage, options: argparse.Namespace, seconds: float, progress: Progress, task: Any
    ) -> None:
        self._stage = stage
        self._words = ["--workers", str(options.workers)] if options.workers > 1 else []
        self._seed: int = options.seed
        self._seconds = seconds
        self._progress = progress
        self._task = task

    def climb(self, counts: Sequence[int]) -> list[Seen]:
        """Measure each number of sessions; of one that doesn't fit, the largest that does is looked for below it."""
        seen: list[Seen] = []
        for count in counts:
            latest = self.one(count, "pcm", instant=True)
            seen.append(latest)
            if not fits(latest):
                least = max((each.load.sessions for each in seen if fits(each)), default=0)
                seen += self._between(least, count)
                break
        return seen

    def _between(self, least: int, most: int) -> list[Seen]:
        seen: list[Seen] = []
        while most - least > max(20, least // 5):
            middle = (least + most) // 20 * 10
            latest = self.one(middle, "pcm", instant=True)
            seen.append(latest)
            least, most = (middle, most) if fits(latest) else (least, middle)
        return seen

    def one(self, count: int, kind: Kind, *, instant: bool) -> Seen:
        """Measure so many sessions."""
        self._progress.update(self._task, description=f"{count} × {kind}{'' if instant else ', published latencies'}")
        weather = ("--instant",) if instant else ("--seed", str(self._seed))
        load = Load(sessions=count, kind=kind, seconds=self._seconds, seed=self._seed)
        with providers(*weather) as places, self._serving(places, instant=instant) as tree:
            seen = measure(self._stage, tree, load, {"providers": places.pid})
        self._progress.advance(self._task)
        self._progress.console.print(line(seen))
        return seen

    def _serving(self, places: Providers, *, instant: bool) -> Any:
        environment = self._stage.environment(places) | (_AT_ONCE if instant else {})
        return serving(self._stage, environment, self._words)


def fits(seen: Seen) -> bool:
    """Whether the machine was large enough for a run: nobody behind, and the generator in time."""
    return seen.behind == 0 and seen.late <= TOO_LATE


def line(seen: Seen) -> str:
    """Return a run in a line, for whoever waits."""
    whole = quantiles_ms(seen.hops.whole)
    return (
        f"{seen.load.sessions} × {seen.load.kind}: {seen.cpu_ms_per_audio_s:.2f} ms CPU per s of audio, "
        f"{seen.memory_mb_per_session:.3f} MB a session, added p50/p95/p99 "
        f"{whole.get('p50')}/{whole.get('p95')}/{whole.get('p99')} ms, {seen.behind} behind, "
        f"{100 * seen.late:.2f} % sent late, load {seen.load_averages[0]:.1f}–{seen.load_averages[1]:.1f}"
    )


def told(seen: Seen) -> dict[str, Any]:
    """Return a run as JSON values."""
    hops = seen.hops
    return {
        "sessions": seen.load.sessions,
        "kind": seen.load.kind,
        "seconds": seen.load.seconds,
        "audio_s": rounded(seen.audio_s),
        "server_cpu_ms_per_audio_s": rounded(seen.cpu_ms_per_audio_s),
        "other_cpu_ms_per_audio_s": {
            n: rounded(1000 * s / max(seen.audio_s, 1e-9)) for n, s in seen.others_cpu_s.items()
        },
        "memory_mb_per_session": rounded(seen.memory_mb_per_session),
        "memory_mb": {"before": rounded(seen.before.rss_mb), "during": rounded(seen.during.rss_mb)},
        "start_cpu_s": rounded(seen.start_cpu_s),
        "start_s": rounded(seen.start_s),
        "idle_mb": rounded(seen.idle.rss_mb),
        "load": [rounded(each) for each in seen.load_averages],
        "behind": seen.behind,
        "most_audio_unacknowledged_s": rounded(max((each.behind_s for each in seen.told), default=0.0)),
        "errors": sorted({each.error for each in seen.told if each.error})[:5],
        "sent_late_share": rounded(seen.late),
        "sent_late_worst_s": rounded(max((each.worst_late_s for each in seen.told), default=0.0)),
        "phrases": {"captured": hops.phrases, "recommended": hops.recommended, "waited for more": hops.gathered},
        "audio to recommendation ms": quantiles_ms(hops.whole),
        "the same without providers' calls ms": quantiles_ms(hops.own),
        "end of speech to recommendation ms": quantiles_ms(hops.speech),
        "hops ms": {name: quantiles_ms(taken) for name, taken in hops.steps.items()},
        "engines ms": {name: quantiles_ms(taken) for name, taken in hops.engines.items()},
        "decided to durable ms": quantiles_ms(hops.durable),
    }


def _at_most(name: str, value: float | None, unit: str, goal: float) -> Check:
    return Check(name=name, value=value, unit=unit, goal=goal, better="less")


def _pcm_checks(runs: Sequence[Seen]) -> list[Check]:
    if not runs:
        return []
    of: Mapping[int, Seen] = {seen.load.sessions: seen for seen in runs}
    fitting = [seen for seen in runs if fits(seen)] or list(runs[:1])
    largest = max(fitting, key=lambda seen: seen.load.sessions)
    few, many = of.get(10, runs[0]), of.get(_LARGE)
    most = many or largest
    checks = [
        _at_most(f"CPU per second of audio, PCM, {most.load.sessions} sessions", most.cpu_ms_per_audio_s, "ms", 4.0),
        _at_most(f"memory a session, {most.load.sessions} sessions", most.memory_mb_per_session, "MB", 0.6),
    ]
    for at, goal in (("p50", 3.0), ("p95", 10.0)):
        name = f"added latency, {few.load.sessions} sessions, {at}"
        checks.append(_at_most(name, quantiles_ms(few.hops.whole).get(at), "ms", goal))
    if many is not None:
        checks.append(_at_most("added latency, 200 sessions, p99", quantiles_ms(many.hops.whole).get("p99"), "ms", 60))
        checks.append(_at_most("sessions behind, of 200", many.behind, "", 0))
    ratio = None
    if many is not None and _SMALL in of:
        ratio = many.cpu_ms_per_audio_s / of[_SMALL].cpu_ms_per_audio_s
    checks.append(_at_most("CPU per second of audio, 200 sessions over 20", ratio, "×", 1.1))
    name = "sessions that fit, none behind"
    checks.append(Check(name=name, value=largest.load.sessions * fits(largest), unit="", goal=400, better="more"))
    return checks


def _webm_checks(runs: Sequence[Seen]) -> list[Check]:
    return [
        _at_most(f"CPU per second of audio, WebM, {s.load.sessions} sessions", s.cpu_ms_per_audio_s, "ms", 6.5)
        for s in runs
    ]


def _published_checks(runs: Sequence[Seen]) -> list[Check]:
    return [
        _at_most(
            f"published latencies, {seen.load.sessions} sessions, end of speech to recommendation, {at}",
            quantiles_ms(seen.hops.speech).get(at),
            "ms",
            goal,
        )
        for seen in runs
        for at, goal in (("p50", 900), ("p95", 1600))
    ]
