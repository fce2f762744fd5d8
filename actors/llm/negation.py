"""What a sentence denies: "não tô com febre", "sem tosse", "sou alérgico a dipirona"."""

from collections.abc import Sequence

from actors.llm.words import Token, load_words
from actors.values import LexiconEntry

_REACH = 5
"""Words between a denial and what it denies, at most."""

_STATES = load_words("denied_states.txt")
"""Words between "não" and a complaint that leave it denied."""

_REFUSALS = load_words("refusals.txt")
"""Words between "não" and a product that mean it is not wanted. "Não tem" is a question at a counter."""

_BARE = frozenset({"sem", "nem"})
_ALLERGY = ("alergi",)
_LINKS = frozenset({"a", "ao", "as", "aos", "de", "da", "do", "com", "por"})


def denied(tokens: Sequence[Token], entry: LexiconEntry, first: int) -> bool:
    """Tell whether what begins at token `first` is denied or, if a product, refused."""
    product = entry.kind in ("medicine", "need")
    between = _REFUSALS if product else _STATES
    for place in range(first - 1, max(-1, first - 1 - _REACH), -1):
        word = tokens[place].text
        if tokens[place + 1].after_break:
            return False
        if word in _BARE:
            return first - place <= 2 and not product
        if word == "nao":
            return True
        if word not in between:
            return False
    return False


def allergic_to(tokens: Sequence[Token], first: int) -> int | None:
    """Return the token "alergia" or "alérgico" that the product at token `first` is joined to, or None."""
    place = first - 1
    while place >= 0 and tokens[place].text in _LINKS and not tokens[place + 1].after_break:
        place -= 1
    joined = place < first - 1 and not tokens[place + 1].after_break
    return place if place >= 0 and joined and tokens[place].text.startswith(_ALLERGY) else None
