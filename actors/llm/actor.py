"""The understanding actor: runs stage 1 and stage 2 on the engine that the session chose."""

import asyncio
from collections.abc import Awaitable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Final, override

import pykka

from actors.llm.router import RoutedUnderstanding, Stage
from actors.llm.understanding import Understanding, UnderstandingError
from actors.messages import AttemptDue, Classify, ClassifyDone, Normalise, NormaliseDone
from actors.recordable import recordable_categories, recordable_entities
from actors.routing.attempts import Due, Ended, Witness
from actors.routing.lane import Lane
from actors.routing.race import RaceLostError, Won
from actors.runtime.actor import Actor
from actors.runtime.clock import Clock
from actors.runtime.supervisor import RESTART, Supervision

_OVERTIME_S: Final = 1.0
"""An engine keeps its budget itself; one that does not is stopped this much later."""


@dataclass(frozen=True, slots=True)
class _Result[T]:
    """How a stage went; exactly one of `outcome` and `error` is set."""

    engine: str
    model: str
    outcome: T | None
    error: str | None
    latency_ms: float
    others: tuple[Ended, ...]


class LlmActor(Actor):
    """Answers `Normalise` with `NormaliseDone` and `Classify` with `ClassifyDone`.

    Args:
        session: whom to answer.
        engines: in the session's order of preference; the messages' `attempt` is an index of it.
        budget_s: seconds an engine has for a stage.
        clock: for the latency in the answer.
        fast_path: whether what the lexicon is certain about asks no model, where there is one.
    """

    capacity: ClassVar[int | None] = 8
    supervision: ClassVar[Supervision] = RESTART

    def __init__(
        self,
        session: pykka.ActorRef[Any],
        engines: Sequence[Understanding],
        *,
        budget_s: float,
        clock: Clock,
        fast_path: bool = True,
    ) -> None:
        super().__init__()
        self._session = session
        self._engines = engines
        self._budget_s = budget_s
        self._clock = clock
        self._fast_path = fast_path

    @override
    async def on_receive(self, message: Normalise | Classify) -> None:
        engine, budget_s, fast = self._engines[message.attempt], self._budget_s, self._fast_path
        match message:
            case Normalise():
                witness = self._witness(message.number, "normalisation")
                normalised = await self._time(
                    engine,
                    engine.route_normalise(
                        message.text,
                        budget_s=budget_s,
                        witness=witness,
                        fast_path=fast,
                        engine=message.engine,
                        phrase=message.number,
                    )
                    if isinstance(engine, RoutedUnderstanding)
                    else engine.normalise(message.text, budget_s=budget_s),
                )
                self._session.tell(
                    NormaliseDone(
                        number=message.number,
                        attempt=message.attempt,
                        engine=normalised.engine,
                        model=normalised.model,
                        outcome=None if normalised.outcome is None else recordable_entities(normalised.outcome),
                        error=normalised.error,
                        latency_ms=normalised.latency_ms,
                        others=normalised.others,
                    )
                )
            case Classify():
                witness = self._witness(message.number, "classification")
                classified = await self._time(
                    engine,
                    engine.route_classify(
                        message.text,
                        message.entities,
                        budget_s=budget_s,
                        witness=witness,
                        fast_path=fast,
                        engine=message.engine,
                        phrase=message.number,
                    )
                    if isinstance(engine, RoutedUnderstanding)
                    else engine.classify(message.text, message.entities, budget_s=budget_s),
                )
                self._session.tell(
                    ClassifyDone(
                        number=message.number,
                        attempt=message.attempt,
                        engine=classified.engine,
                        model=classified.model,
                        outcome=None if classified.outcome is None else recordable_categories(classified.outcome),
                        error=classified.error,
                        latency_ms=classified.latency_ms,
                        others=classified.others,
                    )
                )

    def _witness(self, number: int, step: Stage) -> Witness:
        async def witness(due: Due) -> bool:
            gate = asyncio.get_running_loop().create_future()
            self._session.tell(AttemptDue(number=number, step=step, due=due, gate=gate))
            return bool(await gate)

        return witness

    async def _time[T](self, engine: Understanding, asked: Awaitable[Won[T]] | Awaitable[T]) -> _Result[T]:
        began = self._clock.monotonic_us()
        name, model, others = engine.engine, engine.model, tuple[Ended, ...]()
        outcome: T | None = None
        error: str | None = None
        try:
            async with asyncio.timeout(self._budget_s + _OVERTIME_S):
                answer = await asked
            if isinstance(answer, Won):
                outcome, others = answer.answer, answer.others
                name, model = _of(answer.lane)
            else:
                outcome = answer
        except UnderstandingError as failure:
            error = failure.code
        except RaceLostError as lost:
            error, others = lost.code, lost.others
            name, model = _of(lost.lane)
        except TimeoutError:
            error = "timeout"
        return _Result(name, model, outcome, error, (self._clock.monotonic_us() - began) / 1000, others)


def _of(lane: Lane) -> tuple[str, str]:
    return lane.name, lane.model
