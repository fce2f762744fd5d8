"""What the process says of itself to Prometheus: its sessions, its actors and what died undelivered."""

from collections.abc import Iterable, Iterator
from typing import Final

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from actors.runtime import deadletters
from actors.runtime.metrics import ClassMetrics, snapshot
from balto.sessions import SessionHost
from balto.web.described import described
from balto.web.keys import BALTO

routes = web.RouteTableDef()

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
    """Answer in Prometheus's text format."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(Workings(request.app[BALTO].sessions))
    return web.Response(body=generate_latest(registry), headers={"Content-Type": CONTENT_TYPE_LATEST})


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
        yield from _of_actors(snapshot())
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


def _unit(name: str) -> str:
    return "_seconds" if name.endswith("_s") else ""


def _counter(name: str, text: str, label: str, values: Iterable[tuple[str, float]]) -> Metric:
    family = CounterMetricFamily(name, text, labels=[label])
    for value, count in list(values):
        family.add_metric([value], count)
    return family
