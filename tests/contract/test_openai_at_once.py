"""The OpenAI adapter where one request asks for both stages: what of the answer is believed, and how it is asked."""

from typing import Any

import pytest

from actors.values import Classified
from events.catalogue import Category
from tests.contract.test_openai import AMPLE_S, DIPYRONE, INVENTED, SPEECH, adapter, answer, categories
from tests.simulators.openai import OpenAISimulator, loose_part


def both(name: str, asked: dict[str, Any]) -> object:
    assert (name, set(asked)) == ("entender", {"frase"})
    return {"entidades": [DIPYRONE], **categories(("GASTROINTESTINAL", "AZIA_REFLUXO"))}


async def test_both_stages_are_asked_at_once_where_that_is_wanted() -> None:
    simulator = OpenAISimulator(both)
    async with adapter(simulator, at_once=True) as engine:
        outcome = await engine.normalise(SPEECH, budget_s=AMPLE_S)
    assert [entity.name for entity in outcome.entities] == ["dipirona"]
    assert outcome.cost_usd > 0
    assert outcome.placed == Classified(
        categories=(Category(macro="GASTROINTESTINAL", micro="AZIA_REFLUXO"),),
        anchors=("dipirona",),
        confidence=0.5,
        with_stage_1=True,
    )
    (body,) = simulator.bodies
    schema = body["text"]["format"]["schema"]
    assert loose_part(schema) is None
    assert list(schema["properties"]) == ["entidades", "categorias", "ancoras", "certeza"]
    assert "Liste em `entidades`" in body["instructions"]
    assert "DOR_FEBRE_INFLAMACAO: FEBRE, DOR_DE_CABECA" in body["instructions"]
    assert "{" not in body["instructions"]


@pytest.mark.parametrize(
    "said",
    [
        {"entidades": [DIPYRONE], **categories(("ASTROLOGIA", None))},
        {"entidades": [DIPYRONE, INVENTED], **categories(("DOR_FEBRE_INFLAMACAO", None))},
    ],
    ids=["no such category", "something invented"],
)
async def test_what_is_left_of_an_answer_is_asked_about_by_itself(said: dict[str, object]) -> None:
    simulator = OpenAISimulator(lambda _name, _asked: said)
    async with adapter(simulator, at_once=True) as engine:
        outcome = await engine.normalise(SPEECH, budget_s=AMPLE_S)
    assert [entity.name for entity in outcome.entities] == ["dipirona"]
    assert outcome.placed is None


async def test_instructions_for_one_stage_are_followed_in_a_request_of_its_own() -> None:
    simulator = OpenAISimulator(answer)
    prompts = {"normalise": "Liste os remédios."}
    async with adapter(simulator, at_once=True, prompts=prompts) as engine:
        outcome = await engine.normalise(SPEECH, budget_s=AMPLE_S)
    assert outcome.placed is None
    assert simulator.bodies[0]["instructions"] == "Liste os remédios."
