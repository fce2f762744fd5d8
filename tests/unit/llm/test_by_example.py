"""The classifier by example and what is decided with it; its weights belong to the corpus that is committed."""

import numpy as np
import pytest

from actors.basket.catalogue import BasketCatalogue
from actors.llm.by_example import KINDS, judge, learnt, quantised
from actors.llm.corpus_reader import corpus
from actors.llm.decision import Decided
from actors.llm.features import BUCKETS, counted
from actors.llm.fusion import Verdict
from actors.llm.learnt_forms import learnt_forms, with_learnt_forms
from actors.llm.lexicon import LexiconUnderstanding
from actors.llm.nearest import Near
from balto.engines import offline_lexicon
from benchmarks.advice.forms import learnt_forms as picked_forms
from benchmarks.advice.training import digest, sources


@pytest.fixture(scope="module")
def decided(baskets: BasketCatalogue) -> LexiconUnderstanding:
    return offline_lexicon(baskets, encoder=False)


async def macro(engine: LexiconUnderstanding, text: str) -> str | None:
    entities = (await engine.normalise(text, budget_s=5)).entities
    categories = (await engine.classify(text, entities, budget_s=5)).categories
    return categories[0].macro if categories else None


def test_the_weights_are_those_of_the_corpus_the_lists_and_the_vocabulary() -> None:
    _, rows = sources()
    model = learnt()
    assert (model.macros, model.names) == (rows.macros, rows.names)
    assert model.digest == digest(rows), "run python -m benchmarks.advice.training"


def test_the_corpus_is_whole(baskets: BasketCatalogue) -> None:
    sentences = corpus()
    known = {entry.category.macro for entry in baskets.lexicon}
    assert len({sentence.text for sentence in sentences}) == len(sentences) > 2000
    assert {sentence.kind for sentence in sentences} == set(KINDS)
    for sentence in sentences:
        assert set(sentence.macros) <= known
        assert bool(sentence.macros) == (sentence.kind == "request")
        assert all(each.said is None or each.said in sentence.text for each in sentence.named)


def test_features_are_the_same_whatever_case_accents_and_numbers() -> None:
    one, other = counted("Às 2 DORES"), counted("às dois dores")
    assert set(one[0].tolist()) == set(other[0].tolist())
    assert one[0].max() < BUCKETS
    assert counted("")[0].size == counted("")[1].size


def test_a_sentence_is_judged_in_all_that_was_learnt() -> None:
    model = learnt()
    judged = judge("não consigo pregar o olho", None, model)
    assert judged.meaning is None
    assert judged.words.shape == (len(KINDS) + len(model.macros) + len(model.names),)
    vector = np.zeros(512, dtype=np.float32)
    assert judge("", vector, model).meaning == pytest.approx(np.zeros_like(judged.words))


def test_whole_numbers_stand_for_weights_as_near_as_a_half_step() -> None:
    weights = np.random.default_rng(1).normal(size=(50, 3)).astype(np.float32)
    whole, scale = quantised(weights)
    assert np.abs(whole * scale - weights).max() <= scale.max() / 2 + 1e-6


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a vista embaçou de tanto olhar pra tela do computador", "OLHOS_OUVIDOS_NARIZ"),
        ("desde que comecei a malhar queria ganhar massa, o que o senhor tem", "SUPLEMENTOS"),
        ("tá uma coceira lá embaixo e um corrimento que não para", "SAUDE_INTIMA_URINARIO"),
    ],
)
async def test_what_the_vocabulary_does_not_name_is_placed(
    decided: LexiconUnderstanding, text: str, expected: str
) -> None:
    assert await macro(decided, text) == expected


@pytest.mark.parametrize(
    "text",
    ["quanto tá custando a dipirona aqui hoje", "o omeprazol tem que ser em jejum ou pode depois do café da manhã"],
)
async def test_a_price_or_a_dose_is_not_a_request_however_certain_the_name(
    decided: LexiconUnderstanding, text: str
) -> None:
    assert await macro(decided, text) is None


@pytest.mark.parametrize(("request_chance", "hushed"), [(0.1, True), (0.4, False)])
def test_what_is_certainly_named_is_hushed_only_if_almost_surely_not_asked_for(
    request_chance: float, *, hushed: bool
) -> None:
    verdict = Verdict(kinds={"request": request_chance, "price_or_dosage": 1 - request_chance, "alarm": 0.0}, macros={})
    decided = Decided(verdict, hushed=True, asked=False, scores=np.zeros(1, dtype=np.float32), mode="words")
    assert decided.hushes(Near(), certain=True) is hushed
    assert decided.hushes(Near(), certain=False)


@pytest.mark.parametrize(
    "text",
    [
        "a irmã do meu chefe tem enxaqueca desde a faculdade",
        "minha tia curava tudo com chá de boldo",
        "todo mundo lá na obra ficou gripado mês passado, menos o mestre",
    ],
)
async def test_who_tells_of_others_asks_for_nothing(decided: LexiconUnderstanding, text: str) -> None:
    assert decided.entities(text)
    assert await macro(decided, text) is None


async def test_a_sentence_that_is_placed_by_another_engine_is_weighed_too(decided: LexiconUnderstanding) -> None:
    text = "tá uma coceira lá embaixo e um corrimento que não para"
    entities = decided.entities(text)
    first = await decided.classify(text, entities, budget_s=5)
    assert first.categories[0].macro == "SAUDE_INTIMA_URINARIO"
    assert decided.place("", ()).categories == ()


def test_the_learnt_forms_are_those_of_the_corpus() -> None:
    vocabulary, _ = sources()
    assert picked_forms(vocabulary, corpus()) == learnt_forms(), "run python -m benchmarks.advice.forms"


def test_learnt_forms_join_those_of_their_entries(baskets: BasketCatalogue) -> None:
    name = baskets.lexicon[0].name
    first, *others = with_learnt_forms(baskets.lexicon, {name: ("um jeito novo",), "nada": ("de ninguém",)})
    assert first.forms == (*baskets.lexicon[0].forms, "um jeito novo")
    assert others == list(baskets.lexicon[1:])
