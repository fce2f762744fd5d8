"""Safety: alarm signs that are the pharmacist's business, and circumstances in which some suggestions do harm."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import Final

from actors.basket.expressions import Expression
from actors.basket.medicines import Medicine
from actors.basket.naming import contains, words
from actors.basket.said import Said
from actors.recent import Recent
from actors.values import UNNAMED_SILENCE
from events.catalogue import Entity, Item

ALARM_MACRO = "ALERTA"
"""The macro category of a phrase with an alarm sign. It has no basket."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """What is looked for in a phrase."""

    name: str
    """Canonical, lower case, with accents; the name of the entity that a phrase gets."""
    reason: str
    """Why, in words for the people who keep the file."""
    expressions: tuple[Expression, ...]
    unless: tuple[Expression, ...] = ()
    """With any of these in the phrase the rule is silent."""

    def find(self, said: Said, worth: Iterable[Expression]) -> str | None:
        """Return the words of a text that prove it by one of its expressions that are worth looking for, or None."""
        place = next((place for each in worth for place in each.found(said)), None)
        if place is None or any(True for each in self.unless for _ in each.found(said)):
            return None
        return said.span(*place)


Worth = Mapping[int, Sequence[Expression]]
"""Expressions that may be said in a text, by the place of their rule, both in their order."""


class _Index:
    """The expressions of rules by single words: hardly one in twenty may be said in a text that has none but its own.

    Args:
        rules: in the order in which they count.
    """

    def __init__(self, rules: Iterable[Rule]) -> None:
        self.rules: Final = tuple(rules)
        self._by_word: defaultdict[str, list[tuple[int, int]]] = defaultdict(list)
        self._always: list[tuple[int, int]] = []
        for place, rule in enumerate(self.rules):
            for own, expression in enumerate(rule.expressions):
                if not expression.heads:
                    self._always.append((place, own))
                for word in min(expression.heads, key=len, default=()):
                    self._by_word[word].append((place, own))

    def worth(self, said: Said) -> Worth:
        """Return the expressions that single words of a text don't rule out."""
        places = {*self._always, *chain.from_iterable(self._by_word.get(word, ()) for word in said.words)}
        worth: defaultdict[int, list[Expression]] = defaultdict(list)
        for place, own in sorted(places):
            expression = self.rules[place].expressions[own]
            if expression.maybe(said):
                worth[place].append(expression)
        return worth


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Medicines by what is in them or what they are for."""

    substances: frozenset[tuple[str, ...]] = frozenset()
    classes: frozenset[tuple[str, ...]] = frozenset()

    def holds(self, medicine: Medicine) -> bool:
        """Tell whether a medicine belongs to it."""
        return words(medicine.therapeutic_class) in self.classes or not self.substances.isdisjoint(
            map(words, medicine.substances)
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Circumstance(Rule):
    """Who it is for, where that makes some suggestions harmful."""

    without: tuple[tuple[str, ...], ...] = ()
    """Words of names that are not suggested."""
    without_tags: frozenset[str] = frozenset()
    even_so: tuple[tuple[str, ...], ...] = ()
    """Words of names that are suggested whatever their tag."""
    baskets: frozenset[str] = frozenset()
    """`MACRO/MICRO` that serve only where nothing else is complained of."""
    refers_medicines: bool = False
    """Whether a request for any medicine is the pharmacist's business."""
    takes_medicines: Group = Group()
    """Naming one of these says as much as the expressions do: who buys losartana has high blood pressure."""
    refers: Group = Group()
    """A request for one of these is the pharmacist's business."""

    def takes(self, item: Item) -> bool:
        """Tell whether an item may be suggested."""
        name = words(item.sugestao)
        if any(contains(name, each) for each in self.without):
            return False
        return item.tag not in self.without_tags or any(contains(name, each) for each in self.even_so)


