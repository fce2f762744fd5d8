"""An understanding that watches for alarm signs first, whatever engine does the rest."""

import re
from collections.abc import Callable

from actors.llm.understanding import Understanding
from actors.values import UNNAMED_SILENCE, Classified, Normalised
from events.catalogue import Category, Entity

_DENIAL = re.compile(r"\b(?:n[ãa]o|nem|sem|nunca)\b", re.IGNORECASE)

ALARM = Category(macro="ALERTA")
"""Where a phrase with an alarm sign is placed. No basket is there."""

UNNAMED_ALARM = "sinal de alerta"
"""Name of an alarm sign that an engine recognises by its meaning and no rule by its words."""

Look = Callable[[str], tuple[Entity, ...]]
"""Takes a transcript and returns what safety rules found in it."""


class WatchfulUnderstanding:
    """The `Understanding` port around another one.

    Args:
        inner: understands what raises no alarm.
        look: finds alarm signs and circumstances in a transcript.
        alarms: names of what `look` may find that raise an alarm.
        silences: names of what it may find that is no request, such as talk of prices.
        names: names of all that it may find.
    """

    def __init__(
        self,
        inner: Understanding,
        look: Look,
        *,
        alarms: frozenset[str],
        names: frozenset[str],
        silences: frozenset[str] = frozenset(),
    ) -> None:
        self._inner = inner
        self._look = look
        self._alarms = alarms
        self._names = names
        self._silences = silences

    @property
    def engine(self) -> str:
        """Name of the engine within."""
        return self._inner.engine

    @property
    def model(self) -> str:
        """Model of the engine within."""
        return self._inner.model

    async def warm(self) -> None:
        """Load what is slow to load."""
        await self._inner.warm()

    async def close(self) -> None:
        """Release what the engine within holds."""
        await self._inner.close()

    async def normalise(self, text: str, *, budget_s: float) -> Normalised:
        """Stage 1. A phrase with an alarm sign or without a request goes to no engine: that is all that is named.

        Raises:
            UnderstandingError: the engine within has no answer.
        """
        found = self._look(text)
        alarms = tuple(entity for entity in found if entity.name in self._alarms)
        if alarms:
            return Normalised(entities=alarms)
        if any(entity.name in self._silences for entity in found):
            return Normalised(entities=found)
        normalised = await self._inner.normalise(text, budget_s=budget_s)
        if normalised.alarm and not self._denied(text):
            # What only an engine recognises as a sign is the pharmacist's business as much as what the rules know.
            sign = Entity(kind="symptom", name=UNNAMED_ALARM, span=text.strip(), score=1.0)
            return Normalised(entities=(sign, *found), alarm=True, cost_usd=normalised.cost_usd)
        if normalised.silence:
            talk = Entity(kind="symptom", name=UNNAMED_SILENCE, span=text.strip(), score=1.0)
            return Normalised(entities=(talk, *found), silence=True, cost_usd=normalised.cost_usd)
        if not normalised.entities:
            return normalised
        # A word of alarm that the rules let pass, such as a stroke of last year, is not what is asked about.
        others = tuple(entity for entity in normalised.entities if entity.name not in self._names)
        placed = normalised.placed if others == normalised.entities else None
        return Normalised(entities=(*others, *found), cost_usd=normalised.cost_usd, placed=placed)

    def _denied(self, text: str) -> bool:
        """Tell whether a text denies a sign of the rules, which sentences that are like by their meaning don't show."""
        told = _DENIAL.sub(" ", text)
        return told != text and any(entity.name in self._alarms for entity in self._look(told))

    async def classify(self, text: str, entities: tuple[Entity, ...], *, budget_s: float) -> Classified:
        """Stage 2. An alarm sign is placed in `ALARM`; silences and circumstances place nothing.

        Raises:
            UnderstandingError: the engine within has no answer.
        """
        if any(entity.name == UNNAMED_ALARM or entity.name in self._alarms for entity in entities):
            return Classified(categories=(ALARM,), anchors=(), confidence=1.0)
        if any(entity.name == UNNAMED_SILENCE or entity.name in self._silences for entity in entities):
            return Classified(categories=(), anchors=(), confidence=1.0)
        asked = tuple(entity for entity in entities if entity.name not in self._names)
        return await self._inner.classify(text, asked, budget_s=budget_s)
