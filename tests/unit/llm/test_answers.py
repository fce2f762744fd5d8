import pytest
from pydantic import ValidationError

from actors.llm.answers import SaidCategories, SaidEntities, believed_categories, believed_entities
from actors.llm.openai_replies import _retry_after_s
from events.catalogue import Category

TAXONOMY = {"DOR": ("FEBRE",), "PELE": ("SOL",)}


def said(name: str, proof: str, certainty: float = 1.0) -> dict[str, object]:
    return {"tipo": "medicine", "nome": name, "trecho": proof, "certeza": certainty}


@pytest.mark.parametrize(
    ("proof", "believed"),
    [
        ("dipirona", True),
        ("DIPIRONA sodica", True),
        ("uma dipirona, sódica", True),
        ("pirona", False),
        ("dipirona de um grama", False),
        ("", False),
        (" ... ", False),
    ],
)
def test_an_entity_is_believed_where_its_proof_is_in_the_text(proof: str, believed: bool) -> None:
    answer = SaidEntities.model_validate({"entidades": [said("dipirona", proof)]})
    outcome = believed_entities(answer, "Quero uma Dipirona sódica!", 0.0)
    assert bool(outcome.entities) is believed


def test_a_name_counts_once_and_its_score_stays_between_0_and_1() -> None:
    answer = SaidEntities.model_validate(
        {"entidades": [said(" Dipirona ", "dipirona", 7), said("dipirona", "dipirona")]}
    )
    outcome = believed_entities(answer, "dipirona", 0.5)
    assert [(e.name, e.score) for e in outcome.entities] == [("dipirona", 1.0)]
    assert outcome.cost_usd == 0.5


@pytest.mark.parametrize(
    "answer",
    [
        '{"entidades": [{"tipo": "animal", "nome": "a", "trecho": "a", "certeza": 1}]}',
        '{"entidades": [{"tipo": "need", "nome": "a", "trecho": "a"}]}',
        '{"entidades": [{"tipo": "need", "nome": "a", "trecho": "a", "certeza": NaN}]}',
        '{"entidades": [], "outra": 1}',
        '{"entidades": null}',
        "",
    ],
)
def test_an_answer_that_breaks_the_schema_is_refused(answer: str) -> None:
    with pytest.raises(ValidationError):
        SaidEntities.model_validate_json(answer)


@pytest.mark.parametrize(
    ("labels", "kept"),
    [
        ([("DOR", "FEBRE")], (Category(macro="DOR", micro="FEBRE"),)),
        ([("DOR", "SOL")], (Category(macro="DOR"),)),
        ([("LUA", "SOL"), ("PELE", "SOL")], (Category(macro="PELE", micro="SOL"),)),
        ([("OUTRO", None)], (Category(macro="OUTRO"),)),
        ([], ()),
    ],
)
def test_only_labels_of_the_taxonomy_are_kept(labels: list[tuple[str, str | None]], kept: tuple[Category, ...]) -> None:
    answer = SaidCategories.model_validate(
        {"categorias": [{"macro": a, "micro": b} for a, b in labels], "ancoras": [" "], "certeza": 2}
    )
    outcome = believed_categories(answer, (), TAXONOMY, 0.0)
    assert outcome is not None
    assert (outcome.categories, outcome.anchors) == (kept, ())
    assert outcome.confidence == (1.0 if kept else 0.0)


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "7"}, 7.0),
        ({"retry-after-ms": "250", "retry-after": "7"}, 0.25),
        ({"retry-after-ms": "soon", "retry-after": "7"}, 7.0),
        ({"retry-after": "Wed, 21 Oct 2015 07:28:00 GMT"}, 0.0),
        ({"retry-after": "-3"}, 0.0),
        ({"retry-after": "whenever"}, None),
        ({}, None),
    ],
)
def test_the_wait_a_reply_asks_for_is_read(headers: dict[str, str], seconds: float | None) -> None:
    assert _retry_after_s(headers) == seconds
