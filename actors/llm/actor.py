"""The understanding actor: runs stage 1 and stage 2 on the engine that the session chose."""

import asyncio
import contextlib
from collections.abc import Awaitable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Final, override

import pykka

from actors.llm.lexicon import LexiconUnderstanding
from actors.llm.router import RoutedUnderstanding, Stage
from actors.llm.understanding import Understanding, UnderstandingError
from actors.messages import WITHDRAWN, AttemptDue, Classify, ClassifyDone, Foresee, Foreseen, Normalise, NormaliseDone
from actors.recordable import recordable_categories, recordable_entities
from actors.routing.attempts import Due, Ended, Witness
from actors.routing.lane import Lane
from actors.routing.race import RaceLostError, Won
from actors.runtime.actor import Actor
from actors.runtime.clock import Clock
from actors.runtime.supervisor import RESTART, Supervision
from actors.values import Classified, Normalised
from events.catalogue import Entity

_OVERTIME_S: Final = 1.0
"""An engine keeps its budget itself; one that does not is stopped this much later."""
_KEPT: Final = 16
"""Phrases whose stage 2 is kept until it is wanted; one that isn't wanted any more is forgotten by and by."""


@dataclass(frozen=True, slots=True)
class _Result[T]:
    """How a stage went; exactly one of `outcome` and `error` is set."""

    engine: str
    model: str
    outcome: T | None
    error: str | None
    latency_ms: float
    others: tuple[Ended, ...]


@dataclass(frozen=True, slots=True)
class _Placed:
    """Stage 2 of a phrase, as it came with stage 1."""

    engine: str
    model: str
    attempt: int
    entities: tuple[Entity, ...]
    outcome: Classified


class LlmActor(Actor):
    """Answers `Normalise` with `NormaliseDone`, `Classify` with `ClassifyDone` and `Foresee` with `Foreseen`.

    An engine that said with stage 1 what stage 2 will be is not asked for it: see `Normalised.placed`.

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
        self._placed: dict[int, _Placed] = {}

    @override
    async def on_receive(self, message: Foresee | Normalise | Classify) -> None:
        if isinstance(message, Foresee):
            await self._foresee(message.text)
            self._session.tell(Foreseen())
            return
        engine = self._engines[message.attempt]
        if isinstance(message, Classify) and (before := self._placed_before(engine, message)) is not None:
            self._session.tell(before)
            return
        wanted = message.recorded is None or self._asks_nobody(engine, message) or await message.recorded
        match message:
            case Normalise():
                named = await self._time(engine, self._normalise(engine, message)) if wanted else _unwanted(engine)
                done = NormaliseDone(
                    number=message.number,
                    attempt=message.attempt,
                    engine=named.engine,
                    model=named.model,
                    outcome=None if named.outcome is None else recordable_entities(named.outcome),
                    error=named.error,
                    latency_ms=named.latency_ms,
                    others=named.others,
                )
                self._keep(done)
                self._session.tell(done)
            case Classify():
                placed = await self._time(engine, self._classify(engine, message)) if wanted else _unwanted(engine)
                self._session.tell(
                    ClassifyDone(
                        number=message.number,
                        attempt=message.attempt,
                        engine=placed.engine,
                        model=placed.model,
                        outcome=None if placed.outcome is None else recordable_categories(placed.outcome),
                        error=placed.error,
                        latency_ms=placed.latency_ms,
                        others=placed.others,
                    )
                )

    def _keep(self, done: NormaliseDone) -> None:
        self._placed.pop(done.number, None)
        if done.outcome is None or done.outcome.placed is None:
            return
        outcome = recordable_categories(done.outcome.placed)
        self._placed[done.number] = _Placed(done.engine, done.model, done.attempt, done.outcome.entities, outcome)
        if len(self._placed) > _KEPT:
            del self._placed[next(iter(self._placed))]

    def _placed_before(self, engine: Understanding, message: Classify) -> ClassifyDone | None:
        """Return stage 2 as it came with stage 1, unless it is not what is wanted now, or the lexicon is certain."""
        placed = self._placed.pop(message.number, None)
        if placed is None or (placed.attempt, placed.entities) != (message.attempt, message.entities):
            return None
        if message.engine not in ("", placed.engine) or self._asks_nobody(engine, message):
            return None
        return ClassifyDone(
            number=message.number,
            attempt=message.attempt,
            engine=placed.engine,
            model=placed.model,
            outcome=placed.outcome,
            latency_ms=0.0,
        )

    async def _foresee(self, text: str) -> None:
        engine = self._engines[0]
        with contextlib.suppress(UnderstandingError):
            if isinstance(engine, RoutedUnderstanding):
                await engine.foresee(text, budget_s=self._budget_s, fast_path=self._fast_path)
            elif engine.engine == LexiconUnderstanding.engine:
                await engine.normalise(text, budget_s=self._budget_s)

    def _normalise(self, engine: Understanding, message: Normalise) -> Awaitable[Won[Normalised] | Normalised]:
        if not isinstance(engine, RoutedUnderstanding):
            return engine.normalise(message.text, budget_s=self._budget_s)
        return engine.route_normalise(
            message.text,
            budget_s=self._budget_s,
            witness=self._witness(message.number, "normalisation"),
            fast_path=self._fast_path,
            engine=message.engine,
            phrase=message.number,
        )

    def _classify(self, engine: Understanding, message: Classify) -> Awaitable[Won[Classified] | Classified]:
        if not isinstance(engine, RoutedUnderstanding):
            return engine.classify(message.text, message.entities, budget_s=self._budget_s)
        return engine.route_classify(
            message.text,
            message.entities,
            budget_s=self._budget_s,
            witness=self._witness(message.number, "classification"),
            fast_path=self._fast_path,
            engine=message.engine,
            phrase=message.number,
        )

    def _asks_nobody(self, engine: Understanding, message: Normalise | Classify) -> bool:
        """Tell whether the lexicon alone is asked, which costs nothing and leaves no trace outside."""
        if not isinstance(engine, RoutedUnderstanding):
            return engine.engine == LexiconUnderstanding.engine
        fast, first = self._fast_path, message.engine
        match message:
            case Normalise():
                return engine.names_alone(message.text, fast_path=fast, engine=first)
            case Classify():
                return engine.places_alone(message.text, message.entities, fast_path=fast, engine=first)

    def _witness(self, number: int, step: Stage) -> Witness:
        async def witness(due: Due) -> bool:
            gate = asyncio.get_running_loop().create_future()
            self._session.tell(AttemptDue(number=number, step=step, due=due, gate=gate))
            return bool(await gate)

        return witness

    async def _time[T](self, engine: Understanding, asked: Awaitable[Won[T] | T]) -> _Result[T]:
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


def _unwanted(engine: Understanding) -> _Result[Any]:
    return _Result(engine.engine, engine.model, None, WITHDRAWN, 0.0, ())


def _of(lane: Lane) -> tuple[str, str]:
    return lane.name, lane.model
