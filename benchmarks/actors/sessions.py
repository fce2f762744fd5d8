"""Simulated sessions of five actors each, through which a tick passes ten times a second, come what may."""

import asyncio
import time
from collections.abc import Iterator
from statistics import quantiles
from typing import Any, Final

import pykka

from actors.runtime.actor import Actor
from actors.runtime.system import ActorSystem

CHAIN: Final = 5
TICKS_PER_S: Final = 10
SLOT_S: Final = 0.005
"""Ticks of all sessions are spread over slots of this length."""


class Served:
    """The times from when a tick was due to when it was through."""

    def __init__(self) -> None:
        self.latencies: list[float] = []

    def tick(self, due: float) -> None:
        """Note that a tick is through."""
        self.latencies.append(time.monotonic() - due)

    def figures(self, expected: int, cpu_s: float) -> dict[str, float]:
        """Return the share served, CPU per tick, and the quantiles of the latency in milliseconds."""
        latencies = list(self.latencies)
        cuts = quantiles(latencies, n=100) if len(latencies) > 1 else [float("inf")] * 99
        return {
            "served_percent": 100 * len(latencies) / expected,
            "cpu_us": 1e6 * cpu_s / max(1, len(latencies)),
            "p50_ms": 1e3 * cuts[49],
            "p99_ms": 1e3 * cuts[98],
        }


class Link(Actor):
    """Passes a tick on, or notes that it is through."""

    def __init__(self, following: pykka.ActorRef[Any] | None, served: Served) -> None:
        super().__init__()
        self._following = following
        self._served = served

    def on_receive(self, message: float) -> None:
        """Pass on."""
        if self._following is None:
            self._served.tick(message)
        else:
            self._following.tell(message)


class PlainLink(pykka.ThreadingActor):
    """The same on a thread."""

    use_daemon_thread = True

    def __init__(self, following: pykka.ActorRef[Any] | None, served: Served) -> None:
        super().__init__()
        self._following = following
        self._served = served

    def on_receive(self, message: float) -> None:
        """Pass on."""
        if self._following is None:
            self._served.tick(message)
        else:
            self._following.tell(message)


def slots(first: list[pykka.ActorRef[Any]], seconds: int) -> Iterator[tuple[float, list[pykka.ActorRef[Any]]]]:
    """Yield when each slot is due, from now, and whose ticks are sent in it."""
    per_round = round(1 / (TICKS_PER_S * SLOT_S))
    began = time.monotonic()
    for slot in range(round(seconds / SLOT_S)):
        yield began + slot * SLOT_S, first[slot % per_round :: per_round]


async def serve_ours(system: ActorSystem, sessions: int, seconds: int) -> dict[str, float]:
    """Serve sessions on the loop, which sends the ticks too."""
    served, first = Served(), []
    for _ in range(sessions):
        ref: pykka.ActorRef[Any] | None = None
        for _ in range(CHAIN):
            ref = system.spawn(Link, ref, served)
        first.append(ref)
    await asyncio.sleep(0.5)
    cpu = time.process_time()
    for due, refs in slots([ref for ref in first if ref is not None], seconds):
        await asyncio.sleep(max(0.0, due - time.monotonic()))
        for ref in refs:
            ref.tell(due)
    await asyncio.sleep(0.025)
    return served.figures(sessions * seconds * TICKS_PER_S, time.process_time() - cpu)


def serve_plain(sessions: int, seconds: int) -> dict[str, float]:
    """Serve sessions on a thread an actor; another thread sends the ticks."""
    served, first = Served(), []
    for _ in range(sessions):
        ref: pykka.ActorRef[Any] | None = None
        for _ in range(CHAIN):
            ref = PlainLink.start(ref, served)
        first.append(ref)
    time.sleep(0.5)
    cpu = time.process_time()
    began = time.monotonic()
    for due, refs in slots([ref for ref in first if ref is not None], seconds):
        time.sleep(max(0.0, due - time.monotonic()))
        for ref in refs:
            ref.tell(due)
        if time.monotonic() - began > seconds:
            break
    time.sleep(0.025)
    return served.figures(sessions * seconds * TICKS_PER_S, time.process_time() - cpu)
