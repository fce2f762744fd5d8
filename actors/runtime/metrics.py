"""How long messages wait and are handled, by actor class: counted for each, timed for one in sixteen."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import pykka

SAMPLE_MASK = 15
"""A mailbox times its first message and every sixteenth after it: reading the clock costs more than all of the rest."""


class Tally:
    """Running totals of one actor class.

    The additions take no lock: under the interpreter's lock a statement such as `x.n += 1` on plain attributes is not
    interrupted, and nothing but reports depends on the numbers.
    """

    __slots__ = ("failed", "handled", "handling_max", "handling_s", "timed", "wait_max", "wait_s")

    def __init__(self) -> None:
        self.handled = 0
        self.failed = 0
        self.timed = 0
        self.wait_s = 0.0
        self.wait_max = 0.0
        self.handling_s = 0.0
        self.handling_max = 0.0

    def waited(self, seconds: float) -> None:
        """Add the wait of a timed message."""
        self.wait_s += seconds
        self.wait_max = max(self.wait_max, seconds)

    def took(self, seconds: float) -> None:
        """Add the handling time of a timed message."""
        self.timed += 1
        self.handling_s += seconds
        self.handling_max = max(self.handling_max, seconds)


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassMetrics:
    """What is known of an actor class since the process started. Times in seconds, of the timed messages."""

    live: int
    depth: int
    """Messages waiting in all mailboxes of the class now."""
    depth_max: int
    """In the fullest of them now."""
    handled: int
    failed: int
    """Messages whose handling ended in a failure of the actor."""
    timed: int
    wait_mean_s: float
    wait_max_s: float
    handling_mean_s: float
    """Of a coroutine handler until its end."""
    handling_max_s: float


_tallies: dict[type[pykka.Actor], Tally] = {}


def tally_of(actor_class: type[pykka.Actor]) -> Tally:
    """Return the totals of a class, which all of its actors share."""
    tally = _tallies.get(actor_class)
    return tally if tally is not None else _tallies.setdefault(actor_class, Tally())


def waits(classes: Iterable[type[pykka.Actor]]) -> tuple[int, float]:
    """Return how many messages to actors of these classes were timed so far, and how long they waited, in seconds."""
    tallies = [tally_of(cls) for cls in classes]
    return sum(tally.timed for tally in tallies), sum(tally.wait_s for tally in tallies)


def snapshot() -> dict[str, ClassMetrics]:
    """Return the metrics of every actor class that has had an actor on one of Balto's dispatchers, by its name."""
    depths: dict[type[pykka.Actor], list[int]] = {}
    for ref in pykka.ActorRegistry.get_all():
        if ref.actor_class in _tallies:
            inbox: Any = ref.actor_inbox
            depths.setdefault(ref.actor_class, []).append(len(inbox))
    return {cls.__name__: _metrics(tally, depths.get(cls, [])) for cls, tally in _tallies.items()}


def _metrics(tally: Tally, depths: list[int]) -> ClassMetrics:
    timed = max(tally.timed, 1)
    return ClassMetrics(
        live=len(depths),
        depth=sum(depths),
        depth_max=max(depths, default=0),
        handled=tally.handled,
        failed=tally.failed,
        timed=tally.timed,
        wait_mean_s=tally.wait_s / timed,
        wait_max_s=tally.wait_max,
        handling_mean_s=tally.handling_s / timed,
        handling_max_s=tally.handling_max,
    )
