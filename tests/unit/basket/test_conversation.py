"""What was said and suggested before counts for what is suggested now."""

from actors.basket.catalogue import load_baskets
from actors.basket.resolver import BasketEngine
from actors.values import Classified, Conversation, Resolved, Withheld
from balto.settings import OWN_BASKETS
from events.catalogue import Category, Entity

ENGINE = BasketEngine(load_baskets(OWN_BASKETS))
HEADACHE = Entity(kind="symptom", name="dor de cabeça", span="dor de cabeça", score=1.0)
PLACED = Classified(
    categories=(Category(macro="DOR_FEBRE_INFLAMACAO", micro="DOR_DE_CABECA"),), anchors=(), confidence=1.0
)


def suggested(conversation: Conversation) -> list[str]:
    answer = ENGINE.resolve(PLACED, (HEADACHE,), conversation)
    assert isinstance(answer, Resolved)
    return [item.sugestao for item in answer.items]


def test_what_was_suggested_before_is_not_suggested_again() -> None:
    first = suggested(Conversation())
    again = suggested(Conversation(suggested=frozenset({first[0].upper()})))
    assert first[0] not in again
    assert again


def test_what_was_named_before_does_not_come_back() -> None:
    first = suggested(Conversation())
    assert first[0] not in suggested(Conversation(anchors=frozenset({first[0]})))


def test_a_headache_of_somebody_who_said_that_she_is_pregnant_is_a_pregnant_womans() -> None:
    pregnant = next(
        each
        for each in ENGINE.catalogue.safety.circumstances
        if ENGINE.catalogue.safety.look("estou grávida")[0].name == each.name
    )
    said = ENGINE.resolve(PLACED, (HEADACHE, *ENGINE.catalogue.safety.look("estou grávida")))
    remembered = ENGINE.resolve(PLACED, (HEADACHE,), Conversation(facts=frozenset({pregnant.name})))
    assert remembered == said
    if isinstance(remembered, Resolved):
        assert all(pregnant.takes(item) for item in remembered.items)
    else:
        assert remembered == Withheld(reason="refer_to_pharmacist")
