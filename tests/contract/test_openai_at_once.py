"""The OpenAI adapter where one request asks for both stages: what of the answer is believed, and how it is asked."""

from typing import Any

import pytest

from actors.basket.catalogue import load_baskets
from actors.values import Classified
from balto.engines import at_once
from balto.settings import OWN_BASKETS, Settings
from events.catalogue import Category
from tests.contract.test_openai import AMPLE_S, DIPYRONE, INVENTED, SPEECH, adapter, answer, categories
from tests.simulators.openai import OpenAISimulator, loose_part


def always(_text: str) -> bool:
    return True


def both(name: str, asked: dict[str, Any]) -> object:
    assert (name, set(asked)) == ("entender", {"frase"})
    return {"entidades": [DIPYRONE], **categories(("GASTROINTESTINAL", "AZIA_REFLUXO"))}


async def test_both_stages_are_asked_at_once_where_that_is_wanted() -> None:
    simulator = OpenAISimulator(both)
    async with adapter(simulator, at_once=always) as engine:
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
    async with adapter(simulator, at_once=always) as engine:
        outcome = await engine.normalise(SPEECH, budget_s=AMPLE_S)
    assert [entity.name for entity in outcome.entities] == ["dipirona"]
    assert outcome.placed is None


async def test_instructions_for_one_stage_are_followed_in_a_request_of_its_own() -> None:
    simulator = OpenAISimulator(answer)
    prompts = {"normalise": "Liste os remédios."}
    async with adapter(simulator, at_once=always, prompts=prompts) as engine:
        outcome = await engine.normalise(SPEECH, budget_s=AMPLE_S)
    assert outcome.placed is None
    assert simulator.bodies[0]["instructions"] == "Liste os remédios."


async def test_a_sentence_of_which_stage_two_is_not_wanted_is_asked_about_stage_one_alone() -> None:
    simulator = OpenAISimulator(answer)
    async with adapter(simulator, at_once=lambda text: text != SPEECH) as engine:
        outcome = await engine.normalise(SPEECH, budget_s=AMPLE_S)
    assert outcome.placed is None
    assert [body["text"]["format"]["name"] for body in simulator.bodies] == ["normalizar"]


def test_stage_two_is_asked_for_where_the_lexicon_will_not_know_it() -> None:
    baskets = load_baskets(OWN_BASKETS)
    asks = at_once(Settings(_env_file=None), baskets)
    assert asks is not None
    assert not asks("me vê aquele comprimidinho da propaganda, a dipirona")
    assert asks("aquele negócio da televisão")
    assert asks("dipirona e um protetor solar, aquele da propaganda")
    slow = at_once(Settings(_env_file=None, fast_path=False), baskets)
    assert slow is not None
    assert slow("me vê aquele comprimidinho da propaganda, a dipirona")
    assert at_once(Settings(_env_file=None, llm_at_once=False), baskets) is None
