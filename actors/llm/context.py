"""What the rest of a sentence says of a complaint: whose it is, and whether it is told of people elsewhere."""

import itertools
from collections.abc import Sequence

from actors.llm.words import FILLERS, Token, bases, load_words
from events.catalogue import Category

_ELSEWHERE = load_words("elsewhere.txt")
_ASKING = load_words("asking.txt")
_FOREIGN = load_words("foreign.txt")
_MIN_FOREIGN = 2

_BABIES = frozenset({"bebe", "bebes", "nenem", "nenens", "nene", "recem"})
_CHILD_WORDS = (
    "crianca criancas filho filha neto neta menino menina guri guria moleque sobrinho sobrinha pequeno pequena"
)
_CHILDREN = _BABIES | frozenset(_CHILD_WORDS.split())
_OWNER_WORDS = "o a os as um uma meu minha meus minhas seu sua do da de no na pro pra para nosso nossa dele dela em e"
_OWNERS = frozenset(_OWNER_WORDS.split())
"""What stands before a child that is spoken of; "menina, que dor" speaks to someone."""

_FOR_CHILDREN = {
    "FEBRE": "FEBRE_INFANTIL",
    "TOSSE_SECA": "TOSSE_INFANTIL",
    "TOSSE_COM_CATARRO": "TOSSE_INFANTIL",
    "GRIPE_RESFRIADO": "NARIZ_BEBE",
    "NARIZ_ENTUPIDO_CORIZA": "NARIZ_BEBE",
}
_FOR_BABIES = _FOR_CHILDREN | {"COLICA_ABDOMINAL": "COLICA_BEBE", "MA_DIGESTAO_GASES": "COLICA_BEBE"}
_PEDIATRICS = "PEDIATRIA"

_COMPARED = frozenset({"tosse", "tossindo", "tossir", "nem", "feito", "igual"})
"""Shortly before an animal: "tosse de cachorro" is nobody's dog."""


def told_of_others(tokens: Sequence[Token]) -> bool:
    """Tell whether a sentence is about a soap opera, a team or a pet, and asks for nothing."""
    spoken_of = (token for place, token in enumerate(tokens) if _COMPARED.isdisjoint(_before(tokens, place)))
    words = {base for token in spoken_of for base in bases(token.text)}
    return not _ELSEWHERE.isdisjoint(words) and _ASKING.isdisjoint(words)


def _before(tokens: Sequence[Token], place: int) -> set[str]:
    return {token.text for token in tokens[max(0, place - 2) : place]}


def foreign(tokens: Sequence[Token]) -> bool:
    """Tell whether a sentence is Spanish or English rather than Portuguese, as far as little words tell."""
    strange = sum(token.text in _FOREIGN for token in tokens)
    return strange >= _MIN_FOREIGN and strange > sum(
        token.text in FILLERS and token.text not in _FOREIGN for token in tokens
    )


def for_a_child(tokens: Sequence[Token], category: Category) -> Category:
    """Return where a complaint belongs if the sentence says that a child has it, else where it belonged."""
    spoken_of = {
        base
        for before, token in itertools.pairwise(tokens)
        if before.text in _OWNERS and not token.after_break
        for base in bases(token.text)
    }
    table = _FOR_BABIES if spoken_of & _BABIES else _FOR_CHILDREN if spoken_of & _CHILDREN else {}
    micro = table.get(category.micro or "")
    return Category(macro=_PEDIATRICS, micro=micro) if micro else category
