"""`python -m benchmarks projections`: rebuilding against a bare scan and against Python; lag; kills; exports."""

import argparse
import asyncio
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass
from statistics import median
from typing import Any, Final

import asyncpg
import psutil
from rich.progress import Progress

from benchmarks.exports import bench as exports
from benchmarks.projections.bare import fold_in_python, scan
from benchmarks.projections.kills import WRITERS, Verdict, ordeal
from benchmarks.projections.lag import measure
from benchmarks.projections.sessions import write
from benchmarks.report import Check, Machine, Report, rounded
from benchmarks.store.server import Server, running
from benchmarks.store.speech import MASTERS
from events.postgres import PostgresStore
from projections.projector import Projector

_PARTS: Final = ("rebuild", "lag", "kills", "exports")
REBUILT: Final = ("phrase_timeline", "phrase_biometrics")
_TRUTH: Final = """
SELECT (SELECT count(*) FROM projections.phrase_timeline), (SELECT count(*) FROM projections.phrase_biometrics),
       (SELECT sum(cost_usd) FROM projections.phrase_timeline)
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scale:
    """How much is done of everything."""

    events: int
    rounds: int
    rate: int
    seconds: float
    kills: int
    chaos_rate: int


FULL: Final = Scale(events=1_000_000, rounds=3, rate=2_000, seconds=20.0, kills=51, chaos_rate=800)
QUICK: Final = Scale(events=3_000, rounds=1, rate=300, seconds=1.0, kills=3, chaos_rate=200)

type Figures = dict[str, list[dict[str, float]]]


def add_options(parser: argparse.ArgumentParser) -> None:
    """Declare this benchmark's options."""
    parser.add_argument("--only", choices=_PARTS, action="append", help="measure only this; may be repeated")


def run(options: argparse.Namespace, progress: Progress) -> Report:
    """Measure everything and say which goals are met."""
    machine = Machine.here()
    scale = QUICK if options.quick else FULL
    chosen = options.only or _PARTS
    checks: list[Check] = []
    compared: dict[str, Any] = {}
    with running() as server:
        compared["postgres"] = server.version
        if "rebuild" in chosen:
            figures = asyncio.run(_rebuild(server, server.database("rebuilt"), scale, progress))
            checks += _rebuild_checks(figures, compared)
        if "lag" in chosen:
            task = progress.add_task("following", total=1)
            compared["lag"] = lag = asyncio.run(_lag(server.database("followed"), scale))
            progress.advance(task)
            checks.append(Check(name="live lag p99", value=lag["p99_ms"], unit="ms", goal=150, better="less"))
        if "kills" in chosen:
            task = progress.add_task("killing projectors", total=scale.kills)
            dsn = server.database("killed")
            verdict = asyncio.run(_kills(dsn, scale, progress, task))
            compared["kills"] = asdict(verdict) | {"writers": WRITERS}
            checks += _kill_checks(verdict, scale)
        if "exports" in chosen:
            told, compared["exports"] = exports.measure(
                server.database("exported"), quick=options.quick, progress=progress
            )
            checks += told
    return Report(bench="projections", checks=checks, machine=machine, compared=compared)


async def _rebuild(server: Server, dsn: str, scale: Scale, progress: Progress) -> Figures:
    await _fill(dsn, scale.events, progress)
    figures: Figures = defaultdict(list)
    projector = await Projector.connect(dsn)
    connection = await asyncpg.connect(dsn, server_settings={"max_parallel_workers_per_gather": "0", "jit": "off"})
    task = progress.add_task("rebuilding", total=scale.rounds)
    truth: Any = None

    async def timed(name: str, work: Callable[[], Awaitable[Any]]) -> Any:
        own, cpu, began = psutil.Process().cpu_times(), server.cpu_s(), time.perf_counter()
        result = await work()
        took, spent = time.perf_counter() - began, psutil.Process().cpu_times()
        here = spent.user + spent.system - own.user - own.system
        events = await connection.fetchval("SELECT position FROM head")
        figures[name].append({"s": took, "cpu_s": server.cpu_s() - cpu + here, "events": events})
        return result

    for _ in range(scale.rounds):
        await timed("scan", lambda: connection.fetchrow(scan()))
        await timed("rebuild", lambda: asyncio.gather(*map(projector.rebuild, REBUILT)))
        (truth,) = map(tuple, await connection.fetch(_TRUTH))
        folded = await timed("python", lambda: fold_in_python(connection))
        if folded != truth:
            raise RuntimeError(f"the read models hold {truth}, and folding in Python gives {folded}")
        for name in REBUILT:
            await timed(name, lambda name=name: projector.rebuild(name))  # type: ignore[misc] # bound at once
        progress.advance(task)
    await connection.close()
    await projector.close()
    return figures


