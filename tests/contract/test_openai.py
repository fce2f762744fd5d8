"""The OpenAI adapter against a server that speaks the provider's protocol, in health and in every fault."""

import asyncio
import logging
import traceback
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any

import pytest

from actors.llm.openai import OpenAIUnderstanding
from actors.llm.understanding import Understanding, UnderstandingError
from actors.values import Normalised
from events.catalogue import Category, Entity
from tests.leaping import IN_VAIN_S, in_vain
from tests.simulators.openai import Fault, OpenAISimulator, loose_part

MODEL = "gpt-6-luna"
TAXONOMY = {"DOR_FEBRE_INFLAMACAO": ("FEBRE", "DOR_DE_CABECA"), "GASTROINTESTINAL": ("AZIA_REFLUXO",)}
PRICES = {MODEL: {"input": 0.10, "cached_input": 0.01, "output": 0.50}}
SPEECH = "Bom dia, tô com febre e quero uma de pirona"
DIPYRONE = {"tipo": "medicine", "nome": "Dipirona", "trecho": "de pirona", "certeza": 0.9}
FEVER = {"tipo": "symptom", "nome": "febre", "trecho": "febre", "certeza": 1.4}
INVENTED = {"tipo": "medicine", "nome": "ibuprofeno", "trecho": "ibuprofeno", "certeza": 1}
AMPLE_S = 60.0

CODES: list[Any] = [
    (Fault.UNAUTHORISED, "unauthorised", None),
    (Fault.THROTTLED, "throttled", 7.0),
    (Fault.THROTTLED_MS, "throttled", 1.5),
    (Fault.QUOTA, "unauthorised", None),
    (Fault.OVERLOADED, "throttled", 7.0),
    (Fault.SERVER_ERROR, "transient", None),
    (Fault.SLOW, "timeout", None),
    (Fault.DRIPPING, "timeout", None),
    (Fault.DROPPED, "transient", None),
    (Fault.CUT_SHORT, "transient", None),
    (Fault.BAD_JSON, "invalid_answer", None),
    (Fault.HTML, "invalid_answer", None),
    (Fault.REFUSAL, "refused", None),
    (Fault.FILTERED, "refused", None),
    (Fault.TRUNCATED, "truncated", None),
    (Fault.FAILED, "transient", None),
    (Fault.BROKEN_SCHEMA, "invalid_answer", None),
    (Fault.NO_OUTPUT, "invalid_answer", None),
    (Fault.EMPTY_OUTPUT, "invalid_answer", None),
]


def answer(name: str, asked: dict[str, Any]) -> object:
    if name == "normalizar":
        assert set(asked) == {"frase"}
        return {"entidades": [DIPYRONE, FEVER, INVENTED]}
    assert asked["entidades"] == [{"tipo": "medicine", "nome": "dipirona"}]
    micro = {"macro": "DOR_FEBRE_INFLAMACAO", "micro": "FEBRE"}
    return {
        "categorias": [micro, {"macro": "GASTROINTESTINAL", "micro": "FEBRE"}],
        "ancoras": ["Paracetamol"],
        "certeza": 0.8,
    }


def categories(*labels: tuple[str, str | None]) -> dict[str, object]:
    said = [{"macro": macro, "micro": micro} for macro, micro in labels]
    return {"categorias": said, "ancoras": [], "certeza": 0.5}


DIPYRONE_ENTITY = Entity(kind="medicine", name="dipirona", span="de pirona", score=0.9)


@pytest.fixture
def simulator() -> OpenAISimulator:
    return OpenAISimulator(answer)


@asynccontextmanager
async def adapter(
    simulator: OpenAISimulator,
    *,
    key: str | None = None,
    at_once: Callable[[str], bool] | None = None,
    prompts: Mapping[str, str] | None = None,
) -> AsyncIterator[OpenAIUnderstanding]:
    async with simulator.serving() as url:
        engine = OpenAIUnderstanding(
            key or simulator.key,
            MODEL,
            url,
            taxonomy=TAXONOMY,
            prices=PRICES,
            at_once=at_once,
            prompts=prompts,
        )
        await engine.warm()
        try:
            yield engine
        finally:
            await engine.close()