@dataclass(frozen=True, slots=True, kw_only=True)
class Safety:
    """The rules of a baskets file; none by default."""

    alarms: tuple[Rule, ...] = ()
    silences: tuple[Rule, ...] = ()
    """What is no request to advise on: talk of price, dosage or payment."""
    circumstances: tuple[Circumstance, ...] = ()
    alarm_names: frozenset[str] = field(init=False)
    silence_names: frozenset[str] = field(init=False)
    circumstance_names: frozenset[str] = field(init=False)
    names: frozenset[str] = field(init=False)
    """Of all rules."""
    _index: _Index = field(init=False, repr=False, compare=False)
    _seen: Recent[tuple[Entity, ...]] = field(init=False, repr=False, compare=False, default_factory=Recent)
    _alarmed: Recent[int] = field(init=False, repr=False, compare=False, default_factory=Recent)

    def __post_init__(self) -> None:
        alarms = frozenset(rule.name for rule in self.alarms)
        object.__setattr__(self, "alarm_names", alarms)
        silences = frozenset(rule.name for rule in self.silences)
        object.__setattr__(self, "silence_names", silences)
        circumstances = frozenset(rule.name for rule in self.circumstances)
        object.__setattr__(self, "circumstance_names", circumstances)
        object.__setattr__(self, "names", alarms | silences | circumstances)
        object.__setattr__(self, "_index", _Index((*self.alarms, *self.silences, *self.circumstances)))

    def warm(self) -> None:
        """Compile the patterns of all rules, a thousand; blocks for an eighth of a second."""
        for rule in self._index.rules:
            for expression in (*rule.expressions, *rule.unless):
                expression.warm()

    def look(self, text: str) -> tuple[Entity, ...]:
        """Return the alarm signs in a text, the silences, then the circumstances, each with the words that prove it."""
        seen = self._seen.get(text)
        if seen is not None:
            return seen
        said, rules = Said(text), self._index.rules
        worth = self._index.worth(said)
        found = ((rules[place].name, rules[place].find(said, expressions)) for place, expressions in worth.items())
        named = tuple(Entity(kind="symptom", name=name, span=span, score=1.0) for name, span in found if span)
        return self._seen.keep(text, named)

    def alarm(self, entities: Iterable[Entity]) -> str | None:
        """Return the name of the first alarm sign among entities, by their name or the words that they stand for."""
        listed = list(entities)
        named = next((entity.name for entity in listed if entity.name in self.alarm_names), None)
        if named is not None:
            return named
        place = min(map(self._first_alarm, _texts(listed)), default=len(self.alarms))
        return self.alarms[place].name if place < len(self.alarms) else None

    def _first_alarm(self, text: str) -> int:
        """Return the place of the first alarm sign in a text, or how many there are."""
        known = self._alarmed.get(text)
        if known is not None:
            return known
        said, count = Said(text), len(self.alarms)
        worth = self._index.worth(said).items()
        place = next((at for at, each in worth if at < count and self.alarms[at].find(said, each)), count)
        return self._alarmed.keep(text, place)

    def silence(self, entities: Iterable[Entity]) -> str | None:
        """Return the name of the first silence that `look` or an engine found in the phrase of these entities."""
        known = self.silence_names | {UNNAMED_SILENCE}
        return next((entity.name for entity in entities if entity.name in known), None)

    def circumstances_of(
        self,
        entities: Iterable[Entity],
        medicines: Sequence[Medicine] = (),
        facts: frozenset[str] = frozenset(),
    ) -> tuple[Circumstance, ...]:
        """Return the circumstances of a phrase.

        Args:
            entities: with those that `look` found.
            medicines: that were named.
            facts: names of circumstances known from before.
        """
        names = {entity.name for entity in entities} | facts
        return tuple(
            rule for rule in self.circumstances if rule.name in names or any(map(rule.takes_medicines.holds, medicines))
        )


def _texts(entities: Iterable[Entity]) -> dict[str, None]:
    return dict.fromkeys(text for entity in entities for text in (entity.name, entity.span))
