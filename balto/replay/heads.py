"""Heads that have thought of it before: a language model whose answers come from a recording, beside the lexicon."""

from dataclasses import dataclass
from typing import override

from actors.llm.lexicon import LexiconUnderstanding
from actors.llm.router import RoutedUnderstanding
from actors.llm.understanding import Understanding, UnderstandingError
from actors.routing.attempts import Witness, no_witness
from actors.routing.lane import Lane
from actors.routing.race import RaceLostError, Won
from actors.runtime.clock import Clock
from actors.session.inputs import EngineName
from actors.values import Classified, Normalised
from balto.replay.answer import NO_RECORDING, Answer
from balto.replay.ears import play
from balto.replay.pins import Pins
from balto.replay.source import Source
from events.catalogue import Entity


@dataclass(frozen=True, slots=True)
class NamedHead:
    """A model in name only: it is never asked, as its answers are recorded."""

    engine: str
    model: str

    async def warm(self) -> None:
        """Do nothing."""

    async def close(self) -> None:
        """Do nothing."""

    async def normalise(self, text: str, *, budget_s: float) -> Normalised:  # noqa: ARG002 - the port's
        """Refuse: nobody is here."""
        raise UnderstandingError("rejected", "a recorded engine cannot be asked")

    async def classify(self, text: str, entities: tuple[Entity, ...], *, budget_s: float) -> Classified:  # noqa: ARG002 - the port's
        """Refuse: nobody is here."""
        raise UnderstandingError("rejected", "a recorded engine cannot be asked")


class RecordedHead(RoutedUnderstanding):
    """What is certain, and what the lexicon alone is asked, is worked out; for the rest the recording answers.

    Args:
        model: by name.
        last: the lexicon.
        clock: virtual.
        sure: tells what is certain.
        source: of the answers.
    """

    def __init__(
        self, model: EngineName, last: Understanding, clock: Clock, sure: LexiconUnderstanding, source: Source
    ) -> None:
        super().__init__(NamedHead(model.name, model.model), last, clock, sure=sure)
        self._here = clock
        self._certain_of = sure
        self._lexicon = last.engine
        self._source = source

    @override
    async def route_normalise(
        self,
        text: str,
        *,
        budget_s: float,
        witness: Witness = no_witness,
        fast_path: bool = True,
        engine: str = "",
        phrase: int = 0,
    ) -> Won[Normalised]:
        pinned = None if self._source.pins is None else self._source.pins.normalised(text)
        if pinned is not None:
            return _pinned(pinned, self._here)
        if engine == self._lexicon or (fast_path and self._certain_of.certain_entities(text)):
            return await super().route_normalise(
                text, budget_s=budget_s, witness=witness, fast_path=fast_path, engine=engine
            )
        return await self._play(self._source.answers.normalised(phrase, text), witness)

    @override
    async def route_classify(
        self,
        text: str,
        entities: tuple[Entity, ...],
        *,
        budget_s: float,
        witness: Witness = no_witness,
        fast_path: bool = True,
        engine: str = "",
        phrase: int = 0,
    ) -> Won[Classified]:
        pinned = None if self._source.pins is None else self._source.pins.classified(text)
        if pinned is not None:
            return _pinned(pinned, self._here)
        if engine == self._lexicon or (fast_path and self._certain_of.certain_category(text, entities)):
            return await super().route_classify(
                text, entities, budget_s=budget_s, witness=witness, fast_path=fast_path, engine=engine
            )
        return await self._play(self._source.answers.classified(phrase, text, entities), witness)

    async def _play[T](self, found: Answer[T] | None, witness: Witness) -> Won[T]:
        if found is None:
            self._source.tally.missing += 1
            raise RaceLostError(NO_RECORDING, Lane(self.engine, self.model, self._here), ())
        self._source.tally.exact += 1
        return await play(found, witness, self._here)


class PinnedHead(RoutedUnderstanding):
    """The lexicon, but for what was given for a text."""

    def __init__(self, lexicon: Understanding, clock: Clock, pins: Pins) -> None:
        super().__init__(lexicon, lexicon, clock)
        self._here = clock
        self._pins = pins

    @override
    async def route_normalise(
        self,
        text: str,
        *,
        budget_s: float,
        witness: Witness = no_witness,
        fast_path: bool = True,
        engine: str = "",
        phrase: int = 0,
    ) -> Won[Normalised]:
        pinned = self._pins.normalised(text)
        return (
            await super().route_normalise(text, budget_s=budget_s, engine=engine)
            if pinned is None
            else _pinned(pinned, self._here)
        )

    @override
    async def route_classify(
        self,
        text: str,
        entities: tuple[Entity, ...],
        *,
        budget_s: float,
        witness: Witness = no_witness,
        fast_path: bool = True,
        engine: str = "",
        phrase: int = 0,
    ) -> Won[Classified]:
        pinned = self._pins.classified(text)
        return (
            await super().route_classify(text, entities, budget_s=budget_s, engine=engine)
            if pinned is None
            else _pinned(pinned, self._here)
        )


def _pinned[T](answer: T, clock: Clock) -> Won[T]:
    return Won(answer=answer, lane=Lane("pinned", "file", clock), why="preferred", latency_ms=0.0, others=())
