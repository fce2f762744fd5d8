"""Engines that answer with what no event can hold: the session goes on, and the phrase has its outcome."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, override

import pytest

from actors.messages import AudioFinished, Listened
from actors.runtime.system import stop
from actors.runtime.testkit import VirtualSystem, run
from actors.session.actor import SessionActor
from actors.session.connection import Connection
from actors.session.ports import FlowWindow
from actors.session.seat import Seat
from actors.values import Classified, Normalised, Pcm, SpeechBegan, Transcript
from events.catalogue import (
    Category,
    ClassificationCompleted,
    Entity,
    Event,
    NormalisationCompleted,
    TranscriptCompared,
    TranscriptionReceived,
    Word,
)
from events.codec import encode
from events.store import Append, Appended
from tests.unit.routing.engines import Line, PlannedTranscriber, follow, over_seeds
from tests.unit.session.given import names, phrase
from tests.unit.session.stage import SPEC, Client, Ears, Head, Shelf, services
from tests.unit.session.test_comparing import converse
from tests.unit.session.test_speculation import of

NAN: Final = float("nan")


class StrictShelf(Shelf):
    """Takes only what the ledger can hold, as the journal does."""

    @override
    def submit(self, append: Append) -> asyncio.Future[Appended]:
        for new in append.events:
            encode(new.event)
        return super().submit(append)


@dataclass
class Spoilt:
    """An engine of speech-to-text that answers the same every time."""

    transcript: Transcript
    provider: str = "ears0"
    model: str = "m"

    async def warm(self) -> None:
        return

    async def transcribe(self, pcm: Pcm, *, budget_s: float, terms: Sequence[str] = ()) -> Transcript:
        return self.transcript

    async def close(self) -> None:
        return


class SpoiltHead(Head):
    """Understands, and says so with what no event can hold."""

    @override
    async def normalise(self, text: str, *, budget_s: float) -> Normalised:
        entity = Entity(kind="symptom", name="dor de cabe\0ça", span="dor de\ud83d cabeça", score=NAN)
        return Normalised(entities=(entity,), cost_usd=NAN)

    @override
    async def classify(self, text: str, entities: tuple[Entity, ...], *, budget_s: float) -> Classified:
        place = Category(macro="DOR\0", micro="\ud83dCABECA")
        return Classified(categories=(place,), anchors=("dipi\0rona",), confidence=NAN, cost_usd=float("inf"))


def held(ears: Spoilt | Ears, head: Head) -> list[Event]:
    """Let a session hear a phrase and come to its end; return what it recorded."""

    async def scenario(system: VirtualSystem) -> list[Event]:
        shelf, client = StrictShelf(system), Client()
        seat = Seat(spec=SPEC, connection=Connection(client, FlowWindow()), on_end=lambda _: None)
        session = system.spawn(SessionActor, seat, services(system, shelf, ears, head))
        client.session = session
        heard = (SpeechBegan(number=1, sample_start=8_000), phrase(1, 8_000, 24_000))
        session.tell(Listened(heard=heard, byte_end=0, sample_end=26_000))
        await asyncio.sleep(1)
        session.tell(AudioFinished("client_finished"))
        assert await client.over == "client_finished"
        await stop(session)
        assert names(shelf.events[-1:]) == ["SessionEnded"]
        return shelf.events

    return run(scenario, 1).value


@pytest.mark.parametrize(
    ("text", "kept"),
    [("dor de cabe\0ça", "dor de cabeça"), ("dor \ud83dde cabeça\udc4d", "dor de cabeça"), ("dor", "dor")],
)
def test_a_transcript_is_recorded_without_what_no_event_can_hold(text: str, kept: str) -> None:
    words = (Word(text=text, start_s=NAN, end_s=float("-inf"), confidence=float("inf")),)
    events = held(Spoilt(Transcript(text=text, words=words, confidence=NAN, cost_usd=NAN)), Head())
    (received,) = of(events, TranscriptionReceived)
    assert (received.text, received.words) == (kept, (Word(text=kept),))
    assert (received.confidence, received.cost_usd) == (None, 0.0)
    assert "RecommendationSent" in names(events)


@over_seeds
async def test_what_another_engine_heard_is_recorded_without_it_too(system: VirtualSystem) -> None:
    dear, cheap = (PlannedTranscriber(name, follow(Line(text="dor\0 de ca\ud83dbeça"))) for name in ("dear", "cheap"))
    events, _ = await converse(system, dear, cheap)
    assert {event.text for event in of(events, TranscriptCompared)} == {"dor de cabeça cheap"}
    assert {event.chosen_words for event in of(events, TranscriptCompared)} == {4}


def test_a_text_of_nothing_else_is_empty() -> None:
    assert "TranscriptionRejected" in names(held(Spoilt(Transcript(text="\0\ud83d")), Head()))


def test_words_at_impossible_times_tell_no_rate() -> None:
    words = tuple(Word(text="dor", start_s=0.0, end_s=5e-324) for _ in range(3))
    (received,) = of(held(Spoilt(Transcript(text="dor dor dor", words=words)), Head()), TranscriptionReceived)
    assert received.words_per_minute is None


def test_what_was_understood_is_recorded_without_what_no_event_can_hold() -> None:
    events = held(Ears(), SpoiltHead())
    (normalised,) = of(events, NormalisationCompleted)
    (entity,) = normalised.entities
    assert (entity.name, entity.span, entity.score) == ("dor de cabeça", "dor de cabeça", 0.0)
    (classified,) = of(events, ClassificationCompleted)
    assert classified.categories == (Category(macro="DOR", micro="CABECA"),)
    assert (classified.anchors, classified.confidence, classified.cost_usd) == (("dipirona",), 0.0, 0.0)
    assert "RecommendationSent" in names(events)