async def normalised(engine: OpenAIUnderstanding, simulator: OpenAISimulator) -> Normalised:
    """Ask for stage 1; where no answer comes, until the question is there."""
    if simulator.fault not in {Fault.SLOW, Fault.DRIPPING}:
        return await engine.normalise(SPEECH, budget_s=AMPLE_S)
    simulator.reached.clear()
    return await in_vain(engine.normalise(SPEECH, budget_s=IN_VAIN_S), simulator.reached)


async def test_stage_one_keeps_what_the_text_proves(simulator: OpenAISimulator) -> None:
    async with adapter(simulator) as engine:
        port: Understanding = engine
        outcome = await port.normalise(SPEECH, budget_s=AMPLE_S)
    assert [(e.name, e.span, e.score) for e in outcome.entities] == [
        ("dipirona", "de pirona", 0.9),
        ("febre", "febre", 1.0),
    ]
    assert (port.engine, port.model) == ("openai", MODEL)


async def test_cached_tokens_are_billed_at_their_own_price(simulator: OpenAISimulator) -> None:
    async with adapter(simulator) as engine:
        outcome = await engine.normalise(SPEECH, budget_s=AMPLE_S)
    assert outcome.cost_usd == pytest.approx((400 * 0.10 + 600 * 0.01 + 50 * 0.50) / 1e6)


async def test_stage_two_drops_a_micro_of_another_macro_and_unites_the_anchors(
    simulator: OpenAISimulator,
) -> None:
    async with adapter(simulator) as engine:
        outcome = await engine.classify(SPEECH, (DIPYRONE_ENTITY,), budget_s=AMPLE_S)
    assert outcome.categories == (
        Category(macro="DOR_FEBRE_INFLAMACAO", micro="FEBRE"),
        Category(macro="GASTROINTESTINAL", micro=None),
    )
    assert outcome.anchors == ("dipirona", "paracetamol")
    assert outcome.confidence == 0.8


async def test_the_request_is_what_the_policy_says(simulator: OpenAISimulator) -> None:
    async with adapter(simulator) as engine:
        await engine.normalise(SPEECH, budget_s=AMPLE_S)
        await engine.classify(SPEECH, (DIPYRONE_ENTITY,), budget_s=AMPLE_S)
    first, second = simulator.bodies
    for body in (first, second):
        assert body["store"] is False
        assert body["reasoning"] == {"effort": "none"}
        assert body["text"]["verbosity"] == "low"
        assert 0 < body["max_output_tokens"] <= 500
        assert SPEECH not in body["instructions"]
        assert loose_part(body["text"]["format"]["schema"]) is None
    assert first["prompt_cache_key"] != second["prompt_cache_key"]
    assert "DOR_FEBRE_INFLAMACAO: FEBRE, DOR_DE_CABECA" in second["instructions"]
    assert "{taxonomia}" not in second["instructions"]
    macros = second["text"]["format"]["schema"]["properties"]["categorias"]["items"]["properties"]["macro"]
    assert macros["enum"] == [*TAXONOMY, "OUTRO"]


async def test_sentences_share_one_connection(simulator: OpenAISimulator) -> None:
    async with adapter(simulator) as engine:
        for _ in range(3):
            await engine.normalise(SPEECH, budget_s=AMPLE_S)
    assert (simulator.requests, len(simulator.connections)) == (3, 1)


@pytest.mark.parametrize(("fault", "code", "retry_after_s"), CODES)
async def test_every_fault_becomes_its_code_after_a_single_request(
    simulator: OpenAISimulator, fault: Fault, code: str, retry_after_s: float | None
) -> None:
    simulator.fault = fault
    async with adapter(simulator) as engine:
        with pytest.raises(UnderstandingError) as caught:
            await normalised(engine, simulator)
    assert (caught.value.code, caught.value.retry_after_s) == (code, retry_after_s)
    assert simulator.requests == 1


def test_every_fault_has_its_code_or_is_survived() -> None:
    assert {fault for fault, *_ in CODES} | {Fault.NO_USAGE} == set(Fault)