async def _fill(dsn: str, events: int, progress: Progress) -> None:
    task = progress.add_task("writing events", total=events)
    store = await PostgresStore.connect(dsn, masters=MASTERS, timeout_s=600)
    async for written in write(store, events):
        progress.update(task, completed=written)
    await store.close()
    connection = await asyncpg.connect(dsn)
    for table in ("events", "streams"):
        await connection.execute(f"VACUUM (ANALYZE) {table}")
    await connection.execute("CHECKPOINT")
    await connection.close()


async def _lag(dsn: str, scale: Scale) -> dict[str, Any]:
    await (await PostgresStore.connect(dsn, masters=MASTERS)).close()  # makes the schema
    return await measure(dsn, rate=scale.rate, seconds=scale.seconds)


async def _kills(dsn: str, scale: Scale, progress: Progress, task: Any) -> Verdict:
    await (await PostgresStore.connect(dsn, masters=MASTERS)).close()
    return await ordeal(dsn, kills=scale.kills, rate=scale.chaos_rate, seed=1, progress=progress, task=task)


def _rebuild_checks(figures: Figures, compared: dict[str, Any]) -> list[Check]:
    def middle(name: str, what: str) -> float:
        return median(one[what] for one in figures[name])

    def ratio(name: str, other: str, what: str) -> float:
        # CPU time comes in hundredths of a second, which a quick run may not take.
        return median(a[what] / max(b[what], 0.01) for a, b in zip(figures[name], figures[other], strict=True))

    events = middle("rebuild", "events")
    compared["events"] = events
    compared["seconds"] = {name: rounded(middle(name, "s")) for name in figures}
    compared["cpu_seconds"] = {name: rounded(middle(name, "cpu_s")) for name in figures}
    compared["events_per_s"] = {name: rounded(events / middle(name, "s")) for name in figures}
    compared["events_per_cpu_s"] = {name: rounded(events / max(middle(name, "cpu_s"), 0.01)) for name in figures}
    compared["by_wall_time"] = {
        "rebuild over bare scan": rounded(ratio("rebuild", "scan", "s")),
        "python over rebuild": rounded(ratio("python", "rebuild", "s")),
    }
    return [
        Check(
            name="rebuild of both", value=events / middle("rebuild", "s"), unit="events/s", goal=250_000, better="more"
        ),
        Check(
            name="rebuild of both over a bare scan of the same columns, CPU",
            value=ratio("rebuild", "scan", "cpu_s"),
            unit="×",
            goal=3,
            better="less",
        ),
        Check(
            name="the same in Python over a cursor, CPU",
            value=ratio("python", "rebuild", "cpu_s"),
            unit="×",
            goal=8,
            better="more",
        ),
    ]


def _kill_checks(verdict: Verdict, scale: Scale) -> list[Check]:
    def none(name: str, value: int, unit: str) -> Check:
        return Check(name=name, value=value, unit=unit, goal=0, better="less")

    return [
        Check(name="projectors killed", value=verdict.kills, unit="kill -9", goal=scale.kills - 1, better="more"),
        none("events missed", verdict.missed, "events"),
        none("events applied twice", verdict.doubled, "events"),
        none("rows that differ from a rebuild", verdict.rows_other, "rows"),
        none("read models that could not be compared", verdict.not_compared, "read models"),
    ]
