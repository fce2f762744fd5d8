"""The lexicon engine: understanding without a network, from the vocabulary alone."""

import asyncio
from collections import defaultdict
from collections.abc import Mapping, Sequence

from actors.llm.context import for_a_child, foreign, told_of_others
from actors.llm.matching import Match, MatchingIndex
from actors.llm.nearest import Near, NearestExamples
from actors.llm.negation import allergic_to, denied
from actors.llm.words import Token, is_common, tokenise
from actors.values import Classified, LexiconEntry, Normalised
from events.catalogue import Category, Entity, EntityKind

_MAX_CATEGORIES = 2

_KIND_WEIGHT: Mapping[EntityKind, float] = {"symptom": 1.0, "need": 0.95, "disease": 0.9, "medicine": 0.85}
"""What places a request: why someone came tells more than what they ask for."""

_COMPLAINTS = ("symptom", "disease")

_ORDER_LOSS = 0.05
"""What each entity named before costs one: people say first what they came for."""

_CERTAIN = 0.97
"""Score from which a name was said right: as it is spelled, or inflected."""

_TURNING = frozenset({"nao", "sem", "nem", "nunca", "alergia", "alergico", "alergica", "parei", "menos"})
"""Words that may turn the sense of the rest."""

_SHARE_WEIGHT = 0.4
"""How much of the confidence hangs on the first category's share of all that was named."""


_GUESSED = 0.6
"""Score of what only the nearest example sentence tells."""

_MIN_GUESSED = 3
"""Words below which a sentence is too short to be like another."""


class LexiconUnderstanding:
    """The `Understanding` port over a compiled vocabulary. Holds no state between sentences.

    Args:
        entries: the vocabulary.
        version: what `model` says of it.
        nearest: asked, in a thread, about sentences in which no entry is named at all.
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

        Where it names nothing at all, the nearest example may, if it answers within the budget.
        """
        entities = self.entities(text)
        if entities or self._nearest is None or not self._may_be_guessed(text):
            return Normalised(entities=entities)
        try:
            # An engine that was not warmed loads the encoder now, which is worth waiting for.
            async with asyncio.timeout(budget_s if self._nearest.ready else None):
                near = await asyncio.to_thread(self._nearest.find, text)
        except TimeoutError:
            near = None
        return Normalised(entities=self._guessed(text, near))

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
        anchors |= dict.fromkeys(self._refused(text))
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
        tokens = tokenise(text)
        if foreign(tokens) or told_of_others(tokens):
            return ()
        wanted, _ = _sort(tokens, self._index.find(tokens))
        found: dict[str, Entity] = {}
        for match in wanted:
            span = text[tokens[match.first].start : tokens[match.last].end]
            entity = Entity(kind=match.entry.kind, name=match.entry.name, span=span, score=round(match.score, 3))
            known = found.get(entity.name)
            if known is None or known.score < entity.score:
                found[entity.name] = entity
        return tuple(found.values())

    def certain_entities(self, text: str) -> tuple[Entity, ...]:
        """Return what a sentence asks for if nothing else can be meant, else nothing.

        Every word is then part of a name that was said right, or one that says nothing; nothing is denied.
        """
        tokens = tokenise(text)
        wanted, refused = _sort(tokens, self._index.find(tokens))
        named = {place for match in wanted for place in range(match.first, match.last + 1)}
        rest = [token.text for place, token in enumerate(tokens) if place not in named]
        unclear = refused or any(match.score < _CERTAIN for match in wanted)
        if unclear or any(not is_common(word) or word in _TURNING for word in rest):
            return ()
        return self.entities(text)

    def certain_category(self, text: str, entities: tuple[Entity, ...]) -> Category | None:
        """Return the one category that all entities belong in, None where one is unknown, in doubt or denied."""
        entries = [self._index.entry(entity.name) for entity in entities]
        places = {entry.category for entry in entries if entry is not None}
        in_doubt = None in entries or any(entity.score < _CERTAIN for entity in entities) or self._refused(text)
        return places.pop() if len(places) == 1 and not in_doubt else None

    def _may_be_guessed(self, text: str) -> bool:
        """Tell whether a sentence is long enough, Portuguese, of this counter, and denies nothing that is known."""
        tokens = tokenise(text)
        long_enough = len(tokens) >= _MIN_GUESSED
        return long_enough and not (foreign(tokens) or told_of_others(tokens) or self._index.find(tokens))

    def _guessed(self, text: str, near: Near | None) -> tuple[Entity, ...]:
        entry = self._index.entry(near.name) if near is not None else None
        return (Entity(kind=entry.kind, name=entry.name, span=text.strip(), score=_GUESSED),) if entry else ()

    def _refused(self, text: str) -> list[str]:
        """Return the products that a sentence names only to refuse them."""
        tokens = tokenise(text)
        _, refused = _sort(tokens, self._index.find(tokens))
        return [match.entry.name for match in refused if match.entry.kind in ("medicine", "need")]


def _sort(tokens: Sequence[Token], matches: Sequence[Match]) -> tuple[list[Match], list[Match]]:
    """Return the matches that are meant, and those that are denied."""
    allergies = {
        place
        for match in matches
        if match.entry.kind == "medicine" and (place := allergic_to(tokens, match.first)) is not None
    }
    meant: list[Match] = []
    not_meant: list[Match] = []
    for match in matches:
        is_allergen = match.entry.kind == "medicine" and allergic_to(tokens, match.first) is not None
        is_allergy = not allergies.isdisjoint(range(match.first, match.last + 1))
        if is_allergen or is_allergy or denied(tokens, match.entry, match.first, match.last):
            not_meant.append(match)
        else:
            meant.append(match)
    return meant, not_meant
