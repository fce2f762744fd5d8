"""The watch in front of an engine: alarms go no further, circumstances go beside what the engine understood."""

from dataclasses import replace
from typing import override

from actors.llm.understanding import Understanding
from actors.llm.watchful import ALARM, UNNAMED_ALARM, WatchfulUnderstanding
from actors.values import UNNAMED_SILENCE, Classified, Normalised
from events.catalogue import Category, Entity

PLACE = Category(macro="DOR", micro="CABECA")


def entity(name: str, span: str | None = None) -> Entity:
    return Entity(kind="symptom", name=name, span=span or name, score=1.0)


class Recorder:
    """An engine that writes down what it is asked."""

    engine = "recorder"
    model = "1"

    def __init__(self, *understood: Entity) -> None:
        self.understood = understood
        self.asked: list[object] = []

    async def warm(self) -> None:
        self.asked.append("warm")

    async def close(self) -> None:
        self.asked.append("close")

    async def normalise(self, text: str, *, budget_s: float) -> Normalised:
        self.asked.append((text, budget_s))
        return Normalised(entities=self.understood, cost_usd=0.5)

    async def classify(self, text: str, entities: tuple[Entity, ...], *, budget_s: float) -> Classified:
        self.asked.append((text, entities, budget_s))
        return Classified(categories=(PLACE,), anchors=(), confidence=0.9, cost_usd=0.5)


def watched(inner: Understanding) -> WatchfulUnderstanding:
    def look(text: str) -> tuple[Entity, ...]:
        return tuple(
            entity(name, word) for name, word in (("perigo", "infarto"), ("gestante", "grávida")) if word in text
        )

    return WatchfulUnderstanding(inner, look, alarms=frozenset({"perigo"}), names=frozenset({"perigo", "gestante"}))


async def test_an_alarm_is_all_that_is_named_and_costs_nothing() -> None:
    inner = Recorder(entity("dor"))
    engine = watched(inner)
    normalised = await engine.normalise("infarto, e estou grávida", budget_s=1)
    classified = await engine.classify("infarto", normalised.entities, budget_s=1)
    assert normalised == Normalised(entities=(entity("perigo", "infarto"),))
    assert classified == Classified(categories=(ALARM,), anchors=(), confidence=1.0)
    assert inner.asked == []


async def test_a_circumstance_stands_beside_what_was_understood_and_places_nothing() -> None:
    inner = Recorder(entity("dor"), entity("gestante", "de outro"))
    engine = watched(inner)
    normalised = await engine.normalise("dor, e estou grávida", budget_s=1)
    assert normalised == Normalised(entities=(entity("dor"), entity("gestante", "grávida")), cost_usd=0.5)
    classified = await engine.classify("dor", normalised.entities, budget_s=2)
    assert classified.categories == (PLACE,)
    assert inner.asked == [("dor, e estou grávida", 1), ("dor", (entity("dor"),), 2)]


async def test_a_circumstance_alone_is_no_request() -> None:
    assert await watched(Recorder()).normalise("ela está grávida", budget_s=1) == Normalised(entities=(), cost_usd=0.5)


async def test_it_passes_for_the_engine_within() -> None:
    inner = Recorder()
    engine = watched(inner)
    await engine.warm()
    await engine.close()
    assert (engine.engine, engine.model, inner.asked) == ("recorder", "1", ["warm", "close"])


async def test_a_sign_that_only_the_engine_recognises_is_an_alarm_and_keeps_the_circumstance() -> None:
    class Alarmed(Recorder):
        async def normalise(self, text: str, *, budget_s: float) -> Normalised:
            return Normalised(entities=(), alarm=True, cost_usd=0.5)

    engine = watched(Alarmed())
    normalised = await engine.normalise("grávida, passou muito mal", budget_s=1)
    sign = entity(UNNAMED_ALARM, "grávida, passou muito mal")
    assert normalised == Normalised(entities=(sign, entity("gestante", "grávida")), alarm=True, cost_usd=0.5)
    classified = await engine.classify("grávida, passou muito mal", normalised.entities, budget_s=1)
    assert classified.categories == (ALARM,)


async def test_a_sign_that_is_denied_is_none_however_like_one_the_engine_finds_it() -> None:
    class Alarmed(Recorder):
        async def normalise(self, text: str, *, budget_s: float) -> Normalised:
            return Normalised(entities=(), alarm=True)

    def look(text: str) -> tuple[Entity, ...]:
        said = "infarto" in text and "não" not in text.lower()
        return (entity("perigo", "infarto"),) if said else ()

    names = frozenset({"perigo"})
    engine = WatchfulUnderstanding(Alarmed(), look, alarms=names, names=names)
    assert (await engine.normalise("Não foi infarto", budget_s=1)).entities == ()
    assert (await engine.normalise("Não quero mais", budget_s=1)).entities == (entity(UNNAMED_ALARM, "Não quero mais"),)


async def test_talk_of_prices_that_only_the_engine_knows_is_said_to_be_that_and_placed_nowhere() -> None:
    class Quiet(Recorder):
        async def normalise(self, text: str, *, budget_s: float) -> Normalised:
            return Normalised(entities=(), silence=True, cost_usd=0.5)

    inner = Quiet()
    engine = watched(inner)
    normalised = await engine.normalise("fica o dia todo ou tira", budget_s=1)
    talk = entity(UNNAMED_SILENCE, "fica o dia todo ou tira")
    assert normalised == Normalised(entities=(talk,), silence=True, cost_usd=0.5)
    classified = await engine.classify("fica o dia todo ou tira", normalised.entities, budget_s=1)
    assert classified == Classified(categories=(), anchors=(), confidence=1.0)


async def test_where_all_of_it_belongs_is_passed_on_unless_something_of_it_was_left_out() -> None:
    class Quick(Recorder):
        @override
        async def normalise(self, text: str, *, budget_s: float) -> Normalised:
            return replace(await super().normalise(text, budget_s=budget_s), placed=placed)

    placed = Classified(categories=(PLACE,), anchors=(), confidence=0.5, with_stage_1=True)
    beside = await watched(Quick(entity("dor"))).normalise("dor, e estou grávida", budget_s=1)
    without = await watched(Quick(entity("dor"), entity("perigo"))).normalise("dor", budget_s=1)
    assert (beside.placed, [each.name for each in beside.entities]) == (placed, ["dor", "gestante"])
    assert (without.placed, [each.name for each in without.entities]) == (None, ["dor"])
