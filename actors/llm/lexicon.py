"""The lexicon engine: understanding without a network, from the vocabulary alone."""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from actors.llm.by_example import Learnt, Row
from actors.llm.context import PEDIATRICS, for_a_child, made_for_a_child, told_of_a_child
from actors.llm.decision import Decided, DecisionByExample
from actors.llm.fusion import Evidence
from actors.llm.matching import MatchingIndex
from actors.llm.nearest import Near, NearestExamples
from actors.llm.reading import CERTAIN, Reading
from actors.llm.words import tokenise
from actors.recent import Recent
from actors.values import Classified, LexiconEntry, Normalised
from events.catalogue import Category, Entity, EntityKind

_MAX_CATEGORIES = 2

_KIND_WEIGHT: Mapping[EntityKind, float] = {"symptom": 1.0, "need": 0.95, "disease": 0.9, "medicine": 0.85}
"""What places a request: why someone came tells more than what they ask for."""

_COMPLAINTS = ("symptom", "disease")

_ORDER_LOSS = 0.05
"""What each entity named before costs one: people say first what they came for."""

_CHILD = 0.01
"""Share from which a child makes up for what else is likelier."""
_SHARE_WEIGHT = 0.4
"""How much of the confidence hangs on the first category's share of all that was named."""


_GUESSED = 0.6
"""Score of what only the nearest example sentence tells."""

_LIKELY = 0.5
"""Probability of a request from which the nearest example may name what the vocabulary does not."""

_MIN_COMPARED = 3
"""Words below which a sentence is too short to be like another."""

_MAX_COMPARED = 200
"""Words above which no example is like a text."""

_MIN_CERTAIN_COMPARED = 5
"""The same where it is certain what is named: a short request is answered at once."""


