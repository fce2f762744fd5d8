"""An understanding that says stage 2 with stage 1: it is asked once, and what it said is used where it still holds."""

import asyncio
from dataclasses import replace
from typing import override

from actors.llm.actor import LlmActor
from actors.messages import Classify, Listened, Normalise
from actors.runtime.actor import Actor
from actors.runtime.system import stop
from actors.runtime.testkit import VirtualSystem, over_seeds
from actors.session.actor import SessionActor
from actors.session.connection import Connection
from actors.session.ports import FlowWindow
from actors.session.seat import Seat
from actors.values import Classified, Heard, Normalised, SpeechBegan
from events.catalogue import Category, ClassificationCompleted, Entity, RecommendationSent
from tests.unit.session.given import HEADACHE, phrase
from tests.unit.session.stage import SPEC, Client, Ears, Head, Shelf, services

PLACE = Category(macro="DOR", micro="CABECA")


class Quick(Head):
    """Says both stages in the answer to the first."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[str] = []

    @override
    async def normalise(self, text: str, *, budget_s: float) -> Normalised:
        self.asked.append("normalise")
        placed = Classified(categories=(PLACE,), anchors=(), confidence=0.7, with_stage_1=True)
        return Normalised(entities=(HEADACHE,), cost_usd=0.25, placed=placed)

    @override
    async def classify(self, text: str, entities: tuple[Entity, ...], *, budget_s: float) -> Classified:
        self.asked.append("classify")
        return await super().classify(text, entities, budget_s=budget_s)


@over_seeds(seeds=10)
async def test_a_session_asks_once_and_records_where_stage_two_came_from(system: VirtualSystem) -> None:
    shelf, client, head = Shelf(system), Client(), Quick()
    seat = Seat(spec=SPEC, connection=Connection(client, FlowWindow()), on_end=lambda _: None)
    session = system.spawn(SessionActor, seat, services(system, shelf, Ears(), head))
    client.session = session
    steps: list[Heard] = [SpeechBegan(number=1, sample_start=8_000), phrase(1)]
    for at, heard in enumerate(steps, start=1):
        session.tell(Listened(heard=(heard,), byte_end=0, sample_end=at))
    await asyncio.sleep(5.0)
    await stop(session)
    (placed,) = [event for event in shelf.events if isinstance(event, ClassificationCompleted)]
    assert head.asked == ["normalise"]
    assert (placed.engine, placed.with_stage_1, placed.latency_ms, placed.cost_usd) == ("head0", True, 0.0, 0.0)
    assert placed.confidence == 0.7
    assert any(isinstance(event, RecommendationSent) for event in shelf.events)


async def asked_after(system: VirtualSystem, classify: Classify) -> list[str]:
    """Let an actor do stage 1 of phrase 1 and then what is given; return what its engine was asked."""
    head, told = Quick(), list[object]()

    class Session(Actor):
        @override
        def on_receive(self, message: object) -> None:
            told.append(message)

    session = system.spawn(Session)
    llm = system.spawn(LlmActor, session, (head, head), budget_s=1.0, clock=system.time)
    llm.tell(Normalise(number=1, text="dor de cabeça", engine="head0"))
    await asyncio.sleep(1.0)
    llm.tell(classify)
    await asyncio.sleep(1.0)
    await stop(llm)
    await stop(session)
    assert len(told) == 2
    return head.asked


GIVEN = Classify(number=1, text="dor de cabeça", entities=(HEADACHE,), engine="head0")


@over_seeds(seeds=3)
async def test_what_was_said_before_is_used_for_the_same_question(system: VirtualSystem) -> None:
    assert await asked_after(system, GIVEN) == ["normalise"]


@over_seeds(seeds=3)
async def test_another_question_is_asked_by_itself(system: VirtualSystem) -> None:
    others = (
        replace(GIVEN, number=2),
        replace(GIVEN, entities=()),
        replace(GIVEN, attempt=1),
        replace(GIVEN, engine="somebody else"),
    )
    for other in others:
        assert await asked_after(system, other) == ["normalise", "classify"], other
