"""A race of engines for one answer: hedged, failing over, within one deadline; who loses is cancelled."""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from actors.routing.attempts import BILLED, AttemptOutcome, AttemptReason, Due, Ended, NoAnswerError, Witness
from actors.routing.entrants import Entrant, Running
from actors.routing.hedging import HedgeBudget
from actors.routing.lane import TICK_S, Lane
from actors.runtime.clock import Clock

_WORTH_REPEATING: Final = frozenset({"transient", "timeout"})
"""Codes after which the same engine may be asked again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Won[T]:
    """The answer that was chosen."""

    answer: T
    lane: Lane
    why: AttemptReason
    latency_ms: float
    """Of this engine alone."""
    others: tuple[Ended, ...]


class RaceLostError(Exception):
    """Nobody answered in time.

    Args:
        code: of the last error, `timeout` where the deadline came first.
        lane: whose error it was.
        others: how all attempts ended.
    """

    def __init__(self, code: str, lane: Lane, others: tuple[Ended, ...]) -> None:
        super().__init__(f"no engine answered: {code}")
        self.code = code
        self.lane = lane
        self.others = others


@dataclass(slots=True, kw_only=True, eq=False)
class Race[T]:
    """One race. `run` is called once.

    Attributes:
        entrants: at least one, in order of preference.
        deadline_s: for all of it.
        floor_s: seconds that a first answer is always waited for before the next engine is asked.
        clock: for latencies.
        budget: of hedges.
        witness: told before each call but the one that everybody expects, the first entrant's.
        good: whether an answer wins at once. Another is kept in case that nothing better comes.
    """

    entrants: Sequence[Entrant[T]]
    deadline_s: float
    floor_s: float
    clock: Clock
    budget: HedgeBudget
    witness: Witness
    good: Callable[[T], bool] = lambda _: True
    _began_us: int = 0
    _waiting: deque[Entrant[T]] = field(default_factory=deque)
    _running: list[Running[T]] = field(default_factory=list)
    _ended: list[Ended] = field(default_factory=list)
    _fallback: tuple[T, Running[T], float] | None = None
    _started: int = 0
    _spent: bool = False
    _last_code: str = "timeout"
    _last_lane: Lane | None = None

    async def run(self) -> Won[T]:
        """Ask until an answer is good.

        Raises:
            RaceLostError: there is none.
        """
        self._began_us = self.clock.monotonic_us()
        self._waiting = deque(self._healthy())
        first_is_expected = self._waiting[0] is self.entrants[0]
        self.budget.earn()
        try:
            self._start("preferred" if first_is_expected else "circuit_open")
            while self._running:
                await asyncio.wait(
                    [task for running in self._running for task in running.tasks],
                    timeout=max(0.0, self._next_step_s() - self._now_s()) + TICK_S,
                    return_when=asyncio.FIRST_COMPLETED,
                )
                won = self._settle_finished()
                if won is not None:
                    return won
                if self._now_s() >= self.deadline_s:
                    break
                self._go_on()
            return self._without_a_winner()
        finally:
            for task in [task for running in self._running for task in running.tasks]:
                task.cancel()

    def _now_s(self) -> float:
        return (self.clock.monotonic_us() - self._began_us) / 1e6

    def _healthy(self) -> list[Entrant[T]]:
        """Return who may be asked; where nobody is well, all of them: nothing is to be lost any more."""
        healthy = [entrant for entrant in self.entrants if not entrant.lane.breaker.is_open]
        if not healthy:
            return list(self.entrants)
        ill = {entrant.lane: entrant for entrant in self.entrants if entrant.lane.breaker.is_open}
        for entrant in ill.values():
            self._note(entrant, 0, "passed_over", "circuit_open", 0.0, 0.0)
        return healthy

    def _start(self, why: AttemptReason, entrant: Entrant[T] | None = None) -> None:
        entrant = entrant or self._waiting[0]
        self._waiting.remove(entrant)
        self._started += 1
        number = self._started
        running = Running(entrant=entrant, number=number, why=why)
        self._running.append(running)
        if number == 1 and entrant is self.entrants[0]:
            self._ask(running)
            return
        engine, model = entrant.lane.name, entrant.lane.model
        due = Due(attempt=number, engine=engine, model=model, why=why, cost_usd=entrant.cost_usd)
        running.gate = asyncio.ensure_future(self.witness(due))
        running.gate.add_done_callback(_retrieve)

    def _ask(self, running: Running[T]) -> None:
        running.gate, running.asked_at = None, self._now_s()
        running.call = asyncio.ensure_future(running.entrant.ask(self.deadline_s - self._now_s()))
        running.call.add_done_callback(_retrieve)

    def _next_step_s(self) -> float:
        """Return when something is to be done if nobody answers."""
        due = [self.deadline_s]
        due += [
            r.asked_at + r.entrant.patience_s for r in self._running if r.asked and r.entrant.patience_s is not None
        ]
        backup = self._backup()
        if backup is not None:
            due.append(self._hedge_at_s(backup))
        return min(due)

    def _backup(self) -> Entrant[T] | None:
        """Return who is asked next if who was asked is slow; once the budget is spent, only who costs nothing."""
        return next((each for each in self._waiting if each.free or not self._spent), None)

    def _hedge_at_s(self, backup: Entrant[T]) -> float:
        if backup.free:
            return backup.not_before_s
        last = self._running[-1]
        if not last.asked:
            # Whoever came next would wait for the same record.
            return self.deadline_s
        usual = last.entrant.lane.latencies.quantile(0.95) or 0.0
        return min(last.asked_at + max(self.floor_s, usual), self.deadline_s / 2)

    def _go_on(self) -> None:
        """Give up who was silent too long, and ask the next one if that is due."""
        now = self._now_s()
        for running in list(self._running):
            patience = running.entrant.patience_s
            if patience is not None and running.call is not None and now >= running.asked_at + patience:
                running.call.cancel()
                self._running.remove(running)
                self._fail(running, NoAnswerError("timeout", "silent for too long"))
        backup = self._backup()
        if not self._running or backup is None or now < self._hedge_at_s(backup):
            return
        if backup.free or self.budget.spend():
            self._start("slow", backup)
        else:
            self._spent = True

    def _settle_finished(self) -> Won[T] | None:
        self._let_through()
        winner: Won[T] | None = None
        for running, call in [(each, each.call) for each in self._running]:
            if call is None or not call.done():
                continue
            self._running.remove(running)
            error = asyncio.CancelledError() if call.cancelled() else call.exception()
            if isinstance(error, NoAnswerError):
                self._fail(running, error)
            elif error is not None:
                raise error
            else:
                winner = self._take(running, call.result(), winner)
        return None if winner is None else self._close(winner)

    def _let_through(self) -> None:
        """Ask those whose call is on record by now; who is not wanted any more has failed without being asked."""
        for running, gate in [(each, each.gate) for each in self._running]:
            if gate is None or not gate.done():
                continue
            if gate.result():
                self._ask(running)
            else:
                self._running.remove(running)
                self._fail(running, NoAnswerError("unwanted", "nobody wants the answer"))

    def _take(self, running: Running[T], answer: T, winner: Won[T] | None) -> Won[T] | None:
        took_s = self._now_s() - running.asked_at
        running.entrant.lane.succeeded(took_s)
        if winner is not None:
            self._note(running.entrant, running.number, "lost", "later", took_s, running.entrant.cost_usd)
            return winner
        if not self.good(answer):
            if self._fallback is None:
                self._fallback = (answer, running, took_s)
            else:
                self._note(running.entrant, running.number, "lost", "not_better", took_s, running.entrant.cost_usd)
            # A backup is not started for an answer that is in doubt, but one under way is waited for.
            self._waiting.clear()
            return None
        lane = running.entrant.lane
        return Won(answer=answer, lane=lane, why=running.why, latency_ms=took_s * 1000, others=())

    def _close(self, winner: Won[T]) -> Won[T]:
        """Stop the others, and tell how each of them ended."""
        for running in self._running:
            took_s = self._stopped(running, "slower")
            if took_s is not None and took_s >= self.floor_s:
                running.entrant.lane.failed("timeout")
        if self._fallback is not None:
            _, doubtful, took_s = self._fallback
            self._note(doubtful.entrant, doubtful.number, "lost", "doubtful", took_s, doubtful.entrant.cost_usd)
        return Won(
            answer=winner.answer,
            lane=winner.lane,
            why=winner.why,
            latency_ms=winner.latency_ms,
            others=tuple(self._ended),
        )

    def _stopped(self, running: Running[T], code: str) -> float | None:
        """Note that a call is stopped; return its seconds, None for one that was never made: it says nothing."""
        if not running.asked:
            self._note(running.entrant, running.number, "passed_over", code, 0.0, 0.0)
            return None
        took_s = self._now_s() - running.asked_at
        self._note(running.entrant, running.number, "cancelled", code, took_s, running.entrant.cost_usd)
        return took_s

    def _fail(self, running: Running[T], error: NoAnswerError) -> None:
        took_s, lane = self._now_s() - running.asked_at if running.asked else 0.0, running.entrant.lane
        self._last_code, self._last_lane = error.code, lane
        if error.code != "unwanted":
            lane.failed(error.code, error.retry_after_s)
        cost = running.entrant.cost_usd if running.asked and error.code in BILLED else 0.0
        self._note(running.entrant, running.number, "failed", error.code, took_s, cost)
        if error.code not in _WORTH_REPEATING:
            self._waiting = deque(each for each in self._waiting if each.lane is not lane)
        if self._waiting and self._fallback is None and not self._someone_newer(running):
            self._start("failed")

    def _someone_newer(self, failed: Running[T]) -> bool:
        return any(running.number > failed.number for running in self._running)

    def _without_a_winner(self) -> Won[T]:
        if self._fallback is not None:
            answer, running, took_s = self._fallback
            self._fallback = None
            lane = running.entrant.lane
            return self._close(Won(answer=answer, lane=lane, why=running.why, latency_ms=took_s * 1000, others=()))
        code, lane_of_error = self._last_code, self._last_lane
        for running in self._running:
            if self._stopped(running, "deadline") is not None:
                running.entrant.lane.failed("timeout")
            code, lane_of_error = "timeout", running.entrant.lane
        raise RaceLostError(code, lane_of_error or self.entrants[0].lane, tuple(self._ended))

    def _note(
        self, entrant: Entrant[T], number: int, outcome: AttemptOutcome, code: str, took_s: float, cost_usd: float
    ) -> None:
        ended = Ended(
            attempt=number,
            engine=entrant.lane.name,
            model=entrant.lane.model,
            outcome=outcome,
            code=code,
            latency_ms=took_s * 1000,
            cost_usd=cost_usd,
        )
        self._ended.append(ended)


def _retrieve(task: asyncio.Future[Any]) -> None:
    # Who lost is not asked how, and asyncio would complain of an error that nobody looked at.
    if not task.cancelled():
        task.exception()
