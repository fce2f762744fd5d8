"""The basket engine: from what a customer asked for to at most three suggestions, or a reason for silence."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product

from actors.basket.catalogue import NO_ADVICE, BasketCatalogue
from actors.basket.medicines import Formulary, Medicine
from actors.basket.naming import contains, key, one_name, words
from actors.basket.safety import ALARM_MACRO, Circumstance
from actors.values import Classified, Conversation, LexiconEntry, Resolved, Withheld
from events.catalogue import BasketRule, Category, Entity, Item, ItemReason, WithheldReason

MAX_ITEMS = 3
"""Clients show no more."""

_DEFAULT = "default"
_NO_CONVERSATION = Conversation()
_PRODUCTS = ("medicine", "need")
_COMPLAINTS = ("symptom", "disease", "medicine")
_RULES: tuple[tuple[BasketRule, BasketRule], ...] = (
    ("macro_micro", "macro_fallback"),
    ("second_macro_micro", "second_macro_fallback"),
)

_NOTHING_BEFORE = Conversation()

_Found = tuple[BasketRule, str, tuple[Item, ...]]
_Names = frozenset[tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class _Sieve:
    """What keeps items of a basket back. The first of its questions that an item fails is the reason."""

    formulary: Formulary
    circumstances: tuple[Circumstance, ...]
    named: _Names
    substances: _Names
    """Active substances of the medicines that were named."""
    lately: _Names

    def against(self, item: Item, name: tuple[str, ...]) -> tuple[WithheldReason, str | None] | None:
        """Return why an item is kept back, with the safety rule if it was one, or None for an item to suggest."""
        if self.formulary.prescription_only(item.sugestao) is not None:
            return "prescription_only", None
        unsafe = next((each for each in self.circumstances if not each.takes(item)), None)
        if unsafe is not None:
            return "refer_to_pharmacist", unsafe.name
        if any(contains(name, each) for each in self.named):
            return "all_named_already", None
        if self.substances and not self.substances.isdisjoint(self.formulary.substances(item.sugestao)):
            return "all_named_already", None
        return ("suggested_lately", None) if name in self.lately else None


_WEIGHT: tuple[WithheldReason, ...] = (
    "refer_to_pharmacist",
    "suggested_lately",
    "all_named_already",
    "prescription_only",
)
"""Of several reasons for silence, the first one that held anything back is told."""


class BasketEngine:
    """Resolves requests against one catalogue. Stateless after construction, so sessions share it."""

    def __init__(self, catalogue: BasketCatalogue) -> None:
        self.catalogue = catalogue
        self._lookups = {key(name): (name, items) for name, items in catalogue.lookups.items()}
        self._fallbacks = {key(macro): (macro, items) for macro, items in catalogue.fallbacks.items()}
        self._baskets = {
            (key(macro), key(micro)): (f"{macro}/{micro}", items)
            for macro, micros in catalogue.baskets.items()
            for micro, items in micros.items()
        }
        named = [(entry, [words(name) for name in (entry.name, *entry.forms)]) for entry in catalogue.lexicon]
        self._same_product = _same_product(named)
        self._medicines = {
            words(name): medicine
            for medicine in catalogue.medicines
            for name in (medicine.name, *medicine.brands, *medicine.forms)
        }
        self._place_of = {
            " ".join(name): place
            for entry, names in named
            for place in (f"{entry.category.macro}/{entry.category.micro}",)
            for name in names
        }

    def resolve(
        self, classified: Classified, entities: tuple[Entity, ...], conversation: Conversation = _NOTHING_BEFORE
    ) -> Resolved | Withheld:
        """Find the basket of a request.

        The first of these that has anything left to suggest wins: exact lookup, first macro and micro, first
        macro's fallback, second macro and micro, its fallback. Left is what may be sold without a prescription, is
        safe for whom it is for, was not named by the customer, by whatever name, and was not suggested lately.

        Args:
            classified: categories, strongest first, and anchors.
            entities: what the customer named.
            conversation: what earlier phrases leave: circumstances, suggestions of late, products named.

        Returns:
            At most three items, each with its reason; or the reason for silence: `refer_to_pharmacist` (an alarm sign,
            or nothing that is safe for whom it is for), `price_or_dosage` (no request, but talk of prices, doses or
            payment), `nothing_asked` (no category and no lookup), `category_without_advice` (only OUTRO), `no_basket`
            (the catalogue has nothing there), `all_named_already`, `suggested_lately` or `prescription_only` (what it
            has is kept back for that).
        """
        safety = self.catalogue.safety
        alarm = safety.alarm(entities)
        if alarm or any(c.macro == ALARM_MACRO for c in classified.categories):
            return Withheld(reason="refer_to_pharmacist", safety_rule=alarm)
        silence = safety.silence(entities)
        if silence:
            return Withheld(reason="price_or_dosage", safety_rule=silence)
        categories = [c for c in classified.categories if key(c.macro) != key(NO_ADVICE)]
        if classified.categories and not categories:
            return Withheld(reason="category_without_advice")
        medicines = [self._medicines[name] for e in entities if (name := words(e.name)) in self._medicines]
        bought = [self._medicines[name] for a in conversation.anchors if (name := words(a)) in self._medicines]
        circumstances = safety.circumstances_of(entities, [*medicines, *bought], conversation.facts)
        if circumstances:
            fitting = self._fitting(categories, entities, circumstances)
            said_now = bool(safety.circumstances_of(entities))
            strict = self._refers(entities, medicines, circumstances)
            if strict is not None or (not fitting and (categories or said_now)):
                return Withheld(reason="refer_to_pharmacist", safety_rule=(strict or circumstances[0]).name)
            categories = fitting
        return self._best(categories, entities, self._sieve(classified, entities, conversation, circumstances))

    def _sieve(
        self,
        classified: Classified,
        entities: tuple[Entity, ...],
        conversation: Conversation,
        circumstances: tuple[Circumstance, ...],
    ) -> _Sieve:
        named = self._named((*classified.anchors, *conversation.anchors), entities)
        formulary = self.catalogue.formulary
        return _Sieve(
            formulary=formulary,
            circumstances=circumstances,
            named=named,
            substances=frozenset(
                words(part) for name in named if name in self._medicines for part in self._medicines[name].substances
            ),
            lately=frozenset(map(words, conversation.suggested)),
        )

    def _best(self, categories: list[Category], entities: tuple[Entity, ...], sieve: _Sieve) -> Resolved | Withheld:
        kept_back: dict[WithheldReason, str | None] = {}
        for rule, basket, items in self._candidates(categories, entities):
            left = _left(items, sieve, kept_back)
            if left:
                reason = self._reason(rule, basket, entities, sieve)
                return Resolved(
                    basket=basket,
                    rule=rule,
                    items=left,
                    reasons=(reason,) * len(left),
                    catalogue=self.catalogue.version,
                )
        for told in _WEIGHT:
            if told in kept_back:
                return Withheld(reason=told, safety_rule=kept_back[told])
        return Withheld(reason="no_basket" if categories else "nothing_asked")

    def _reason(self, rule: BasketRule, basket: str, entities: tuple[Entity, ...], sieve: _Sieve) -> ItemReason:
        """Tell what led to a basket: the entities whose place it is, or all that a lookup may have been made of."""
        names = dict.fromkeys(e.name for e in entities if e.name not in self.catalogue.safety.names)
        macro = basket.partition("/")[0]
        fitting = [n for n in names if (self._place_of.get(one_name(n)) or "").startswith((f"{macro}/", basket))]
        exact = [n for n in fitting if self._place_of.get(one_name(n)) == basket]
        return ItemReason(
            basket=basket,
            rule=rule,
            entities=tuple(exact or fitting or names),
            circumstances=tuple(each.name for each in sieve.circumstances),
        )

    def _fitting(
        self, categories: list[Category], entities: tuple[Entity, ...], circumstances: Sequence[Circumstance]
    ) -> list[Category]:
        """Leave out the baskets of who it is for, where something else is complained of."""
        own = frozenset[str]().union(*(each.baskets for each in circumstances))
        names = self.catalogue.safety.names
        complaints = [e for e in entities if e.kind in _COMPLAINTS and e.name not in names]
        if all(self._place_of.get(one_name(e.name)) in own for e in complaints):
            return categories
        return [c for c in categories if f"{c.macro}/{c.micro}" not in own]

    def _refers(
        self, entities: tuple[Entity, ...], medicines: Sequence[Medicine], circumstances: Sequence[Circumstance]
    ) -> Circumstance | None:
        """Return the circumstance that makes a medicine that was named the pharmacist's business, None for none."""
        strict = [each for each in circumstances if each.refers_medicines]
        own = frozenset[str]().union(*(each.baskets for each in strict))
        places = [self._place_of.get(one_name(e.name)) for e in entities if e.kind == "medicine"]
        if strict and any(place not in own for place in places):
            return strict[0]
        return next((each for each in circumstances if any(map(each.refers.holds, medicines))), None)

    def _candidates(self, categories: list[Category], entities: tuple[Entity, ...]) -> Iterator[_Found]:
        """Yield the baskets that fit, none of them empty, in the order of resolution."""
        for name in _lookup_keys(entities):
            found = self._lookups.get(name)
            if found and found[1]:
                yield "lookup", f"lookup:{found[0]}", found[1]
        for category, (micro_rule, fallback_rule) in zip(categories, _RULES, strict=False):
            macro = key(category.macro)
            if category.micro:
                found = self._baskets.get((macro, key(category.micro)))
                if found and found[1]:
                    yield micro_rule, found[0], found[1]
            found = self._fallbacks.get(macro)
            if found and found[1]:
                yield fallback_rule, f"{found[0]}/*", found[1]

    def _named(self, anchors: tuple[str, ...], entities: tuple[Entity, ...]) -> _Names:
        """Return the word sequences that a suggestion may not contain."""
        products = [e for e in entities if e.kind in _PRODUCTS]
        said = {words(name) for name in (*anchors, *(e.name for e in products), *(e.span for e in products))}
        return frozenset(said.union(*(self._same_product.get(name, frozenset()) for name in said)) - {()})


