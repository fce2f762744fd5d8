"""Heads that have thought of it before: a language model whose answers come from a recording, beside the lexicon."""

from dataclasses import dataclass
from typing import Any, override

from actors.llm.lexicon import LexiconUnderstanding
from actors.llm.router import RoutedUnderstanding
from actors.llm.understanding import Understanding, UnderstandingError
from actors.routing.attempts import no_witness
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


class PinnedHead(RoutedUnderstanding):
    """The engines it is given, but for what was given for a text.

    Args:
        model: asked first.
        last: the lexicon.
        clock: virtual.
        sure: tells what is certain, None where the lexicon is asked anyway.
        pins: what was given.
    """

    def __init__(
        self,
        model: Understanding,
        last: Understanding,
        clock: Clock,
        *,
        sure: LexiconUnderstanding | None = None,
        pins: Pins | None,
    ) -> None:
        super().__init__(model, last, clock, sure=sure)
        self._here = clock
        self._pins = pins

    @override
    async def route_normalise(self, text: str, *, budget_s: float, **how: Any) -> Won[Normalised]:
        pinned = None if self._pins is None else self._pins.normalised(text)
        return await self._normalise(text, budget_s, how) if pinned is None else _pinned(pinned, self._here)

    @override
    async def route_classify(
        self, text: str, entities: tuple[Entity, ...], *, budget_s: float, **how: Any
    ) -> Won[Classified]:
        pinned = None if self._pins is None else self._pins.classified(text)
        return await self._classify(text, entities, budget_s, how) if pinned is None else _pinned(pinned, self._here)

    async def _normalise(self, text: str, budget_s: float, how: dict[str, Any]) -> Won[Normalised]:
        return await super().route_normalise(text, budget_s=budget_s, **how)

    async def _classify(
        self, text: str, entities: tuple[Entity, ...], budget_s: float, how: dict[str, Any]
    ) -> Won[Classified]:
        return await super().route_classify(text, entities, budget_s=budget_s, **how)


class RecordedHead(PinnedHead):
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
        super().__init__(NamedHead(model.name, model.model), last, clock, sure=sure, pins=source.pins)
        self._source = source

    @override
    async def _normalise(self, text: str, budget_s: float, how: dict[str, Any]) -> Won[Normalised]:
        if self.names_alone(text, **_who(how)):
            return await super()._normalise(text, budget_s, how)
        return await self._play(self._source.answers.normalised(how.get("phrase", 0), text), how)

    @override
    async def _classify(
        self, text: str, entities: tuple[Entity, ...], budget_s: float, how: dict[str, Any]
    ) -> Won[Classified]:
        if self.places_alone(text, entities, **_who(how)):
            return await super()._classify(text, entities, budget_s, how)
        return await self._play(self._source.answers.classified(how.get("phrase", 0), text, entities), how)

    async def _play[T](self, found: Answer[T] | None, how: dict[str, Any]) -> Won[T]:
        if found is None:
            self._source.tally.missing += 1
            raise RaceLostError(NO_RECORDING, Lane(self.engine, self.model, self._here), ())
        self._source.tally.exact += 1
        return await play(found, how.get("witness", no_witness), self._here)


def _who(how: dict[str, Any]) -> dict[str, Any]:
    return {name: how[name] for name in ("fast_path", "engine") if name in how}


def _pinned[T](answer: T, clock: Clock) -> Won[T]:
    return Won(answer=answer, lane=Lane("pinned", "file", clock), why="preferred", latency_ms=0.0, others=())
