"""The router of understanding in virtual time: one hedge, then the lexicon, within one deadline; and the fast path."""

import asyncio

import pytest

from actors.llm.lexicon import LexiconUnderstanding
from actors.llm.router import RoutedUnderstanding
from actors.llm.understanding import UnderstandingError, UnderstandingErrorCode
from actors.runtime.clock import SystemClock
from actors.runtime.testkit import VirtualSystem
from actors.values import Classified, LexiconEntry, Normalised
from events.catalogue import Category, Entity
from tests.unit.routing.engines import FOREVER, over_seeds

PAIN = Category(macro="DOR_FEBRE_INFLAMACAO", micro="DOR_DE_CABECA")
ENTRIES = (
    LexiconEntry(name="dor de cabeça", kind="symptom", category=PAIN),
    LexiconEntry(name="dipirona", kind="medicine", category=PAIN),
    LexiconEntry(name="azia", kind="symptom", category=Category(macro="GASTROINTESTINAL", micro="AZIA_REFLUXO")),
)
LEXICON = LexiconUnderstanding(ENTRIES, "v1")
UNCLEAR = "me vê aquele comprimidinho da propaganda, a dipirona"
SAID = Entity(kind="medicine", name="dipirona monoidratada", span="dipirona", score=0.9)


class PlannedModel:
    """A model each of whose calls takes the next time of a plan, or fails with the next code; the last one repeats."""

    engine = "planned"
    model = "p1"

    def __init__(self, *plan: float | UnderstandingErrorCode) -> None:
        self._plan = plan
        self.asked = 0
        self.under_way = 0

    async def warm(self) -> None:
        return

    async def close(self) -> None:
        return

    async def _go(self) -> None:
        step = self._plan[min(self.asked, len(self._plan) - 1)]
        self.asked += 1
        self.under_way += 1
        try:
            await asyncio.sleep(0.1 if isinstance(step, str) else step)
        finally:
            self.under_way -= 1
        if isinstance(step, str):
            raise UnderstandingError(step, "no")

    async def normalise(self, text: str, *, budget_s: float) -> Normalised:
        await self._go()
        return Normalised(entities=(SAID,), cost_usd=0.001)

    async def classify(self, text: str, entities: tuple[Entity, ...], *, budget_s: float) -> Classified:
        await self._go()
        return Classified(categories=(PAIN,), anchors=(), confidence=0.9, cost_usd=0.002)


def routed(system: VirtualSystem, model: PlannedModel, *, fast: bool = False) -> RoutedUnderstanding:
    return RoutedUnderstanding(model, LEXICON, system.time, sure=LEXICON if fast else None)


@over_seeds
async def test_a_model_that_answers_is_asked_once(system: VirtualSystem) -> None:
    model = PlannedModel(0.3)
    won = await routed(system, model).route_normalise(UNCLEAR, budget_s=1.5)
    assert (won.lane.name, won.answer.entities, won.others, model.asked) == ("planned", (SAID,), (), 1)


@over_seeds
async def test_a_slow_one_is_asked_once_more_and_the_slow_call_is_cancelled(system: VirtualSystem) -> None:
    model = PlannedModel(FOREVER, 0.3)
    won = await routed(system, model).route_normalise(UNCLEAR, budget_s=1.5)
    assert (won.lane.name, won.why, model.asked) == ("planned", "slow", 2)
    assert [(o.outcome, o.code) for o in won.others] == [("cancelled", "slower")]
    await asyncio.sleep(0.001)
    assert model.under_way == 0


@over_seeds
async def test_the_lexicon_answers_within_the_deadline_of_a_silent_model(system: VirtualSystem) -> None:
    model = PlannedModel(FOREVER)
    began = asyncio.get_running_loop().time()
    won = await routed(system, model).route_normalise(UNCLEAR, budget_s=1.5)
    assert asyncio.get_running_loop().time() - began < 1.5
    assert won.lane.name == "lexicon"
    assert [e.name for e in won.answer.entities] == ["dipirona"]
    assert [(o.outcome, o.code) for o in won.others] == [("cancelled", "slower")] * 2
    assert model.asked == 2


