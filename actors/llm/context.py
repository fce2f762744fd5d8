"""What the rest of a sentence says of a complaint: whose it is, and whether it is told of people elsewhere."""

import itertools
from collections.abc import Mapping, Sequence
from typing import Literal

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
_MADE_FOR_CHILDREN = frozenset({"infantil", "baby", "bebe", "bebes", "kids", "pediatrico", "pediatrica", "crianca"})
"""Beside a medicine's name: then it is a child's, whoever else takes it."""
_MEDICINES_FOR_CHILDREN = _FOR_BABIES | {
    "DOR_MUSCULAR_COSTAS": "FEBRE_INFANTIL",
    "PELE_SECA_DERMATITE": "ASSADURA_FRALDA",
}
PEDIATRICS = "PEDIATRIA"

_AGED = frozenset({"tem", "com", "fez", "completou"})
"""Before a number of years or months that may be an age: "tem dois anos", "com oito meses"."""
_NO_AGE = frozenset({"que", "atras", "de", "depois", "antes", "direto", "seguidos"})
"""After it: then something has lasted so long."""
_EXPECTING = frozenset({"gravida", "gestante", "gestacao", "gravidez", "prenha", "buchuda"})
_LAST_CHILD_YEAR = 11
_LAST_BABY_MONTH = 30

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


def made_for_a_child(tokens: Sequence[Token], category: Category) -> Category:
    """Return where a medicine belongs if the sentence says that it is the children's one: "sorine infantil"."""
    micro = _MEDICINES_FOR_CHILDREN.get(category.micro or "")
    said = not _MADE_FOR_CHILDREN.isdisjoint(token.text for token in tokens)
    return Category(macro=PEDIATRICS, micro=micro) if micro and said else category


def young_age(tokens: Sequence[Token]) -> Literal["months", "years"] | None:
    """Return what the age of a child is told in, if a sentence tells one: "a tossinha dela, tem cinco anos"."""
    if any(token.text in _EXPECTING for token in tokens):
        return None
    words = [token.text for token in tokens]
    for before, number, unit, after in zip(words, words[1:], words[2:], [*words[3:], ""], strict=False):
        if before not in _AGED or not number.isdigit() or after in _NO_AGE:
            continue
        if unit in ("ano", "anos") and int(number) <= _LAST_CHILD_YEAR:
            return "years"
        if unit in ("mes", "meses") and int(number) <= _LAST_BABY_MONTH:
            return "months"
    return None


def told_of_a_child(tokens: Sequence[Token]) -> bool:
    """Tell whether a sentence is about a child."""
    return bool(_children_s(tokens))


def for_a_child(tokens: Sequence[Token], category: Category) -> Category:
    """Return where a complaint belongs if the sentence says that a child has it, else where it belonged."""
    micro = _children_s(tokens).get(category.micro or "")
    return Category(macro=PEDIATRICS, micro=micro) if micro else category


def _children_s(tokens: Sequence[Token]) -> Mapping[str, str]:
    """Return which micro category of children stands for which other, for the child that a sentence is about."""
    spoken_of = {
        base
        for before, token in itertools.pairwise(tokens)
        if before.text in _OWNERS and not token.after_break
        for base in bases(token.text)
    }
    age = young_age(tokens)
    baby = spoken_of & _BABIES or age == "months"
    return _FOR_BABIES if baby else _FOR_CHILDREN if spoken_of & _CHILDREN or age else {}
