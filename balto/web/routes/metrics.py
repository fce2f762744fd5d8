"""What the process says of itself to Prometheus: sessions, phrases, hops, engines, actors, read models."""

import asyncio
import contextlib
from collections.abc import Iterable, Iterator
from typing import Final

import psutil
from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric, SummaryMetricFamily
from prometheus_client.registry import Collector

from actors.runtime import deadletters
from actors.runtime.metrics import ClassMetrics, snapshot
from balto.app import Balto
from balto.sessions import SessionHost
from balto.telemetry.exposition import merged, resident
from balto.web.described import described
from balto.web.keys import BALTO
from events.store import StoreError
from projections.status import ProjectionStatus

routes = web.RouteTableDef()

_PATIENCE_S: Final = 2.0
"""Scrapes come every few seconds and are given up soon."""

_GAUGES: Final = {
    "live": "Actors of the class that live now.",
    "depth": "Messages that wait in all mailboxes of the class now.",
    "depth_max": "Messages that wait in the fullest of them now.",
    "wait_mean_s": "Mean time that a message waited, of those timed (one in sixteen).",
    "wait_max_s": "Longest time that a timed message waited.",
    "handling_mean_s": "Mean time that a timed message was handled, a coroutine until its end.",
    "handling_max_s": "Longest time that a timed message was handled.",
}
_COUNTERS: Final = {
    "handled": "Messages handled.",
    "failed": "Messages whose handling ended in a failure of the actor.",
}


@routes.get("/metrics")
@described(topic="health", media=("text/plain",))
async def metrics(request: web.Request) -> web.Response:
    """Answer in Prometheus's text format, for all processes of the server."""
    balto = request.app[BALTO]
    others = balto.place.colleagues
    standing, alive, theirs = await asyncio.gather(_standing(balto), others.at_work(), others.figures())
    ours = figures_of(balto, Database(standing), Staff(wanted=balto.place.of, alive=alive))
    body = merged([ours, *theirs]).encode()
    return web.Response(body=body, headers={"Content-Type": CONTENT_TYPE_LATEST})


def figures_of(balto: Balto, *shared: Collector) -> str:
    """Return what this process tells, in Prometheus's text format, with its number where the server has several.

    Args:
        balto: of this process.
        shared: what there is to tell that is the same for all processes, such as of the database: one of them tells it.
    """
    place = balto.place
    labels = {"worker": str(place.number)} if place.of > 1 else {}
    registry = CollectorRegistry(auto_describe=False)
    registry.register(Labelled(Workings(balto.sessions), labels))
    registry.register(Labelled(balto.telemetry.figures.registry, labels))
    for collector in shared:
        registry.register(collector)
    return generate_latest(registry).decode() + resident(f"worker {place.number}", psutil.Process())


async def _standing(balto: Balto) -> list[ProjectionStatus] | None:
    """Return where the read models stand, None where the database does not say so at once: the rest is told anyway."""
    with contextlib.suppress(StoreError, TimeoutError):
        async with asyncio.timeout(_PATIENCE_S):
            return await balto.library.projector.status()
    return None


class Labelled(Collector):
    """Collects what another does, with more labels.

    Args:
        collector: the other.
        labels: beside those that are there.
    """

    def __init__(self, collector: Collector, labels: dict[str, str]) -> None:
        self._collector = collector
        self._labels = labels

    def collect(self) -> Iterator[Metric]:
        """Yield every family of figures."""
        for family in self._collector.collect():
            family.samples = [one._replace(labels={**one.labels, **self._labels}) for one in family.samples]
            yield family


class Database(Collector):
    """Collects whether the database answers, and how the read models fare.

    Args:
        standing: where they stand; None where it did not answer.
    """

    def __init__(self, standing: list[ProjectionStatus] | None) -> None:
        self._standing = standing

    def collect(self) -> Iterator[Metric]:
        """Yield every family of figures."""
        text = "1 while the database answers at once, else 0: nothing is told of read models then."
        yield GaugeMetricFamily("balto_database_answers", text, value=self._standing is not None)
        yield from _of_projections(self._standing or [])


class Staff(Collector):
    """Collects how many processes of the server take connections.

    Args:
        wanted: how many it was started with.
        alive: how many do.
    """

    def __init__(self, *, wanted: int, alive: int) -> None:
        self._wanted = wanted
        self._alive = alive

    def collect(self) -> Iterator[Metric]:
        """Yield every family of figures."""
        text = "Processes of the server that are to take connections."
        yield GaugeMetricFamily("balto_workers_wanted", text, value=self._wanted)
        yield GaugeMetricFamily("balto_workers_alive", "Those of them that do.", value=self._alive)


class Workings(Collector):
    """Collects the present figures.

    Args:
        sessions: of this process.
    """

    def __init__(self, sessions: SessionHost) -> None:
        self._sessions = sessions

    def collect(self) -> Iterator[Metric]:
        """Yield every family of figures."""
        yield GaugeMetricFamily("balto_sessions", "Sessions that have not ended.", value=self._sessions.live)
        yield GaugeMetricFamily("balto_sessions_awake", "Those that are not at rest.", value=self._sessions.awake)
        yield _counter(
            "balto_sessions_refused",
            "Sessions that were not taken, by what there was too much of: sessions, or load.",
            "reason",
            ((reason, self._sessions.refused[reason]) for reason in ("sessions", "load")),
        )
        yield GaugeMetricFamily("balto_tasks", "Tasks of the event loop.", value=len(asyncio.all_tasks()))
        figures = snapshot()
        yield from _of_actors(figures)
        yield _waits(figures)
        yield _counter("balto_dead_letters", "Messages nobody handled.", "message", deadletters.counts.items())
        yield _counter("balto_dead_letters_by_reason", "The same by reason.", "reason", deadletters.reasons.items())


def _of_actors(figures: dict[str, ClassMetrics]) -> Iterator[Metric]:
    for name, text in _GAUGES.items():
        family = GaugeMetricFamily(f"balto_actor_{name.removesuffix('_s')}" + _unit(name), text, labels=["actor"])
        for actor, figure in figures.items():
            family.add_metric([actor], getattr(figure, name))
        yield family
    for name, text in _COUNTERS.items():
        values = ((actor, getattr(figure, name)) for actor, figure in figures.items())
        yield _counter(f"balto_actor_{name}", text, "actor", values)


def _waits(figures: dict[str, ClassMetrics]) -> Metric:
    text = "Waits of timed messages (one in sixteen)."
    family = SummaryMetricFamily("balto_mailbox_wait_seconds", text, labels=["actor"])
    for actor, figure in figures.items():
        family.add_metric([actor], count_value=figure.timed, sum_value=figure.wait_mean_s * max(figure.timed, 1))
    return family


def _of_projections(standing: list[ProjectionStatus]) -> Iterator[Metric]:
    lag = GaugeMetricFamily("balto_projection_lag_events", "Events behind the ledger.", labels=["projection"])
    live = GaugeMetricFamily("balto_projection_live", "1 while it follows, 0 if it is stopped.", labels=["projection"])
    for row in standing:
        lag.add_metric([row.name], row.lag)
        live.add_metric([row.name], row.state == "live")
    yield lag
    yield live


def _unit(name: str) -> str:
    return "_seconds" if name.endswith("_s") else ""


def _counter(name: str, text: str, label: str, values: Iterable[tuple[str, float]]) -> Metric:
    family = CounterMetricFamily(name, text, labels=[label])
    for value, count in list(values):
        family.add_metric([value], count)
    return family
