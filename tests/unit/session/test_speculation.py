"""A session that offers phrases early, whatever order its actors and its journal happen to be in."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from actors.messages import AudioFinished, Listened
from actors.runtime.system import stop
from actors.runtime.testkit import VirtualSystem, over_seeds
from actors.session.actor import SessionActor
from actors.session.connection import Connection
from actors.session.inputs import EngineName
from actors.session.ports import FlowWindow
from actors.session.seat import Seat
from actors.session.state import fold
from actors.stt.transcriber import TranscriptionError
from actors.values import EarlyPhrase, Heard, Pcm, SpeechBegan, SpeechWentOn, Transcript
from events.catalogue import (
    Event,
    OfferTranscribed,
    PhraseCaptured,
    PhraseOffered,
    PhraseOfferWithdrawn,
    RecommendationSent,
    RecommendationWithheld,
    TranscriptionReceived,
    TranscriptionRequested,
)
from tests.unit.session.given import phrase
from tests.unit.session.stage import SPEC, Client, Ears, Head, Shelf, services

OFFERED, WHOLE, LONGER = 24_000, 24_000, 40_000


class Slow(Ears):
    """Ears that take as long as the seed says, and note what they began, finished and were stopped at."""

    def __init__(self, system: VirtualSystem, *broken: int, provider: str = "ears0") -> None:
        super().__init__(*broken)
        self.provider = provider
        self._system = system
        self.begun: list[int] = []
        self.stopped: list[int] = []

    async def transcribe(self, pcm: Pcm, *, budget_s: float, terms: Sequence[str] = ()) -> Transcript:
        self.begun.append(pcm.size)
        try:
            await asyncio.sleep(self._system.random.uniform(0.0, 0.6))
        except asyncio.CancelledError:
            self.stopped.append(pcm.size)
            raise
        return await super().transcribe(pcm, budget_s=budget_s)


class Failing(Slow):
    """The same, but nothing is ever written down, and quickly."""

    async def transcribe(self, pcm: Pcm, *, budget_s: float, terms: Sequence[str] = ()) -> Transcript:
        self.begun.append(pcm.size)
        await asyncio.sleep(self._system.random.uniform(0.0, 0.01))
        raise TranscriptionError("transient", "no")


def early(number: int, offer: int, end: int) -> EarlyPhrase:
    return EarlyPhrase(offer=offer, phrase=phrase(number, end=end))


async def speak(system: VirtualSystem, ears: Ears, *steps: Heard, shelf: Shelf | None = None) -> list[Event]:
    """Let a session hear things one after the other, with pauses of any length, to its end; return what it recorded."""
    shelf, client = shelf or Shelf(system), Client()
    seat = Seat(spec=SPEC, connection=Connection(client, FlowWindow()), on_end=lambda _: None)
    session = system.spawn(SessionActor, seat, services(system, shelf, ears, Head()))
    client.session = session
    for at, heard in enumerate(steps, start=1):
        session.tell(Listened(heard=(heard,), byte_end=0, sample_end=at))
        await asyncio.sleep(system.random.choice((0.0, 0.001, 0.01, 0.3, 1.0)))
    session.tell(AudioFinished("client_finished"))
    assert await client.over == "client_finished"
    await stop(session)
    assert fold(shelf.events).open_phrases == {}
    return shelf.events


class Slowly(Shelf):
    """A ledger that takes five seconds for everything."""

    async def _take_a_while(self) -> None:
        await asyncio.sleep(5.0)


@over_seeds(seeds=5)
async def test_an_engine_hears_an_offer_no_sooner_than_it_is_durable_whatever_comes_meanwhile(
    system: VirtualSystem,
) -> None:
    ears, client = Slow(system), Client()
    seat = Seat(spec=SPEC, connection=Connection(client, FlowWindow()), on_end=lambda _: None)
    session = system.spawn(SessionActor, seat, services(system, Slowly(system), ears, Head()))
    client.session = session
    began = SpeechBegan(number=1, sample_start=8_000)
    for end, heard in ((8_000, began), (24_000, early(1, 1, OFFERED)), (40_000, None), (56_000, None)):
        session.tell(Listened(heard=(heard,) if heard else (), byte_end=0, sample_end=end))
        await asyncio.sleep(0.5)
    assert ears.begun == []
    await asyncio.sleep(60.0)
    assert ears.begun == [early(1, 1, OFFERED).phrase.pcm.size]
    await stop(session)


def of[E: Event](events: list[Event], kind: type[E]) -> list[E]:
    return [event for event in events if isinstance(event, kind)]


def outcomes(events: list[Event]) -> Counter[int]:
    ends = (RecommendationSent, RecommendationWithheld)
    return Counter(event.phrase for event in events if isinstance(event, ends))


@over_seeds
async def test_an_offer_that_holds_is_written_down_once(system: VirtualSystem) -> None:
    ears = Slow(system)
    events = await speak(system, ears, SpeechBegan(number=1, sample_start=8_000), early(1, 1, WHOLE), phrase(1))
    assert ears.begun == [WHOLE - 8_000]
    assert not ears.stopped
    assert len(of(events, PhraseOffered)) == len(of(events, TranscriptionReceived)) == 1
    assert len(of(events, TranscriptionRequested)) + len(of(events, OfferTranscribed)) == 1
    assert not of(events, PhraseOfferWithdrawn)
    assert outcomes(events) == {1: 1}


@over_seeds
async def test_an_offer_is_withdrawn_its_call_stopped_and_the_whole_phrase_written_down(system: VirtualSystem) -> None:
    ears = Slow(system)
    events = await speak(
        system,
        ears,
        SpeechBegan(number=1, sample_start=8_000),
        early(1, 1, OFFERED),
        SpeechWentOn(number=1, offer=1),
        early(1, 2, LONGER),
        phrase(1, end=LONGER),
        SpeechBegan(number=2, sample_start=50_000),
        phrase(2, 50_000, 60_000),
    )
    (withdrawn,) = of(events, PhraseOfferWithdrawn)
    assert (withdrawn.offer, withdrawn.reason) == (1, "speech_went_on")
    assert ears.begun.count(LONGER - 8_000) == 1
    assert ears.begun.count(10_000) == 1
    assert ears.stopped in ([], [OFFERED - 8_000])
    assert len(of(events, PhraseCaptured)) == len(of(events, TranscriptionReceived)) == 2
    assert outcomes(events) == {1: 1, 2: 1}


@over_seeds
async def test_nothing_is_asked_of_an_engine_before_the_event_that_says_so(system: VirtualSystem) -> None:
    shelf = Shelf(system)

    class Watching(Slow):
        async def transcribe(self, pcm: Pcm, *, budget_s: float, terms: Sequence[str] = ()) -> Transcript:
            offers = [event.sample_end - event.sample_start for event in of(shelf.events, PhraseOffered)]
            assert pcm.size in offers or of(shelf.events, TranscriptionRequested)
            return await super().transcribe(pcm, budget_s=budget_s)

    events = await speak(
        system,
        Watching(system),
        SpeechBegan(number=1, sample_start=8_000),
        early(1, 1, OFFERED),
        SpeechWentOn(number=1, offer=1),
        early(1, 2, LONGER),
        phrase(1, end=LONGER),
        shelf=shelf,
    )
    assert of(events, RecommendationSent)


@over_seeds
async def test_ears_that_break_over_an_offer_cost_no_phrase_but_their_own(system: VirtualSystem) -> None:
    events = await speak(
        system,
        Slow(system, 1),
        SpeechBegan(number=1, sample_start=8_000),
        early(1, 1, WHOLE),
        phrase(1),
        SpeechBegan(number=2, sample_start=50_000),
        phrase(2, 50_000, 60_000),
    )
    assert outcomes(events) == {1: 1, 2: 1}
    assert {event.phrase for event in of(events, RecommendationSent)} >= {2}


@over_seeds
async def test_of_two_engines_without_a_router_each_is_asked_once_for_a_phrase(system: VirtualSystem) -> None:
    shelf, client = Shelf(system), Client()
    first, second = Failing(system, provider="ears0"), Slow(system, provider="ears1")
    stage = services(system, shelf, first, Head())
    both = replace(stage.policy, transcribers=(EngineName("ears0", "m"), EngineName("ears1", "m")))
    seat = Seat(spec=SPEC, connection=Connection(client, FlowWindow()), on_end=lambda _: None)
    session = system.spawn(SessionActor, seat, replace(stage, transcribers=(first, second), policy=both))
    client.session = session
    for heard in (SpeechBegan(number=1, sample_start=8_000), early(1, 1, WHOLE), phrase(1)):
        session.tell(Listened(heard=(heard,), byte_end=0, sample_end=1))
        await asyncio.sleep(system.random.choice((0.0, 0.001, 0.01)))
    session.tell(AudioFinished("client_finished"))
    assert await client.over == "client_finished"
    await stop(session)
    # The first once for the offer, and once more for the phrase if the offer had failed before the phrase was over.
    assert len(second.begun) == 1
    assert len(of(shelf.events, TranscriptionReceived)) == 1
