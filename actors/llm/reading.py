"""A sentence as the vocabulary reads it: what is meant, what is denied, and what is certain."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from actors.llm.context import foreign, told_of_others
from actors.llm.forms import Match
from actors.llm.matching import MatchingIndex
from actors.llm.negation import allergic_to, denied, may_deny_products
from actors.llm.words import Token, says_nothing, tokenise
from events.catalogue import Entity

CERTAIN = 0.97
"""Score from which a name was said right: as it is spelled, or inflected."""

_DENYING = "nao sem nem nunca alergia alergico alergica parei menos"
_ASKING_ABOUT = "quanto quanta quantos quantas preco valor dose sono antes depois"
_TURNING = frozenset(f"{_DENYING} {_ASKING_ABOUT}".split())
"""Words that may turn the sense of the rest: what is denied, and what is asked about rather than for."""


@dataclass(frozen=True)
class Reading:
    """What the index finds in a sentence. What follows from it is asked for by every stage, and thought about once."""

    text: str
    tokens: tuple[Token, ...]
    meant: tuple[Match, ...]
    denied: tuple[Match, ...]

    @classmethod
    def of(cls, text: str, index: MatchingIndex) -> "Reading":
        """Read a sentence."""
        tokens = tokenise(text)
        matches = index.find(tokens)
        against = frozenset(_denied(tokens, matches))
        meant = tuple(match for place, match in enumerate(matches) if place not in against)
        return cls(text, tokens, meant, tuple(matches[place] for place in sorted(against)))

    @cached_property
    def elsewhere(self) -> bool:
        """Whether it is no Portuguese, or tells of people who are not here."""
        return foreign(self.tokens) or told_of_others(self.tokens)

    def entities(self) -> tuple[Entity, ...]:
        """Return what is asked for or complained of, in order, each thing once, with the words that prove it."""
        return self._entities

    @cached_property
    def _entities(self) -> tuple[Entity, ...]:
        if self.elsewhere:
            return ()
        found: dict[str, Entity] = {}
        for match in self.meant:
            span = self.text[self.tokens[match.first].start : self.tokens[match.last].end]
            entity = Entity(kind=match.entry.kind, name=match.entry.name, span=span, score=round(match.score, 3))
            known = found.get(entity.name)
            if known is None or known.score < entity.score:
                found[entity.name] = entity
        return tuple(found.values())

    def refused(self) -> list[str]:
        """Return the products that are named only to refuse them."""
        if not may_deny_products(self.tokens):
            return []
        return [match.entry.name for match in self.denied if match.entry.kind in ("medicine", "need")]

    @cached_property
    def certain(self) -> bool:
        """Whether nothing else can be meant: every word is part of a name that was said right, or says nothing."""
        named = {place for match in self.meant for place in range(match.first, match.last + 1)}
        rest = [token.text for place, token in enumerate(self.tokens) if place not in named]
        unclear = not self.meant or self.denied or any(match.score < CERTAIN for match in self.meant)
        return not unclear and all(says_nothing(word) and word not in _TURNING for word in rest)


def _denied(tokens: Sequence[Token], matches: Sequence[Match]) -> Iterator[int]:
    """Yield the indices of the matches that are not meant."""
    allergies = {
        place
        for match in matches
        if match.entry.kind == "medicine" and (place := allergic_to(tokens, match.first)) is not None
    }
    for index, match in enumerate(matches):
        is_allergen = match.entry.kind == "medicine" and allergic_to(tokens, match.first) is not None
        is_allergy = not allergies.isdisjoint(range(match.first, match.last + 1))
        if is_allergen or is_allergy or denied(tokens, match.entry, match.first, match.last):
            yield index
