"""A text as the expressions of safety rules are looked for in it, and what it denies."""

import re
import unicodedata
from bisect import bisect_right
from collections.abc import Sequence

_WORD = re.compile(r"[^\W_]+")
_BREAK = re.compile(r"[.,;:?!]")
_DENIALS = frozenset({"nao", "nem", "sem", "nunca", "descartou", "descartaram"})
_NONE = frozenset({"nenhum", "nenhuma"})
_I_HAVE = frozenset({"tenho", "tive", "sinto", "senti"})
_ONLY = frozenset({"so", "mas"})
"""After a "não" that follows what it denies."""
_DOUBT = "sera"
_STATES = frozenset(
    {"tenho", "tem", "tinha", "tive", "teve", "estou", "esta", "estava", "to", "ta", "sinto", "sente", "senti"}
    | {"e", "eh", "era", "foi", "houve", "com", "de", "a", "o", "um", "uma", "mais", "nenhuma", "nenhum"}
)
"""What may stand between a denial and what is denied: "não aguento mais essa dor no peito" denies nothing."""


class Said:
    """A text as expressions are looked for in it."""

    def __init__(self, text: str) -> None:
        self.text = text
        matches = list(_WORD.finditer(text))
        self._spans = [match.span() for match in matches]
        self._words = [folded(match.group()) for match in matches]
        ends = [*(first for first, _ in self._spans[1:]), len(text)]
        self._after = [text[last:end] for (_, last), end in zip(self._spans, ends, strict=False)]
        self._starts: list[int] = []
        position = 0
        for word in self._words:
            self._starts.append(position)
            position += len(word) + 1
        self._joined = " ".join(self._words)
        # Folding may break a word up: "½" is "1⁄2".
        self.words = frozenset(_WORD.findall(self._joined))

    def places(self, term: re.Pattern[str]) -> list[tuple[int, int]]:
        """Return the first and last word of each place of a term, in order."""
        return [(self._index(m.start()), self._index(m.end() - 1)) for m in term.finditer(self._joined)]

    def span(self, first: int, last: int) -> str:
        """Return the words from one to another as they were said."""
        return self.text[self._spans[first][0] : self._spans[last][1]]

    def denied(self, places: Sequence[tuple[int, int]]) -> bool:
        """Tell whether any of what is said at some places is denied. A question and a doubt deny nothing.

        Args:
            places: first and last words of what makes up one thing; a "não" that is part of it denies nothing of it.
        """
        first, last = min(first for first, _ in places), max(last for _, last in places)
        if _DOUBT in self._words or self._asked(first):
            return False
        own = {place for begin, end in places for place in range(begin, end + 1)}
        before = (self._denial_before(begin) for begin, _ in places)
        return any(place is not None and place not in own for place in before) or self._denied_after(last)

    def _denial_before(self, first: int) -> int | None:
        """Return the word that denies what begins at a word, or None."""
        for place in range(first - 1, -1, -1):
            if _BREAK.search(self._after[place]):
                return None
            if self._words[place] in _DENIALS:
                return None if self._likens(place) else place
            if self._words[place] not in _STATES:
                return None
        return None

    def _likens(self, place: int) -> bool:
        """Tell of the "que nem" that only compares: "vomitei que nem borra de café"."""
        return place > 0 and self._words[place] == "nem" and self._words[place - 1] == "que"

    def _denied_after(self, last: int) -> bool:
        """Tell of "dor no peito não, é azia" and "falta de ar não tenho", but not of "dor no peito não passa"."""
        if last + 1 >= len(self._words) or _BREAK.search(self._after[last]):
            return False
        word, rest = self._words[last + 1], self._words[last + 2 : last + 4]
        if word in _NONE:
            return True
        if word != "nao":
            return False
        ends = not rest or bool(_BREAK.search(self._after[last + 1]))
        return ends or rest[0] in _I_HAVE or rest[0] in _ONLY or rest in (["e", "so"], ["eh", "so"])

    def _asked(self, first: int) -> bool:
        ending = next((gap for gap in self._after[first:] if _BREAK.search(gap)), "")
        return "?" in ending

    def _index(self, position: int) -> int:
        return bisect_right(self._starts, position) - 1


def folded(text: str) -> str:
    """Return a text without case and accents."""
    if text.isascii():
        return text.casefold()
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    for mark in filter(unicodedata.combining, set(decomposed)):
        decomposed = decomposed.replace(mark, "")
    return decomposed
