"""A session whose actors break down over a phrase: the phrase is skipped, what comes after it is answered."""

import asyncio

from actors.messages import AudioFinished, Listened
from actors.runtime.system import stop
from actors.runtime.testkit import VirtualSystem, over_seeds
from actors.session.actor import SessionActor
from actors.session.connection import Connection
from actors.session.ports import FlowWindow
from actors.session.seat import Seat
from actors.values import SpeechBegan
from events.catalogue import Event, RecommendationSent, RecommendationWithheld
from tests.unit.session.given import SESSION, names, phrase
from tests.unit.session.stage import SPEC, Client, Ears, Head, Shelf, services


async def hear_three(system: VirtualSystem, ears: Ears, head: Head) -> list[Event]:
    """Let a session hear three phrases and come to its end; return what it recorded."""
    shelf, client = Shelf(system), Client()
    ended: list[str] = []
    seat = Seat(spec=SPEC, connection=Connection(client, FlowWindow()), on_end=ended.append)
    session = system.spawn(SessionActor, seat, services(system, shelf, ears, head))
    client.session = session
    for number in (1, 2, 3):
        heard = (
            SpeechBegan(number=number, sample_start=number * 1600),
            phrase(number, number * 1600, number * 1600 + 800),
        )
        session.tell(Listened(heard=heard, byte_end=0, sample_end=number * 1600 + 800))
        await asyncio.sleep(system.random.random())
    session.tell(AudioFinished("client_finished"))
    assert await client.over == "client_finished"
    await stop(session)
    assert ended == [SESSION]
    return shelf.events


def outcomes(events: list[Event]) -> dict[int, str]:
    assert names(events[-1:]) == ["SessionEnded"]
    kept = [event for event in events if isinstance(event, RecommendationSent | RecommendationWithheld)]
    assert len(kept) == 3
    return {event.phrase: "sent" if isinstance(event, RecommendationSent) else event.reason for event in kept}


@over_seeds
async def test_the_phrase_that_breaks_the_ears_is_skipped_and_the_others_answered(system: VirtualSystem) -> None:
    events = await hear_three(system, Ears(2), Head())
    assert outcomes(events) == {1: "sent", 2: "transcription_failed", 3: "sent"}


@over_seeds
async def test_the_phrase_that_breaks_a_stage_of_understanding_is_skipped(system: VirtualSystem) -> None:
    stage = system.random.choice(("normalise", "classify"))
    events = await hear_three(system, Ears(), Head(stage))
    assert sorted(outcomes(events).values()) == ["sent", "sent", "understanding_failed"]


@over_seeds
async def test_a_session_without_breakdowns_answers_every_phrase(system: VirtualSystem) -> None:
    assert outcomes(await hear_three(system, Ears(), Head())) == {1: "sent", 2: "sent", 3: "sent"}