async def test_an_answer_without_usage_is_good_and_costs_nothing_known(simulator: OpenAISimulator) -> None:
    simulator.fault = Fault.NO_USAGE
    async with adapter(simulator) as engine:
        outcome = await engine.normalise(SPEECH, budget_s=AMPLE_S)
    assert len(outcome.entities) == 2
    assert outcome.cost_usd == 0.0


async def test_a_wrong_key_is_told_apart(simulator: OpenAISimulator) -> None:
    async with adapter(simulator, key="sk-outra") as engine:
        with pytest.raises(UnderstandingError) as caught:
            await engine.normalise(SPEECH, budget_s=AMPLE_S)
    assert caught.value.code == "unauthorised"


@pytest.mark.parametrize("fault", [None, *Fault])
async def test_neither_key_nor_speech_reaches_a_log_or_an_error(
    simulator: OpenAISimulator, fault: Fault | None, caplog: pytest.LogCaptureFixture
) -> None:
    simulator.fault = fault
    caplog.set_level(logging.DEBUG)
    told = ""
    async with adapter(simulator) as engine:
        try:
            await normalised(engine, simulator)
        except UnderstandingError as error:
            told = "".join(traceback.format_exception(error)) + repr(error)
        told += repr(engine)
    assert simulator.bodies
    for secret in (simulator.key, "de pirona", "pirona"):
        assert secret not in told
        assert secret not in caplog.text


async def test_the_engine_answers_again_after_a_fault(simulator: OpenAISimulator) -> None:
    async with adapter(simulator) as engine:
        for fault in (Fault.DROPPED, Fault.BAD_JSON, Fault.SLOW):
            simulator.fault = fault
            with pytest.raises(UnderstandingError):
                await normalised(engine, simulator)
        simulator.fault = None
        assert (await engine.normalise(SPEECH, budget_s=AMPLE_S)).entities


async def test_a_cancelled_sentence_stays_cancelled(simulator: OpenAISimulator) -> None:
    simulator.fault = Fault.SLOW
    async with adapter(simulator) as engine:
        sentence = asyncio.create_task(engine.normalise(SPEECH, budget_s=AMPLE_S))
        await simulator.reached.wait()
        sentence.cancel()
        with pytest.raises(asyncio.CancelledError):
            await sentence


async def test_categories_that_do_not_exist_are_no_answer(simulator: OpenAISimulator) -> None:
    simulator.answerer = lambda _name, _asked: categories(("ASTROLOGIA", None))
    async with adapter(simulator) as engine:
        with pytest.raises(UnderstandingError) as caught:
            await engine.classify(SPEECH, (), budget_s=AMPLE_S)
    assert caught.value.code == "invalid_answer"


async def test_no_category_is_an_answer_without_confidence(simulator: OpenAISimulator) -> None:
    simulator.answerer = lambda _name, _asked: categories()
    async with adapter(simulator) as engine:
        outcome = await engine.classify("bom dia", (), budget_s=AMPLE_S)
    assert (outcome.categories, outcome.anchors, outcome.confidence) == ((), (), 0.0)


async def test_at_most_two_categories_are_kept_and_a_repeated_one_counts_once(
    simulator: OpenAISimulator,
) -> None:
    said = ("GASTROINTESTINAL", "AZIA_REFLUXO"), ("GASTROINTESTINAL", None), ("OUTRO", None)
    simulator.answerer = lambda _name, _asked: categories(*said, ("DOR_FEBRE_INFLAMACAO", "FEBRE"))
    async with adapter(simulator) as engine:
        outcome = await engine.classify(SPEECH, (), budget_s=AMPLE_S)
    assert [c.macro for c in outcome.categories] == ["GASTROINTESTINAL", "OUTRO"]


async def test_warming_up_without_a_network_leaves_the_report_to_the_first_sentence() -> None:
    engine = OpenAIUnderstanding("sk-x", MODEL, "http://127.0.0.1:9/v1", taxonomy=TAXONOMY)
    await engine.warm()
    with pytest.raises(UnderstandingError) as caught:
        await engine.normalise(SPEECH, budget_s=AMPLE_S)
    await engine.close()
    assert caught.value.code == "transient"
