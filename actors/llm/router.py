"""Understanding by a language model, with the lexicon before it where it is certain, and behind it in any case."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final, Literal

from actors.llm.lexicon import LexiconUnderstanding
from actors.llm.understanding import Understanding
from actors.routing.attempts import AttemptReason, Ended, NoAnswerError, Witness, no_witness
from actors.routing.entrants import Entrant
from actors.routing.hedging import HedgeBudget
from actors.routing.lane import Lane
from actors.routing.race import Race, Won
from actors.runtime.clock import Clock
from actors.values import Classified, Normalised
from events.catalogue import Entity

Stage = Literal["normalisation", "classification"]

_PROBE: Final = "bom dia"
"""Says nothing about anybody."""
_PROBE_BUDGET_S: Final = 3.0
_LEXICON_S: Final = 0.25
"""Before the deadline: what the lexicon takes, after its turn has been put on record, on a busy disk too."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UnderstandingPolicy:
    """When the model is asked again, and when not at all."""

    floor_s: float = 0.6
    """A second request is never made sooner, unless for an error."""
    hedge_share: float = 0.1
    """Second requests for mere slowness, a request."""


class RoutedUnderstanding:
    """The `Understanding` port over a model and the lexicon; shared by all sessions of a process.

    A stage asks the model, asks it once more if it is slow or broken, and takes the lexicon's word shortly before the
    deadline, or at once where asking again would not help.

    Args:
        model: a language model.
        last: the engine that always answers, within milliseconds.
        sure: tells what is certain. None for no fast path, whoever wants one.
        clock: for latencies and the circuit.
        policy: when to ask again.
    """

    def __init__(
        self,
        model: Understanding,
        last: Understanding,
        clock: Clock,
        *,
        sure: LexiconUnderstanding | None = None,
        policy: UnderstandingPolicy | None = None,
    ) -> None:
        self._model = model
        self._last = last
        self._sure = sure
        self._clock = clock
        self._policy = policy or UnderstandingPolicy()
        self._budget = HedgeBudget(self._policy.hedge_share)
        self._lanes: dict[Stage, Lane] = {
            "normalisation": Lane(model.engine, model.model, clock, self._probe),
            "classification": Lane(model.engine, model.model, clock, self._probe),
        }
        self._last_lane = Lane(last.engine, last.model, clock)
        self._usual_usd: dict[Stage, float] = {"normalisation": 0.0, "classification": 0.0}

    @property
    def engine(self) -> str:
        """Name of the model's engine."""
        return self._model.engine

    @property
    def model(self) -> str:
        """The model."""
        return self._model.model

    async def warm(self) -> None:
        """Load what is slow to load."""
        await self._model.warm()
        await self._last.warm()

    async def close(self) -> None:
        """Stop the probes and release what the engines hold."""
        for lane in self._lanes.values():
            await lane.close()
        await self._model.close()
        await self._last.close()

    async def normalise(self, text: str, *, budget_s: float) -> Normalised:
        """Stage 1; see `Understanding.normalise`."""
        return (await self.route_normalise(text, budget_s=budget_s)).answer

    async def classify(self, text: str, entities: tuple[Entity, ...], *, budget_s: float) -> Classified:
        """Stage 2; see `Understanding.classify`."""
        return (await self.route_classify(text, entities, budget_s=budget_s)).answer

    def names_alone(self, text: str, *, fast_path: bool = True, engine: str = "") -> bool:
        """Tell whether stage 1 is the lexicon's alone; see `route_normalise`."""
        certain = fast_path and self._sure is not None and self._sure.certain_entities(text)
        return engine == self._last.engine or bool(certain)

    def places_alone(
        self, text: str, entities: tuple[Entity, ...], *, fast_path: bool = True, engine: str = ""
    ) -> bool:
        """Tell whether stage 2 is the lexicon's alone; see `route_classify`."""
        certain = fast_path and self._sure is not None and self._sure.certain_category(text, entities)
        return engine == self._last.engine or bool(certain)

    async def foresee(self, text: str, *, budget_s: float, fast_path: bool = True) -> None:
        """Have the lexicon think about a text, for what is likely to be its alone: stage 1, or else stage 2."""
        if self.names_alone(text, fast_path=fast_path):
            await self._last.normalise(text, budget_s=budget_s)
        elif fast_path and self._sure is not None and (named := self._sure.one_place(text)):
            # Whatever the model will name: what examples say is of the text alone.
            await self._last.classify(text, named, budget_s=budget_s)

    async def route_normalise(
        self,
        text: str,
        *,
        budget_s: float,
        witness: Witness = no_witness,
        fast_path: bool = True,
        engine: str = "",
        phrase: int = 0,  # noqa: ARG002 - for who looks answers up
    ) -> Won[Normalised]:
        """Stage 1, and who did it: the lexicon alone where every word is known to it or says nothing.

        Args:
            text: a transcript.
            budget_s: for all of it.
            witness: told before any request but the first to the model.
            fast_path: whether what is certain asks no model.
            engine: asked first; where that is the lexicon, no other is asked.
            phrase: the number of the one that it is, for who looks the answer up.

        Raises:
            RaceLostError: no engine did, not even the last.
        """
        if self.names_alone(text, fast_path=fast_path, engine=engine):
            return await self._alone(lambda left: self._last.normalise(text, budget_s=left), budget_s, engine)
        won = await self._race(
            "normalisation",
            lambda left: self._model.normalise(text, budget_s=left),
            lambda left: self._last.normalise(text, budget_s=left),
            budget_s,
            witness,
        )
        self._remember("normalisation", won.lane, won.answer.cost_usd)
        return won

    async def route_classify(
        self,
        text: str,
        entities: tuple[Entity, ...],
        *,
        budget_s: float,
        witness: Witness = no_witness,
        fast_path: bool = True,
        engine: str = "",
        phrase: int = 0,  # noqa: ARG002 - for who looks answers up
    ) -> Won[Classified]:
        """Stage 2, and who did it: the lexicon alone where all that was named belongs in one place; see stage 1."""
        if self.places_alone(text, entities, fast_path=fast_path, engine=engine):
            return await self._alone(lambda left: self._last.classify(text, entities, budget_s=left), budget_s, engine)
        won = await self._race(
            "classification",
            lambda left: self._model.classify(text, entities, budget_s=left),
            lambda left: self._last.classify(text, entities, budget_s=left),
            budget_s,
            witness,
        )
        self._remember("classification", won.lane, won.answer.cost_usd)
        return won

    async def _alone[T](self, ask: Callable[[float], Awaitable[T]], budget_s: float, engine: str) -> Won[T]:
        passed_over = () if engine == self._last.engine else (self._certain(),)
        began = self._clock.monotonic_us()
        answer = await ask(budget_s)
        took_ms = (self._clock.monotonic_us() - began) / 1000
        why: AttemptReason = "certain" if passed_over else "preferred"
        return Won(answer=answer, lane=self._last_lane, why=why, latency_ms=took_ms, others=passed_over)

    def _certain(self) -> Ended:
        return Ended(
            attempt=0,
            engine=self._model.engine,
            model=self._model.model,
            outcome="passed_over",
            code="certain",
            latency_ms=0.0,
            cost_usd=0.0,
        )

    async def _race[T](
        self,
        stage: Stage,
        ask: Callable[[float], Awaitable[T]],
        ask_last: Callable[[float], Awaitable[T]],
        budget_s: float,
        witness: Witness,
    ) -> Won[T]:
        model = Entrant(lane=self._lanes[stage], ask=ask, cost_usd=self._usual_usd[stage])
        again = Entrant(lane=self._lanes[stage], ask=ask, cost_usd=self._usual_usd[stage])
        last_s = max(0.0, budget_s - _LEXICON_S)
        last = Entrant(lane=self._last_lane, ask=ask_last, free=True, not_before_s=last_s)
        race = Race(
            entrants=[model, again, last],
            deadline_s=budget_s,
            floor_s=self._policy.floor_s,
            clock=self._clock,
            budget=self._budget,
            witness=witness,
        )
        return await race.run()

    def _remember(self, stage: Stage, lane: Lane, cost_usd: float) -> None:
        if lane is self._lanes[stage]:
            self._usual_usd[stage] = cost_usd

    async def _probe(self) -> None:
        try:
            await self._model.normalise(_PROBE, budget_s=_PROBE_BUDGET_S)
        except NoAnswerError as error:
            if error.code in {"transient", "timeout", "throttled", "unauthorised"}:
                raise
