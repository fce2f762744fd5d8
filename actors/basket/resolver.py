"""The basket engine: from what a customer asked for to at most three suggestions, or a reason for silence."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import product

from actors.basket.catalogue import NO_ADVICE, BasketCatalogue
from actors.basket.naming import contains, key, words
from actors.basket.safety import ALARM_MACRO, Circumstance
from actors.values import Classified, Conversation, Resolved, Withheld
from events.catalogue import BasketRule, Category, Entity, Item

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

_Found = tuple[BasketRule, str, tuple[Item, ...]]
_Names = frozenset[tuple[str, ...]]


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
        self._same_product = _same_product(catalogue)
        self._place_of = {
            words(name): f"{entry.category.macro}/{entry.category.micro}"
            for entry in catalogue.lexicon
            for name in (entry.name, *entry.forms)
        }

    def resolve(
        self, classified: Classified, entities: tuple[Entity, ...], conversation: Conversation = _NO_CONVERSATION
    ) -> Resolved | Withheld:
        """Find the basket of a request.

        The first of these that has anything the customer did not name wins: exact lookup, first macro and
        micro, first macro's fallback, second macro and micro, its fallback.

        Args:
            classified: categories, strongest first, and anchors.
            entities: what the customer named.
            conversation: what was said and suggested before.

        Returns:
            At most three items, or the reason for silence: `refer_to_pharmacist` (an alarm sign, or nothing that
            is safe for whom it is for), `nothing_asked` (no category and no lookup), `category_without_advice`
            (only OUTRO), `no_basket` (the catalogue has nothing there), `all_named_already` (all that it has was
            named, or suggested a short while ago).
        """
        safety = self.catalogue.safety
        if any(c.macro == ALARM_MACRO for c in classified.categories) or safety.alarmed(entities):
            return Withheld(reason="refer_to_pharmacist")
        categories = [c for c in classified.categories if key(c.macro) != key(NO_ADVICE)]
        if classified.categories and not categories:
            return Withheld(reason="category_without_advice")
        circumstances = safety.circumstances_of(entities, conversation.facts)
        if circumstances:
            categories = self._fitting(categories, entities, circumstances)
            if not categories or self._refers(entities, circumstances):
                return Withheld(reason="refer_to_pharmacist")
        named = self._named((*classified.anchors, *conversation.anchors), entities)
        suggested = frozenset(words(name) for name in conversation.suggested)
        return self._best(categories, entities, named, suggested, circumstances)

    def _best(
        self,
        categories: list[Category],
        entities: tuple[Entity, ...],
        named: _Names,
        suggested: _Names,
        circumstances: Sequence[Circumstance],
    ) -> Resolved | Withheld:
        seen_any = suppressed_any = False
        for rule, basket, items in self._candidates(categories, entities):
            seen_any = True
            safe = tuple(item for item in items if all(each.takes(item) for each in circumstances))
            suppressed_any = suppressed_any or len(safe) < len(items)
            left = _left(safe, named, suggested)
            if left:
                return Resolved(basket=basket, rule=rule, items=left)
        if suppressed_any:
            return Withheld(reason="refer_to_pharmacist")
        if seen_any:
            return Withheld(reason="all_named_already")
        return Withheld(reason="no_basket" if categories else "nothing_asked")

    def _fitting(
        self, categories: list[Category], entities: tuple[Entity, ...], circumstances: Sequence[Circumstance]
    ) -> list[Category]:
        """Leave out the baskets of who it is for, where something else is complained of."""
        own = frozenset[str]().union(*(each.baskets for each in circumstances))
        names = self.catalogue.safety.names
        complaints = [e for e in entities if e.kind in _COMPLAINTS and e.name not in names]
        if all(self._place_of.get(words(e.name)) in own for e in complaints):
            return categories
        return [c for c in categories if f"{c.macro}/{c.micro}" not in own]

    def _refers(self, entities: tuple[Entity, ...], circumstances: Sequence[Circumstance]) -> bool:
        """Tell whether a medicine was named that is not made for the circumstances."""
        strict = [each for each in circumstances if each.refers_medicines]
        own = frozenset[str]().union(*(each.baskets for each in strict))
        medicines = [self._place_of.get(words(e.name)) for e in entities if e.kind == "medicine"]
        return bool(strict) and any(place not in own for place in medicines)

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


def _left(items: tuple[Item, ...], named: _Names, suggested: _Names) -> tuple[Item, ...]:
    """Return the first items that are neither named nor suggested already, nor the same as one before."""
    left: list[Item] = []
    seen = set(suggested)
    for item in items:
        product_words = words(item.sugestao)
        if product_words in seen or any(contains(product_words, name) for name in named):
            continue
        seen.add(product_words)
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


def _same_product(catalogue: BasketCatalogue) -> Mapping[tuple[str, ...], _Names]:
    """Return, for every name of a product in the lexicon, all names that mean the same product."""
    same: dict[tuple[str, ...], _Names] = {}
    for entry in catalogue.lexicon:
        if entry.kind not in _PRODUCTS:
            continue
        own = [words(name) for name in (entry.name, *entry.forms)]
        every = frozenset(own) | {words(name) for name in entry.also}
        for name in own:
            same[name] = same.get(name, frozenset()) | every
    return same
