"""What a sentence denies: "não tô com febre", "febre não", "a febre já passou", "sou alérgico a dipirona"."""

from collections.abc import Sequence

from actors.llm.words import FILLERS, Token, load_words
from actors.values import LexiconEntry

_REACH = 5
"""Words between a denial and what it denies, at most."""

_STATES = load_words("denied_states.txt")
"""Words between "não" and a complaint that leave it denied."""

_REFUSALS = load_words("refusals.txt")
"""Words between "não" and a product that mean it is not wanted. "Não tem" is a question at a counter."""

_OVER = frozenset({"passou", "passaram", "sumiu", "sumiram", "sarou", "sararam", "melhorou", "melhoraram", "cessou"})
"""What complaints do that are over. A product that "acabou" is wanted all the more."""
_RECOVERED = frozenset({"sarei", "sarou", "melhorei", "curei", "curado", "curada", "livrei", "passou"})
_GOES_ON = frozenset({"pra", "para", "pro", "pras", "pros", "de", "a"})
"""After "passou": "a dor passou pro braço" is not over."""
_ASKS = frozenset({"tem", "teria", "vende", "vendem", "existe", "ha", "faz", "trabalha", "trabalham"})
_ENDS = frozenset({"so", "mas", "e", "eh", "quero", "agora"})
"""What may follow a "não" that comes after what it denies."""

_FOR = frozenset({"pra", "para", "pro", "pras", "pros"})
_IS = frozenset({"e", "eh", "era", "seria"})
"""Before "pra": "não é pra febre" denies, "não para de tossir" complains."""

_BARE = frozenset({"sem", "nem"})
_NOT = frozenset({"nao", "num", "nunca"})
_ALLERGY = ("alergi",)
_LINKS = frozenset({"a", "ao", "as", "aos", "de", "da", "do", "com", "por"})


def denied(tokens: Sequence[Token], entry: LexiconEntry, first: int, last: int) -> bool:
    """Tell whether what stands at tokens `first` to `last` is denied, over, or, if a product, refused."""
    product = entry.kind in ("medicine", "need")
    if _denied_before(tokens, first, product=product) or _denied_after(tokens, first, last, product=product):
        return True
    return not product and _is_over(tokens, first, last)


def may_deny_products(tokens: Sequence[Token]) -> bool:
    """Tell whether a sentence has any word that can keep a product from being meant."""
    return any(token.text in _NOT or token.text.startswith(_ALLERGY) for token in tokens)


def allergic_to(tokens: Sequence[Token], first: int) -> int | None:
    """Return the token "alergia" or "alérgico" that the product at token `first` is joined to, or None."""
    place = first - 1
    while place >= 0 and tokens[place].text in _LINKS and not tokens[place + 1].after_break:
        place -= 1
    joined = place < first - 1 and not tokens[place + 1].after_break
    return place if place >= 0 and joined and tokens[place].text.startswith(_ALLERGY) else None


def _denied_before(tokens: Sequence[Token], first: int, *, product: bool) -> bool:
    between = _REFUSALS if product else _STATES
    for place in range(first - 1, max(-1, first - 1 - _REACH), -1):
        word = tokens[place].text
        if tokens[place + 1].after_break:
            return False
        if word in _BARE:
            likens = word == "nem" and place > 0 and tokens[place - 1].text == "que"
            return first - place <= 2 and not product and not likens
        if word == "nao" or (word in _NOT and not product):
            return True
        if word in _FOR and place and tokens[place - 1].text in _IS:
            continue
        if word not in between:
            return False
    return False


def _denied_after(tokens: Sequence[Token], first: int, last: int, *, product: bool) -> bool:
    """Tell of "febre não, só tosse": a "não" that ends the clause and repeats no other one before."""
    after = last + 1
    if _corrected(tokens, after):
        return True
    if after >= len(tokens) or tokens[after].text != "nao" or tokens[after].after_break:
        return False
    if after + 1 < len(tokens) and not tokens[after + 1].after_break and tokens[after + 1].text not in _ENDS:
        return False
    clause = {token.text for token in _clause_before(tokens, first)}
    return clause.isdisjoint(_NOT | (_ASKS if product else frozenset()))


def _corrected(tokens: Sequence[Token], place: int) -> bool:
    """Tell of "enfisema, não, bronquite": a "não" that stands by itself and something else after it."""
    alone = place + 1 < len(tokens) and tokens[place].after_break and tokens[place + 1].after_break
    return alone and tokens[place].text == "nao"


def _is_over(tokens: Sequence[Token], first: int, last: int) -> bool:
    """Tell of "a febre já passou" and "sarei da gripe", but not of "a tosse não passou" or "passou pro peito"."""
    for place in range(last + 1, min(len(tokens), last + 4)):
        word = tokens[place].text
        if tokens[place].after_break or word in _NOT:
            break
        if word in _OVER:
            return place + 1 == len(tokens) or tokens[place + 1].after_break or tokens[place + 1].text not in _GOES_ON
        if word not in FILLERS:
            break
    before = _clause_before(tokens, first)[-3:]
    return any(token.text in _RECOVERED for token in before) and not any(token.text in _NOT for token in before)


def _clause_before(tokens: Sequence[Token], first: int) -> Sequence[Token]:
    """Return the words before a token that no punctuation parts from it."""
    start = first
    while start > 0 and not tokens[start].after_break:
        start -= 1
    return tokens[start:first]