@pytest.mark.parametrize("code", ["refused", "truncated", "invalid_answer", "rejected", "throttled", "unauthorised"])
def test_what_another_request_would_not_mend_goes_to_the_lexicon_at_once(code: UnderstandingErrorCode) -> None:
    async def scenario(system: VirtualSystem) -> None:
        model = PlannedModel(code)
        engine = routed(system, model)
        began = asyncio.get_running_loop().time()
        won = await engine.route_classify(UNCLEAR, (SAID,), budget_s=1.5)
        assert asyncio.get_running_loop().time() - began == pytest.approx(0.1, abs=0.001)
        assert (won.lane.name, won.why, model.asked) == ("lexicon", "failed", 1)
        assert [(o.engine, o.outcome, o.code) for o in won.others] == [("planned", "failed", code)]
        await engine.close()

    over_seeds(scenario)()


@over_seeds
async def test_passing_trouble_is_asked_once_more_at_once(system: VirtualSystem) -> None:
    model = PlannedModel("transient", 0.2)
    won = await routed(system, model).route_normalise(UNCLEAR, budget_s=1.5)
    assert (won.lane.name, won.why, model.asked) == ("planned", "failed", 2)


@over_seeds
async def test_a_model_that_is_left_alone_is_passed_over_until_a_probe_finds_it_well(system: VirtualSystem) -> None:
    model = PlannedModel("unauthorised", 0.2)
    engine = routed(system, model)
    await engine.route_normalise(UNCLEAR, budget_s=1.5)
    won = await engine.route_normalise(UNCLEAR, budget_s=1.5)
    assert (won.lane.name, model.asked) == ("lexicon", 1)
    assert [(o.engine, o.outcome, o.code) for o in won.others] == [("planned", "passed_over", "circuit_open")]
    await asyncio.sleep(1.5)
    assert (await engine.route_normalise(UNCLEAR, budget_s=1.5)).lane.name == "planned"
    await engine.close()


@over_seeds
async def test_what_the_lexicon_is_certain_about_asks_no_model_and_says_so(system: VirtualSystem) -> None:
    model = PlannedModel(0.3)
    engine = routed(system, model, fast=True)
    text = "bom dia, eu queria uma dipirona por favor"
    first = await engine.route_normalise(text, budget_s=1.5)
    second = await engine.route_classify(text, first.answer.entities, budget_s=1.5)
    assert (first.why, second.why, model.asked) == ("certain", "certain", 0)
    assert second.answer.categories == (PAIN,)
    assert [(o.engine, o.outcome, o.code) for o in second.others] == [("planned", "passed_over", "certain")]


@pytest.mark.parametrize(
    "text",
    [
        UNCLEAR,
        "tem de pirona",
        "não quero dipirona",
        "sou alérgico a dipirona",
        "bom dia",
        "",
        "dipirona e um negócio pra micose",
    ],
)
def test_of_these_nothing_is_certain(text: str) -> None:
    assert LEXICON.certain_entities(text) == ()


def test_two_places_are_not_certain() -> None:
    text = "estou com dor de cabeça e azia"
    entities = LEXICON.entities(text)
    assert len(entities) == 2
    assert LEXICON.certain_category(text, entities) is None


class Watched(LexiconUnderstanding):
    """A lexicon that remembers what it was asked."""

    def __init__(self) -> None:
        super().__init__(ENTRIES, "v1")
        self.asked: list[tuple[str, tuple[str, ...]]] = []

    async def normalise(self, text: str, *, budget_s: float) -> Normalised:
        self.asked.append(("normalise", ()))
        return await super().normalise(text, budget_s=budget_s)

    async def classify(self, text: str, entities: tuple[Entity, ...], *, budget_s: float) -> Classified:
        self.asked.append(("classify", tuple(entity.name for entity in entities)))
        return await super().classify(text, entities, budget_s=budget_s)


@pytest.mark.parametrize(
    ("text", "fast", "thought"),
    [
        ("quero dipirona", True, [("normalise", ())]),
        (UNCLEAR, True, [("classify", ("dipirona",))]),
        ("aquele comprimidinho da propaganda", True, []),
        ("me vê aquele negócio da propaganda, a dipirona, e a azia voltou", True, []),
        ("quero dipirona", False, []),
        (UNCLEAR, False, []),
    ],
)
async def test_what_is_likely_to_be_the_lexicons_alone_it_thinks_about_ahead(
    text: str, fast: bool, thought: list[tuple[str, tuple[str, ...]]]
) -> None:
    model, last = PlannedModel(0.3), Watched()
    engine = RoutedUnderstanding(model, last, SystemClock(), sure=LEXICON)
    await engine.foresee(text, budget_s=1.5, fast_path=fast)
    assert (last.asked, model.asked) == (thought, 0)