class LexiconUnderstanding:
    """The `Understanding` port over a compiled vocabulary. Remembers how it read the last few sentences.

    Args:
        entries: the vocabulary.
        version: what `model` says of it.
        nearest: asked about sentences that are not certain.
        learnt: supplies the weights of a classifier by example, whose scores are then weighed against what is found.
    """

    engine = "lexicon"

    def __init__(
        self,
        entries: Sequence[LexiconEntry],
        version: str,
        *,
        nearest: NearestExamples | None = None,
        learnt: Callable[[], Learnt] | None = None,
    ) -> None:
        self.model = version
        self._nearest = nearest
        self._index = MatchingIndex(entries)
        self._categories = frozenset(entry.category for entry in entries)
        self._decision = DecisionByExample(self._index.entry, learnt) if learnt is not None else None
        self._readings, self._named_in, self._decided = Recent[Reading](), Recent[Normalised](), Recent[Decided]()

    async def warm(self) -> None:
        """Load what compares with examples, off the event loop; the index was compiled by the constructor.

        The weights of the classifier are read with the first sentence: in 30 ms and a thread, and 4 MB.
        """
        if self._nearest is not None:
            await asyncio.to_thread(self._nearest.prepare)

    async def close(self) -> None:
        """Do nothing: there is nothing to release."""

    async def normalise(self, text: str, *, budget_s: float) -> Normalised:
        """Name what the vocabulary knows in a transcript; what is denied is left out. Never raises.

        Where it names nothing at all, examples may; where a sentence means what a question of price or dose or small
        talk means, nothing is named, and where it means what an alarm sign means, `alarm` says so. Examples that take
        longer than the budget, as the first time of an engine that was not warmed, are not waited for.
        """
        known = self._named_in.get(text)
        if known is not None:
            return known
        reading = self._read(text)
        entities = reading.entities()
        if not self._compares(reading):
            return Normalised(entities=entities)
        try:
            async with asyncio.timeout(budget_s):
                near = await self._near(text)
        except TimeoutError:
            return Normalised(entities=entities)
        return self._named_in.keep(text, self._compared(reading, entities, near))

    async def classify(self, text: str, entities: tuple[Entity, ...], *, budget_s: float) -> Classified:
        """Place the entities in the taxonomy; see `place`; examples are waited for within the budget. Never raises."""
        if self._decision is None or not entities:
            return self.place(text, entities)
        known = self._decided.get(text)
        if known is not None:
            return self.place(text, entities, known)
        reading = self._read(text)
        if not self._compares(reading):
            return self.place(text, entities)
        try:
            async with asyncio.timeout(budget_s):
                near = await self._near(text)
        except TimeoutError:
            return self.place(text, entities)
        return self.place(text, entities, self._weigh(self._decision, text, reading.entities(), near.vector))

    def place(self, text: str, entities: tuple[Entity, ...], decided: Decided | None = None) -> Classified:
        """Place the entities in the taxonomy.

        Args:
            text: the transcript; products it names count as anchors even where they are refused.
            entities: from this engine or another; names outside the vocabulary count as anchors only.
            decided: what examples say of the text, if they were asked.

        Returns:
            At most two categories, strongest first; none, with confidence 0, where no entity is known.
        """
        scores, best = self._weighed(text, entities)
        anchors = dict.fromkeys(e.name for e in entities if e.kind in ("medicine", "need"))
        anchors |= dict.fromkeys(self._read(text).refused())
        if not scores:
            return Classified(categories=(), anchors=tuple(anchors), confidence=0.0)
        chances = scores if decided is None else decided.verdict.macros
        # What is named of a child goes to the children's baskets, unless examples are all but sure that it doesn't.
        likely = chances.get(PEDIATRICS, 0.0) > _CHILD * sum(chances.values())
        child = PEDIATRICS in best and likely and told_of_a_child(tokenise(text))
        ranked = sorted(chances, key=lambda macro: (macro != PEDIATRICS or not child, -chances[macro]))
        share = chances[ranked[0]] / sum(chances.values())
        first = best[ranked[0]][1] if ranked[0] in best else self._unnamed(ranked[0], decided)
        # The others are worth telling only if something that is named belongs in them.
        categories = (first, *(best[macro][1] for macro in ranked[1:] if macro in best))
        certainty = max(e.score for e in entities)
        return Classified(
            categories=categories[:_MAX_CATEGORIES],
            anchors=tuple(anchors),
            confidence=round(certainty * (1 - _SHARE_WEIGHT * (1 - share)), 3),
        )

    def strengths(self, text: str, entities: tuple[Entity, ...]) -> Mapping[str, float]:
        """Return how much the entities of a text speak for each macro category that one belongs in."""
        return self._weighed(text, entities)[0]

    def _weighed(
        self, text: str, entities: tuple[Entity, ...]
    ) -> tuple[dict[str, float], dict[str, tuple[float, Category]]]:
        """Return the strength of each macro category, and its strongest category with what it has alone."""
        tokens = tokenise(text)
        scores: defaultdict[str, float] = defaultdict(float)
        best: dict[str, tuple[float, Category]] = {}
        for position, entity in enumerate(entities):
            entry = self._index.entry(entity.name)
            if entry is None:
                continue
            strength = entity.score * _KIND_WEIGHT[entry.kind] * (1 - _ORDER_LOSS) ** position
            category = entry.category
            child = (
                for_a_child(tokens, category)
                if entry.kind in _COMPLAINTS
                else made_for_a_child(tokens, category)
                if entry.kind == "medicine"
                else category
            )
            category = child if child in self._categories else category
            scores[category.macro] += strength
            if category.macro not in best or strength > best[category.macro][0]:
                best[category.macro] = (strength, category)
        return dict(scores), best

    def _unnamed(self, macro: str, decided: Decided | None) -> Category:
        """Return the category of a macro that examples alone tell, as near as they tell it."""
        likely = None if self._decision is None or decided is None else self._decision.likeliest(decided, macro)
        return Category(macro=macro) if likely is None else likely.category

    def _compares(self, reading: Reading) -> bool:
        return (self._nearest is not None or self._decision is not None) and _worth_comparing(reading)

    async def _near(self, text: str) -> Near:
        """Return what a text is near to, once all that a comparison takes is loaded."""
        if self._decision is not None and not self._decision.ready:
            await asyncio.to_thread(self._decision.prepare)
        return Near() if self._nearest is None else await self._nearest.look(text)

    def _compared(self, reading: Reading, entities: tuple[Entity, ...], near: Near) -> Normalised:
        """Return what is named once examples were heard."""
        if self._decision is None:
            named = () if near.hush else entities or self._guessed(reading, near.name)
            return Normalised(entities=named, alarm=near.alarm)
        decided = self._weigh(self._decision, reading.text, entities, near.vector)
        if decided.hushes(near, certain=reading.certain):
            alarm = decided.alarms(near)
            return Normalised(entities=(), alarm=alarm, silence=not alarm and decided.talks_of_prices(near))
        return Normalised(entities=self._named(self._decision, decided, reading, entities, near))

    def _named(
        self,
        decision: DecisionByExample,
        decided: Decided,
        reading: Reading,
        entities: tuple[Entity, ...],
        near: Near,
    ) -> tuple[Entity, ...]:
        """Return what is named in a sentence that is not hushed."""
        if entities:
            denied = frozenset(match.entry.name for match in reading.denied)
            return decision.revise(entities, decided, reading.text, denied)
        if reading.meant or reading.denied:
            return ()
        likely = self._guessed(reading, near.name) if decided.request >= _LIKELY else ()
        return likely or (decision.guess(decided, reading.text) if decided.asked else ())

    def _weigh(
        self, decision: DecisionByExample, text: str, entities: tuple[Entity, ...], vector: Row | None
    ) -> Decided:
        evidence = Evidence.of(text, self.strengths(text, entities), entities)
        decided = decision.decide(text, evidence, vector)
        return self._decided.keep(text, decided)

    def entry(self, name: str) -> LexiconEntry | None:
        """Return the vocabulary's entry that a name or form belongs to, spelled right but for case and accents."""
        return self._index.entry(name)

    def _read(self, text: str) -> Reading:
        return self._readings.get(text) or self._readings.keep(text, Reading.of(text, self._index))

    def entities(self, text: str) -> tuple[Entity, ...]:
        """Return what a sentence asks for or complains of, in its order, each thing once."""
        return self._read(text).entities()

    def certain_entities(self, text: str) -> tuple[Entity, ...]:
        """Return what a sentence asks for if nothing else can be meant, else nothing; see `Reading.certain`."""
        reading = self._read(text)
        return reading.entities() if reading.certain else ()

    def certain_category(self, text: str, entities: tuple[Entity, ...]) -> Category | None:
        """Return the one category that all entities belong in, None where one is unknown, in doubt or denied."""
        entries = [self._index.entry(entity.name) for entity in entities]
        places = {entry.category for entry in entries if entry is not None}
        in_doubt = None in entries or any(entity.score < CERTAIN for entity in entities)
        if len(places) != 1 or in_doubt or self._read(text).refused():
            return None
        return places.pop()

    def one_place(self, text: str) -> tuple[Entity, ...]:
        """Return what a sentence names, as sure as a model would be of it, if all of it belongs in one category."""
        # A model will hardly name less.
        named = tuple(replace(entity, score=1.0) for entity in self.entities(text))
        return named if self.certain_category(text, named) is not None else ()

    def _guessed(self, reading: Reading, name: str | None) -> tuple[Entity, ...]:
        """Return the entity that an example names, unless the sentence names something itself, if only to deny it."""
        entry = self._index.entry(name) if name is not None else None
        if entry is None or reading.meant or reading.denied:
            return ()
        return (Entity(kind=entry.kind, name=entry.name, span=reading.text.strip(), score=_GUESSED),)


def _worth_comparing(reading: Reading) -> bool:
    least = _MIN_CERTAIN_COMPARED if reading.certain else _MIN_COMPARED
    return least <= len(reading.tokens) <= _MAX_COMPARED and not reading.elsewhere