def _left(items: tuple[Item, ...], sieve: _Sieve, kept_back: dict[WithheldReason, str | None]) -> tuple[Item, ...]:
    """Return the first items that nothing is against, none twice; note why others were kept back."""
    left: list[Item] = []
    seen: set[tuple[str, ...]] = set()
    for item in items:
        name = words(item.sugestao)
        if name in seen:
            continue
        seen.add(name)
        against = sieve.against(item, name)
        if against is not None:
            kept_back.setdefault(*against)
            continue
        left.append(item)
        if len(left) == MAX_ITEMS:
            break
    return tuple(left)


def _lookup_keys(entities: tuple[Entity, ...]) -> Iterator[str]:
    """Yield lookup keys of what was named: symptom and disease, symptom, disease, the medicine alone."""
    medicines, symptoms, diseases = (
        [key(e.name) for e in entities if e.kind == kind] for kind in ("medicine", "symptom", "disease")
    )
    with_default = (
        (symptoms, diseases),
        (symptoms, [_DEFAULT]),
        ([_DEFAULT], diseases),
        ([_DEFAULT], [_DEFAULT]),
    )
    for said in with_default:
        for medicine, symptom, disease in product(medicines, *said):
            yield f"{medicine}_{symptom}_{disease}"


def _same_product(named: Iterable[tuple[LexiconEntry, list[tuple[str, ...]]]]) -> Mapping[tuple[str, ...], _Names]:
    """Return, for every name of a product in a lexicon, all names that mean the same product.

    Args:
        named: its entries, each with the words of its name and forms.
    """
    same: dict[tuple[str, ...], _Names] = {}
    for entry, own in named:
        if entry.kind not in _PRODUCTS:
            continue
        every = frozenset(own) | {words(name) for name in entry.also}
        for name in own:
            # Most names are one entry's: all of these share one set.
            same[name] = same[name] | every if name in same else every
    return same
