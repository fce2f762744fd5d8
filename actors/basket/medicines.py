"""The medicines of a baskets file: what each is, and which may only be sold on prescription."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, get_args

from actors.basket.entries import at, name_lists, sequence, text, type_name
from actors.basket.naming import words
from actors.values import LexiconEntry
from events.catalogue import Category

KEY = "medicamentos"

Stripe = Literal["livre", "vermelha", "preta"]
"""The stripe on the box: none, red (on prescription), black (controlled, may cause dependence)."""

STRIPES: tuple[Stripe, ...] = get_args(Stripe)
FREE: Stripe = "livre"

_NEEDED = ("nome", "principio", "classe", "macro")
_Name = tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Medicine:
    """One medicine as it stands in the file."""

    name: str
    """Generic name, lower case, with accents."""
    substance: str
    """Active substances, parted by ` + `."""
    therapeutic_class: str
    stripe: Stripe
    retained: bool
    """Whether the pharmacy keeps the prescription (antibiotics, special control)."""
    category: Category
    brands: tuple[str, ...] = ()
    forms: tuple[str, ...] = ()
    """Other ways to say it, none of them a brand."""
    also: tuple[str, ...] = ()
    """Names of suggestions that mean the same product."""
    note: str = ""

    @property
    def prescription_only(self) -> bool:
        """Whether it may not be sold without a prescription."""
        return self.stripe != FREE

    @property
    def controlled(self) -> bool:
        """Whether the prescription is kept or the stripe is black."""
        return self.retained or self.stripe == "preta"

    @property
    def substances(self) -> tuple[str, ...]:
        """The active substances, one each."""
        return tuple(part.strip() for part in self.substance.split("+"))

    @property
    def entry(self) -> LexiconEntry:
        """The medicine as the lexicon knows it."""
        return LexiconEntry(
            name=self.name,
            kind="medicine",
            category=self.category,
            forms=(*self.brands, *self.forms),
            also=self.also,
        )


@dataclass(frozen=True, kw_only=True)
class Formulary:
    """Tells which medicine a product is, by its words.

    Args:
        medicines: of the file.
        products: names of other products; where one of them contains a medicine's name, it is no medicine
            ("agulha de insulina").
        accessories: first words of products that only serve a medicine ("estojo para insulina").
    """

    medicines: tuple[Medicine, ...] = ()
    products: tuple[str, ...] = ()
    accessories: tuple[str, ...] = ()

    def prescription_only(self, product: str) -> Medicine | None:
        """Return the prescription-only medicine that a product names, by generic name, substance or brand.

        Of two names that overlap the longer counts: "aciclovir creme" is free though "aciclovir" is not.
        """
        said = words(product)
        if said[:1] in self._accessories:
            return None
        return next((m for m in self._named(said) if m is not None and m.prescription_only), None)

    def refusal(self, product: str) -> str | None:
        """Return why a product is never suggested, in words for whoever keeps the file, or None."""
        medicine = self.prescription_only(product)
        return None if medicine is None else f"names {medicine.name}, which is sold on prescription only"

    def substances(self, product: str) -> frozenset[_Name]:
        """Return the active substances of the medicines that a product names."""
        named = (medicine for medicine in self._named(words(product)) if medicine is not None)
        return frozenset(words(part) for medicine in named for part in medicine.substances)

    def brand(self, product: str) -> str | None:
        """Return the brand that a product names, None where it names none."""
        said = words(product)
        return next((self._brands[part] for part in _parts(said) if part in self._brands), None)

    def _named(self, said: _Name) -> Iterator[Medicine | None]:
        first = 0
        while first < len(said):
            for size in range(min(self._longest, len(said) - first), 0, -1):
                part = said[first : first + size]
                if part in self._by_name:
                    yield self._by_name[part]
                    first += size
                    break
            else:
                first += 1

    @cached_property
    def _by_name(self) -> Mapping[_Name, Medicine | None]:
        free = {words(part) for m in self.medicines if not m.prescription_only for part in m.substances}
        named: dict[_Name, Medicine | None] = {}
        for medicine in sorted(self.medicines, key=lambda m: not m.prescription_only):
            for part in medicine.substances:
                if words(part) not in free:
                    named.setdefault(words(part), medicine)
        for medicine in self.medicines:
            named.update(dict.fromkeys(map(words, (medicine.name, *medicine.brands)), medicine))
        named.update(dict.fromkeys(map(words, self.products)))
        named.pop((), None)
        return named

    @cached_property
    def _longest(self) -> int:
        return max(map(len, self._by_name), default=0)

    @cached_property
    def _accessories(self) -> frozenset[_Name]:
        return frozenset(words(name)[:1] for name in self.accessories)

    @cached_property
    def _brands(self) -> Mapping[_Name, str]:
        return {words(brand): brand for medicine in self.medicines for brand in medicine.brands}


def medicines(value: object, path: Path, warnings: list[str]) -> tuple[Medicine, ...]:
    """Return the good entries of a `medicamentos`; the others are skipped with a warning.

    A stripe that is missing or unknown counts as red, with a warning: nothing is sold on a slip of the pen.

    Raises:
        BasketFileError: it is no list.
    """
    found: list[Medicine] = []
    for number, raw in enumerate(sequence(value, path, KEY)):
        where = f"{at(path, KEY)}[{number}]"
        medicine = _medicine(raw)
        if isinstance(medicine, str):
            warnings.append(f"{where}: {medicine}; entry skipped")
            continue
        if raw.get("tarja") not in STRIPES:
            warnings.append(f"{where}: tarja is none of {', '.join(STRIPES)}; taken as vermelha")
        found.append(medicine)
    return tuple(found)


def _medicine(raw: object) -> Medicine | str:
    """Return a medicine, or what is wrong with it."""
    if not isinstance(raw, dict):
        return f"an object was expected, not {type_name(raw)}"
    poor = [key for key in _NEEDED if not text(raw.get(key))]
    if poor:
        return f"{' and '.join(poor)} missing or empty"
    lists = name_lists(raw, ("marcas", "formas", "tambem"))
    if isinstance(lists, str):
        return lists
    return Medicine(
        name=text(raw["nome"]).lower(),
        substance=text(raw["principio"]).lower(),
        therapeutic_class=text(raw["classe"]),
        stripe=_stripe(raw),
        retained=raw.get("retencao") is True,
        category=Category(macro=text(raw["macro"]), micro=text(raw.get("micro")) or None),
        brands=lists["marcas"],
        forms=lists["formas"],
        also=lists["tambem"],
        note=text(raw.get("nota")),
    )


def _stripe(raw: Mapping[str, Any]) -> Stripe:
    return next((stripe for stripe in STRIPES if raw.get("tarja") == stripe), "vermelha")


def _parts(said: _Name) -> Iterable[_Name]:
    return (said[first:last] for first in range(len(said)) for last in range(first + 1, len(said) + 1))
