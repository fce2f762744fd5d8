"""Calls to engines: on record before they are made, and how those ended that were not chosen."""

import asyncio
from collections.abc import Collection, Iterable

from actors.messages import AttemptDue
from actors.routing.attempts import Ended
from actors.session.state import SessionState, offer_of
from events.catalogue import (
    AttemptEnded,
    AttemptStarted,
    AttemptStep,
    ClassificationRequested,
    Event,
    NormalisationRequested,
)

UnderstandingRequested = NormalisationRequested | ClassificationRequested


class Gates:
    """Those who wait until the attempt or the request that they are about to make is durable."""

    def __init__(self) -> None:
        self._held: dict[tuple[int, int, AttemptStep, int], asyncio.Future[bool]] = {}
        self._asked: list[tuple[UnderstandingRequested, asyncio.Future[bool]]] = []

    def hold(self, message: AttemptDue) -> None:
        """Keep somebody waiting."""
        self._held[message.number, message.offer, message.step, message.due.attempt] = message.gate

    def open(self, event: AttemptStarted) -> None:
        """Let through whom a durable event is about."""
        _answer(self._held.pop((event.phrase, event.offer, event.step, event.attempt), None), wanted=True)

    def ask_ahead(self, event: UnderstandingRequested) -> asyncio.Future[bool]:
        """Return what tells whoever is asked already that the request is durable."""
        gate: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._asked.append((event, gate))
        return gate

    def was_asked_ahead(self, event: UnderstandingRequested) -> bool:
        """Let through whom a durable request is about; return whether anybody was asked before it was durable."""
        asked = [pair for pair in self._asked if pair[0] is event]
        for pair in asked:
            self._asked.remove(pair)
            _answer(pair[1], wanted=True)
        return bool(asked)

    def refuse_all_but(self, under_way: Collection[int]) -> None:
        """Turn away those whose phrase has its outcome."""
        for key in [key for key in self._held if key[0] not in under_way]:
            _answer(self._held.pop(key), wanted=False)
        for pair in [pair for pair in self._asked if pair[0].phrase not in under_way]:
            self._asked.remove(pair)
            _answer(pair[1], wanted=False)


def _answer(gate: asyncio.Future[bool] | None, *, wanted: bool) -> None:
    if gate is not None and not gate.done():
        gate.set_result(wanted)


def started(state: SessionState, message: AttemptDue) -> list[Event]:
    """Put an attempt on record that is about to be made, unless it is for an offer that was taken back meanwhile."""
    if message.offer and offer_of(state, message.number, message.offer) is None:
        return []
    due = message.due
    return [
        AttemptStarted(
            phrase=message.number,
            step=message.step,
            attempt=due.attempt,
            engine=due.engine,
            model=due.model,
            why=due.why,
            offer=message.offer,
            may_cost_usd=due.cost_usd,
        )
    ]


def ended(number: int, step: AttemptStep, others: Iterable[Ended]) -> list[Event]:
    """Put on record how the engines fared whose answer was not chosen."""
    return [
        AttemptEnded(
            phrase=number,
            step=step,
            attempt=other.attempt,
            engine=other.engine,
            model=other.model,
            outcome=other.outcome,
            code=other.code,
            latency_ms=other.latency_ms,
            cost_usd=other.cost_usd,
        )
        for other in others
    ]
