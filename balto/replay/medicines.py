"""Names of medicines in texts, so that a difference in one is seen: by words, without case, accents and plural."""

import re
from collections.abc import Callable, Iterable
from functools import cached_property
from typing import Final

from actors.basket.medicines import Medicine
from actors.basket.naming import words

_WORD: Final = re.compile(r"\w+")


class MedicineNames:
    """Finds the medicines of a baskets file in texts, by generic name, substance, brand and other ways to say it."""

    def __init__(self, medicines: Iterable[Medicine]) -> None:
        known = tuple(medicines)
        self._names: dict[tuple[str, ...], str] = {}
        # A medicine's own name says more than that it is the substance of another, or a way to say it.
        ways: tuple[Callable[[Medicine], tuple[str, ...]], ...] = (
            lambda medicine: medicine.substances,
            lambda medicine: medicine.forms,
            lambda medicine: medicine.brands,
            lambda medicine: (medicine.name,),
        )
        for way in ways:
            self._names |= {words(name): medicine.name for medicine in known for name in way(medicine) if words(name)}

    @cached_property
    def _longest(self) -> int:
        return max(map(len, self._names), default=0)

    def spans(self, text: str) -> list[tuple[int, int, str]]:
        """Return where medicines are named, as first character, one past the last, and generic name; in order."""
        found = [(match.start(), match.end(), word) for match in _WORD.finditer(text) for word in words(match[0])]
        spans: list[tuple[int, int, str]] = []
        first = 0
        while first < len(found):
            for size in range(min(self._longest, len(found) - first), 0, -1):
                run = found[first : first + size]
                name = self._names.get(tuple(word for _, _, word in run))
                if name is not None:
                    spans.append((run[0][0], run[-1][1], name))
                    first += size
                    break
            else:
                first += 1
        return spans

    def named(self, text: str) -> list[str]:
        """Return the generic names of the medicines that a text names, each once, in order."""
        return list(dict.fromkeys(name for _, _, name in self.spans(text)))
