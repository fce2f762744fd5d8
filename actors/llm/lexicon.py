"""The lexicon engine: understanding without a network, from the vocabulary alone."""

import asyncio
from collections import defaultdict
from collections.abc import Mapping, Sequence

from actors.llm.context import for_a_child
from actors.llm.matching import MatchingIndex
from actors.llm.nearest import NearestExamples
from actors.llm.reading import CERTAIN, Reading
from actors.llm.words import tokenise
from actors.values import Classified, LexiconEntry, Normalised
from events.catalogue import Category, Entity, EntityKind

_MAX_CATEGORIES = 2

_KIND_WEIGHT: Mapping[EntityKind, float] = {"symptom": 1.0, "need": 0.95, "disease": 0.9, "medicine": 0.85}
"""What places a request: why someone came tells more than what they ask for."""

_COMPLAINTS = ("symptom", "disease")

_ORDER_LOSS = 0.05
"""What each entity named before costs one: people say first what they came for."""

_SHARE_WEIGHT = 0.4
"""How much of the confidence hangs on the first category's share of all that was named."""


_GUESSED = 0.6
"""Score of what only the nearest example sentence tells."""

_MIN_COMPARED = 3
"""Words below which a sentence is too short to be like another."""

_MIN_CERTAIN_COMPARED = 5
"""The same where it is certain what is named: a short request is answered at once."""


class LexiconUnderstanding:
    """The `Understanding` port over a compiled vocabulary. Holds no state between sentences.

    Args:
        entries: the vocabulary.
        version: what `model` says of it.
        nearest: asked, in a thread, about sentences that are not certain.
    """

    engine = "lexicon"

    def __init__(
        self, entries: Sequence[LexiconEntry], version: str, *, nearest: NearestExamples | None = None
    ) -> None:
        self.model = version
        self._nearest = nearest
        self._index = MatchingIndex(entries)
        self._categories = frozenset(entry.category for entry in entries)

    async def warm(self) -> None:
        """Load what compares with examples, off the event loop; the index was compiled by the constructor."""
        if self._nearest is not None:
            await asyncio.to_thread(self._nearest.prepare)

    async def close(self) -> None:
        """Do nothing: there is nothing to release."""

    async def normalise(self, text: str, *, budget_s: float) -> Normalised:
        """Name what the vocabulary knows in a transcript; what is denied is left out. Never raises.

        Where it names nothing at all, the nearest example may; where a sentence means what an alarm sign or a
        question of price or dose means, nothing is named. Examples that take longer than the budget, as the first time
        of an engine that was not warmed, are not waited for.
        """
        reading = Reading.of(text, self._index)
        entities = reading.entities()
        if self._nearest is None or not _worth_comparing(reading):
            return Normalised(entities=entities)
        try:
            async with asyncio.timeout(budget_s):
                near = await asyncio.to_thread(self._nearest.find, text)
        except TimeoutError:
            return Normalised(entities=entities)
        if near.hush:
            return Normalised(entities=())
        return Normalised(entities=entities or self._guessed(reading, near.name))

    async def classify(
        self,
        text: str,
        entities: tuple[Entity, ...],
        *,
        budget_s: float,  # noqa: ARG002 - takes milliseconds
    ) -> Classified:
        """Place the entities in the taxonomy; see `place`. Never raises."""
        return self.place(text, entities)

    def place(self, text: str, entities: tuple[Entity, ...]) -> Classified:
        """Place the entities in the taxonomy.

        Args:
            text: the transcript; products it names count as anchors even where they are refused.
            entities: from this engine or another; names outside the vocabulary count as anchors only.

        Returns:
            At most two categories, strongest first; none, with confidence 0, where no entity is known.
        """
        tokens = tokenise(text)
        scores: defaultdict[str, float] = defaultdict(float)
        best: dict[str, tuple[float, Category]] = {}
        for position, entity in enumerate(entities):
            entry = self._index.entry(entity.name)
            if entry is None:
                continue
            strength = entity.score * _KIND_WEIGHT[entry.kind] * (1 - _ORDER_LOSS) ** position
            category = entry.category
            if entry.kind in _COMPLAINTS and (child := for_a_child(tokens, category)) in self._categories:
                category = child
            scores[category.macro] += strength
            if category.macro not in best or strength > best[category.macro][0]:
                best[category.macro] = (strength, category)
        ranked = sorted(scores, key=lambda macro: -scores[macro])
        anchors = dict.fromkeys(e.name for e in entities if e.kind in ("medicine", "need"))
        anchors |= dict.fromkeys(Reading.refused_in(text, self._index))
        if not ranked:
            return Classified(categories=(), anchors=tuple(anchors), confidence=0.0)
        share = scores[ranked[0]] / sum(scores.values())
        certainty = max(e.score for e in entities)
        return Classified(
            categories=tuple(best[macro][1] for macro in ranked[:_MAX_CATEGORIES]),
            anchors=tuple(anchors),
            confidence=round(certainty * (1 - _SHARE_WEIGHT * (1 - share)), 3),
        )

    def entry(self, name: str) -> LexiconEntry | None:
        """Return the vocabulary's entry that a name or form belongs to, spelled right but for case and accents."""
        return self._index.entry(name)

    def entities(self, text: str) -> tuple[Entity, ...]:
        """Return what a sentence asks for or complains of, in its order, each thing once."""
        return Reading.of(text, self._index).entities()

    def certain_entities(self, text: str) -> tuple[Entity, ...]:
        """Return what a sentence asks for if nothing else can be meant, else nothing; see `Reading.certain`."""
        reading = Reading.of(text, self._index)
        return reading.entities() if reading.certain else ()

    def certain_category(self, text: str, entities: tuple[Entity, ...]) -> Category | None:
        """Return the one category that all entities belong in, None where one is unknown, in doubt or denied."""
        entries = [self._index.entry(entity.name) for entity in entities]
        places = {entry.category for entry in entries if entry is not None}
        in_doubt = None in entries or any(entity.score < CERTAIN for entity in entities)
        if len(places) != 1 or in_doubt or Reading.refused_in(text, self._index):
            return None
        return places.pop()

    def _guessed(self, reading: Reading, name: str | None) -> tuple[Entity, ...]:
        """Return the entity that an example names, unless the sentence names something itself, if only to deny it."""
        entry = self._index.entry(name) if name is not None else None
        if entry is None or reading.meant or reading.denied:
            return ()
        return (Entity(kind=entry.kind, name=entry.name, span=reading.text.strip(), score=_GUESSED),)


def _worth_comparing(reading: Reading) -> bool:
    least = _MIN_CERTAIN_COMPARED if reading.certain else _MIN_COMPARED
    return len(reading.tokens) >= least and not reading.elsewhere
