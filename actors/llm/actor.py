"""The understanding actor: runs stage 1 and stage 2 on the engine that the session chose."""

import asyncio
from collections.abc import Awaitable, Sequence
from typing import Any, ClassVar, Final, override

import pykka

from actors.llm.understanding import Understanding, UnderstandingError
from actors.messages import Classify, ClassifyDone, Normalise, NormaliseDone
from actors.runtime.actor import Actor
from actors.runtime.clock import Clock
from actors.runtime.supervisor import RESTART, Supervision

_OVERTIME_S: Final = 1.0
"""An engine keeps its budget itself; one that does not is stopped this much later."""


class LlmActor(Actor):
    """Answers `Normalise` with `NormaliseDone` and `Classify` with `ClassifyDone`.

    Args:
        session: whom to answer.
        engines: in the session's order of preference; the messages' `attempt` is an index of it.
        budget_s: seconds an engine has for a stage.
        clock: for the latency in the answer.
    """

    capacity: ClassVar[int | None] = 8
    supervision: ClassVar[Supervision] = RESTART

    def __init__(
        self, session: pykka.ActorRef[Any], engines: Sequence[Understanding], *, budget_s: float, clock: Clock
    ) -> None:
        super().__init__()
        self._session = session
        self._engines = engines
        self._budget_s = budget_s
        self._clock = clock

    @override
    async def on_receive(self, message: Normalise | Classify) -> None:
        engine = self._engines[message.attempt]
        match message:
            case Normalise():
                normalised, error, latency_ms = await self._time(
                    engine.normalise(message.text, budget_s=self._budget_s)
                )
                self._session.tell(
                    NormaliseDone(
                        number=message.number,
                        attempt=message.attempt,
                        engine=engine.engine,
                        model=engine.model,
                        outcome=normalised,
                        error=error,
                        latency_ms=latency_ms,
                    )
                )
            case Classify():
                classified, error, latency_ms = await self._time(
                    engine.classify(message.text, message.entities, budget_s=self._budget_s)
                )
                self._session.tell(
                    ClassifyDone(
                        number=message.number,
                        attempt=message.attempt,
                        engine=engine.engine,
                        model=engine.model,
                        outcome=classified,
                        error=error,
                        latency_ms=latency_ms,
                    )
                )

    async def _time[T](self, asked: Awaitable[T]) -> tuple[T | None, str | None, float]:
        began = self._clock.monotonic_us()
        outcome: T | None = None
        error: str | None = None
        try:
            async with asyncio.timeout(self._budget_s + _OVERTIME_S):
                outcome = await asked
        except UnderstandingError as failure:
            error = failure.code
        except TimeoutError:
            error = "timeout"
        return outcome, error, (self._clock.monotonic_us() - began) / 1000
