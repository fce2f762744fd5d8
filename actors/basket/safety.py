"""Safety: alarm signs that are the pharmacist's business, and circumstances in which some suggestions do harm."""

import re
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

from actors.basket.medicines import Medicine
from actors.basket.naming import contains, words
from actors.basket.said import Said, folded
from actors.values import UNNAMED_SILENCE
from events.catalogue import Entity, Item

ALARM_MACRO = "ALERTA"
"""The macro category of a phrase with an alarm sign. It has no basket."""

REACH = 6
"""Words between the first and the last word of an expression, where its rule says nothing else."""

_TERM = re.compile(r"[a-z0-9]+\*?|#")
_NUMBER = (
    r"(?:[0-9]+|uma?|dois|duas|tres|quatro|cinco|seis|sete|oito|nove|dez|onze|doze|treze|quatorze|catorze|quinze"
    r"|vinte|trinta|quarenta|cinquenta|sessenta)"
)


class ExpressionError(ValueError):
    """An expression cannot be read."""


@dataclass(frozen=True, slots=True)
class Expression:
    """Terms that must all be said, in any order, near one another.

    Written as words between blanks. `|` parts alternatives, `_` joins neighbouring words, a final `*` takes any
    ending, `#` is a number. Case and accents make no difference.
    """

    terms: tuple[str, ...]
    """Each as a pattern of `re`, which is compiled when it is first looked for, or by `Safety.warm`."""
    reach: int
    heads: frozenset[str] | None = None
    """Without one of these words it is not said: the first words of one term's alternatives. None where none tells."""

    @classmethod
    def parse(cls, text: str, reach: int = REACH) -> "Expression":
        """Read an expression.

        Raises:
            ExpressionError: it is empty, or a term is not made of letters and digits.
        """
        terms = [folded(term).split("|") for term in text.split()]
        alternatives = [way.split("_") for term in terms for way in term]
        if not terms or not all(_TERM.fullmatch(word) for way in alternatives for word in way):
            raise ExpressionError(f"{text!r} is no expression")
        return cls(
            terms=tuple(rf"\b(?:{'|'.join(map(_pattern, term))})\b" for term in terms),
            reach=reach,
            heads=next(filter(None, map(_heads, terms)), None),
        )

    def maybe(self, said: Said) -> bool:
        """Tell whether it is worth looking for, from single words."""
        return self.heads is None or not self.heads.isdisjoint(said.words)

    def found(self, said: Said) -> Iterator[tuple[int, int]]:
        """Yield the first and last word of each place where it is said and not denied."""
        places: list[list[tuple[int, int]]] = []
        for term in self.terms:
            places.append(said.places(_compiled(term)))
            if not places[-1]:
                return
        starts = [[first for first, _ in each] for each in places]
        denied_up_to = -1
        for first, own_last in sorted({place for each in places for place in each}):
            chosen = [(first, own_last)]
            for each, begins in zip(places, starts, strict=True):
                nearest = bisect_left(begins, first)
                if nearest == len(each):
                    break
                chosen.append(each[nearest])
            else:
                last = max(end for _, end in chosen)
                if last - first > self.reach or first <= denied_up_to:
                    continue
                if said.denied(chosen):
                    denied_up_to = last
                else:
                    yield first, last


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

    def find(self, said: Said) -> str | None:
        """Return the words of a text that prove it, or None."""
        worth = (each for each in self.expressions if each.maybe(said))
        place = next((place for each in worth for place in each.found(said)), None)
        if place is None or any(True for each in self.unless for _ in each.found(said)):
            return None
        return said.span(*place)


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

    def __post_init__(self) -> None:
        alarms = frozenset(rule.name for rule in self.alarms)
        object.__setattr__(self, "alarm_names", alarms)
        silences = frozenset(rule.name for rule in self.silences)
        object.__setattr__(self, "silence_names", silences)
        circumstances = frozenset(rule.name for rule in self.circumstances)
        object.__setattr__(self, "circumstance_names", circumstances)
        object.__setattr__(self, "names", alarms | silences | circumstances)

    def warm(self) -> None:
        """Compile the patterns of all rules, a thousand; blocks for an eighth of a second."""
        for rule in (*self.alarms, *self.silences, *self.circumstances):
            for expression in (*rule.expressions, *rule.unless):
                for term in expression.terms:
                    _compiled(term)

    def look(self, text: str) -> tuple[Entity, ...]:
        """Return the alarm signs in a text, the silences, then the circumstances, each with the words that prove it."""
        said = Said(text)
        found = ((rule.name, rule.find(said)) for rule in (*self.alarms, *self.silences, *self.circumstances))
        return tuple(Entity(kind="symptom", name=name, span=span, score=1.0) for name, span in found if span)

    def alarm(self, entities: Iterable[Entity]) -> str | None:
        """Return the name of the first alarm sign among entities, by their name or the words that they stand for."""
        listed = list(entities)
        named = next((entity.name for entity in listed if entity.name in self.alarm_names), None)
        said = list(map(Said, _texts(listed)))
        return named or next((rule.name for rule in self.alarms if any(rule.find(each) for each in said)), None)

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


@lru_cache(maxsize=4096)
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern)


def _pattern(way: str) -> str:
    return " ".join(
        _NUMBER if word == "#" else f"{word[:-1]}[a-z0-9]*" if word.endswith("*") else word for word in way.split("_")
    )


def _heads(term: Sequence[str]) -> frozenset[str] | None:
    """Return the first words of a term's alternatives, None where one of them takes any ending or is a number."""
    heads = frozenset(way.split("_")[0] for way in term)
    return None if any(head == "#" or head.endswith("*") for head in heads) else heads
