"""Advice on a text: the understanding engines and the basket engine, without audio or events."""

import contextlib
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from actors.basket.catalogue import BasketCatalogue
from actors.basket.entries import BasketFileError
from actors.basket.resolver import BasketEngine
from actors.llm.understanding import Understanding, UnderstandingError
from actors.values import Classified, Resolved, Withheld
from balto.engines import EngineError, build_understandings
from balto.settings import Settings
from balto.shelf import read_catalogue
from events.catalogue import Entity, Item, ItemReason


class AdviserError(Exception):
    """No advice can be given; the message says why in one line."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Advice:
    """What was understood and what is suggested."""

    entities: tuple[Entity, ...] = ()
    macro: str | None = None
    micro: str | None = None
    items: tuple[Item, ...] = ()
    withheld: str | None = None
    """Why nothing is suggested."""
    safety_rule: str | None = None
    """Name of the safety rule that kept it back."""
    reasons: tuple[ItemReason, ...] = ()
    """Why each item is suggested, in their order."""
    circumstances: tuple[str, ...] = ()
    """Names of the safety circumstances in the text, such as a pregnancy."""


class Baskets(Protocol):
    """A basket engine, or a shelf that holds one."""

    @property
    def catalogue(self) -> BasketCatalogue:
        """What it resolves against."""
        ...

    def resolve(self, classified: Classified, entities: tuple[Entity, ...]) -> Resolved | Withheld:
        """See `BasketEngine.resolve`."""
        ...


class Adviser:
    """Advises on texts with the first engine that answers.

    Args:
        understandings: engines in order of preference.
        baskets: the basket engine.
        budget_s: seconds an engine has for a stage.
    """

    def __init__(self, understandings: Sequence[Understanding], baskets: Baskets, *, budget_s: float) -> None:
        self._understandings = understandings
        self._baskets = baskets
        self._budget_s = budget_s

    @classmethod
    @contextlib.asynccontextmanager
    async def open(cls, settings: Settings) -> AsyncIterator["Adviser"]:
        """Load the baskets and engines of the settings.

        Raises:
            AdviserError: they cannot be loaded.
        """
        try:
            catalogue = read_catalogue(settings)
            engines = build_understandings(settings, catalogue)
        except (BasketFileError, EngineError) as error:
            raise AdviserError(str(error)) from error
        try:
            for engine in engines:
                await engine.warm()
            yield cls(engines, BasketEngine(catalogue), budget_s=settings.llm_budget_s)
        finally:
            for engine in engines:
                await engine.close()

    async def advise(self, text: str) -> Advice:
        """Return the advice on one text; an empty one has none.

        Raises:
            AdviserError: no engine gave an answer.
        """
        for engine in self._understandings:
            try:
                entities = (await engine.normalise(text, budget_s=self._budget_s)).entities
                if not entities:
                    return Advice(withheld="nothing_asked")
                classified = await engine.classify(text, entities, budget_s=self._budget_s)
            except UnderstandingError:
                continue
            return self._resolve(entities, classified)
        raise AdviserError("no understanding engine answered")

    def _resolve(self, entities: tuple[Entity, ...], classified: Classified) -> Advice:
        first = classified.categories[0] if classified.categories else None
        resolved = self._baskets.resolve(classified, entities)
        told = self._baskets.catalogue.safety.circumstance_names
        circumstances = dict.fromkeys(entity.name for entity in entities if entity.name in told)
        return Advice(
            entities=tuple(entity for entity in entities if entity.name not in circumstances),
            macro=first.macro if first else None,
            micro=first.micro if first else None,
            items=resolved.items if isinstance(resolved, Resolved) else (),
            withheld=None if isinstance(resolved, Resolved) else resolved.reason,
            safety_rule=None if isinstance(resolved, Resolved) else resolved.safety_rule,
            reasons=resolved.reasons if isinstance(resolved, Resolved) else (),
            circumstances=tuple(circumstances),
        )
