"""A session whose phrases are heard while they are said, whatever order its actors and its journal happen to be in."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from pykka import ActorRef

from actors.messages import AudioFinished, Listened
from actors.runtime.system import stop
from actors.runtime.testkit import VirtualSystem, over_seeds
from actors.session.actor import SessionActor
from actors.session.calls import Restored
from actors.session.connection import Connection
from actors.session.inputs import StreamingName
from actors.session.ports import FlowWindow
from actors.session.seat import Seat
from actors.session.state import fold
from actors.stt.live import LiveEars
from actors.stt.router import RoutedTranscriber
from actors.stt.transcriber import TranscriptionError
from actors.values import (
    EarlyPhrase,
    Heard,
    OpenSpeech,
    Pcm,
    Phrase,
    SpeechBegan,
    SpeechGivenUp,
    SpeechWentOn,
    Transcript,
)
from events.catalogue import (
    AttemptStarted,
    Event,
    PhraseCaptured,
    PhraseOffered,
    SessionResumed,
    SessionStarted,
    SpeechStarted,
    TranscriptionReceived,
    TranscriptionRequested,
    TranscriptionStreamClosed,
    TranscriptionStreamOpened,
)
from tests.unit.routing.engines import Line, PlannedTranscriber, follow
from tests.unit.session.given import phrase
from tests.unit.session.stage import SPEC, Client, Ears, Head, Shelf, services
from tests.unit.session.test_speculation import of, outcomes

SOUND: Pcm = np.arange(64_000, dtype=np.int32).astype(np.int16)
NUMBERS = {8_000: 1, 50_000: 2}


class Stream:
    """A stream that answers after as long as the seed says, or never, or with an error."""

    provider, model = "ears0", "live"
    goes_on = True

    def __init__(self, system: VirtualSystem, plan: str) -> None:
        self._system = system
        self._plan = plan
        self.fed: list[Pcm] = []
        self.commits: list[int] = []
        self.over = False

    @property
    def audio(self) -> Pcm:
        return np.concatenate([np.zeros(0, np.int16), *self.fed])

    def feed(self, pcm: Pcm) -> None:
        assert not self.over
        self.fed.append(pcm)

    def commit(self) -> None:
        self.commits.append(self.audio.size)

    async def transcript(self, *, budget_s: float) -> Transcript:
        await asyncio.sleep(1e9 if self._plan == "hangs" else self._system.random.uniform(0.0, 0.3))
        if self._plan == "fails":
            raise TranscriptionError("transient", "no")
        return Transcript(text="dor de cabeça")

    def cancel(self) -> None:
        self.over = True


class Streaming:
    """Makes such streams, and looks whether each is on record before it is opened."""

    provider, model, goes_on = "ears0", "live", True

    def __init__(self, system: VirtualSystem, shelf: Shelf, plan: str) -> None:
        self._system, self._shelf, self._plan = system, shelf, plan
        self.streams: list[Stream] = []

    async def warm(self) -> None:
        return

    def open(self, terms: Sequence[str] = ()) -> Stream:
        assert len(of(self._shelf.events, TranscriptionStreamOpened)) > len(self.streams)
        self.streams.append(Stream(self._system, self._plan))
        return self.streams[-1]

    async def close(self) -> None:
        return


def said(number: int, start: int, end: int) -> Phrase:
    return replace(phrase(number, start, end), pcm=SOUND[start:end])


class Talk:
    """A session and what is said to it."""

    def __init__(self, system: VirtualSystem, plan: str = "answers") -> None:
        self.system = system
        self.shelf = Shelf(system)
        self.engine = Streaming(system, self.shelf, plan)
        self.batch = PlannedTranscriber("ears0", follow(Line(text="dor de cabeça")))
        self._at = 0

    def begin(self, former: Sequence[Event] = ()) -> tuple[ActorRef[Any], Client, LiveEars]:
        """Spawn the session, in a life after one that recorded `former`."""
        client = Client()
        self.shelf.events = list(former)
        restored = None
        if former:
            assert isinstance(former[-1], SessionResumed)
            restored = Restored(state=fold(former), resumed=former[-1], elapsed_us=0)
        connection = Connection(client, FlowWindow())
        seat = Seat(spec=SPEC, connection=connection, on_end=lambda _: None, restored=restored)
        live = LiveEars(self.engine, self.system.time)
        common = services(self.system, self.shelf, Ears(), Head())
        routed = RoutedTranscriber((self.batch,), self.system.time, lambda _: 0.0)
        streaming = StreamingName("ears0", "live", 3_600.0)
        given = replace(
            common, transcribers=(routed,), streaming=live, policy=replace(common.policy, streaming=streaming)
        )
        session = self.system.spawn(SessionActor, seat, given)
        client.session = session
        return session, client, live

    async def hold(self, *steps: tuple[Heard, int]) -> list[Event]:
        """Let a session hear things, each by the sample where the audio has come to; return what it recorded."""
        session, client, live = self.begin()
        speech_from: dict[int, int] = {}
        for heard, to in steps:
            if isinstance(heard, SpeechBegan):
                speech_from[heard.number] = heard.sample_start
            over = isinstance(heard, Phrase | SpeechGivenUp)
            start = speech_from[heard.number]
            speech = OpenSpeech(number=heard.number, sample_start=start, pcm=SOUND[start:to])
            speech_from[heard.number] = to
            session.tell(Listened(heard=(heard,), byte_end=0, sample_end=to, speech=None if over else speech))
            await asyncio.sleep(self.system.random.choice((0.0, 0.001, 0.01, 0.3, 1.0)))
        session.tell(AudioFinished("client_finished"))
        assert await client.over == "client_finished"
        await stop(session)
        await live.close()
        events = self.shelf.events
        assert fold(events).open_phrases == {}
        assert all(stream.over for stream in self.engine.streams)
        opened, closed = of(events, TranscriptionStreamOpened), of(events, TranscriptionStreamClosed)
        assert sorted(each.phrase for each in opened) == sorted(each.phrase for each in closed)
        return events


def early(number: int, offer: int, start: int, end: int) -> EarlyPhrase:
    return EarlyPhrase(offer=offer, phrase=said(number, start, end))


BEGAN = (SpeechBegan(number=1, sample_start=8_000), 9_000)
PAUSED = (early(1, 1, 8_000, 20_000), 21_000)
WENT_ON = (SpeechWentOn(number=1, offer=1), 24_000)
PAUSED_AGAIN = (early(1, 2, 8_000, 30_000), 31_500)
OVER = (said(1, 8_000, 30_000), 36_000)


@over_seeds
async def test_a_stream_is_sent_the_phrase_sample_for_sample_and_nothing_behind_a_pause(system: VirtualSystem) -> None:
    talk = Talk(system)
    events = await talk.hold(BEGAN, PAUSED, WENT_ON, PAUSED_AGAIN, OVER)
    assert outcomes(events) == {1: 1}
    (stream,) = talk.engine.streams
    assert np.array_equal(stream.audio, SOUND[8_000:30_000])
    assert set(stream.commits) <= {12_000, 22_000}
    (closed,) = of(events, TranscriptionStreamClosed)
    assert (closed.outcome, closed.sample_end) == ("answered", 30_000)
    assert closed.cost_usd * 16_000 == 22_000
    assert {event.model for event in of(events, TranscriptionReceived)} == {"live"}


@over_seeds
async def test_what_a_former_life_offered_to_its_stream_is_asked_of_nobody_off_the_record(
    system: VirtualSystem,
) -> None:
    former: list[Event] = [
        SessionStarted(
            session_id=SPEC.session_id, counter_id="c", protocol=2, encoding="auto", settings={}, versions={}
        ),
        SpeechStarted(phrase=1, sample_start=8_000),
        TranscriptionStreamOpened(phrase=1, provider="ears0", model="live", sample_start=8_000),
        PhraseOffered(phrase=1, offer=1, sample_start=8_000, sample_end=20_000, provider="ears0", model="live"),
        SessionResumed(byte_offset=0, epoch=1),
    ]
    talk = Talk(system)
    session, client, _ = talk.begin(former)
    await asyncio.sleep(0.1)
    again = (SpeechBegan(number=1, sample_start=8_000), early(1, 1, 8_000, 20_000))
    session.tell(Listened(heard=again, byte_end=0, sample_end=21_000))
    await asyncio.sleep(1)
    assert (talk.batch.asked, len(talk.engine.streams)) == (0, 0)
    went_on = SpeechWentOn(number=1, offer=1)
    session.tell(Listened(heard=(went_on, said(1, 8_000, 30_000)), byte_end=0, sample_end=36_000))
    session.tell(AudioFinished("client_finished"))
    assert await client.over == "client_finished"
    await stop(session)
    events = talk.shelf.events
    (received,) = of(events, TranscriptionReceived)
    assert (received.model, talk.batch.asked) == ("m", len(of(events, TranscriptionRequested)))


@over_seeds
async def test_a_stream_that_fails_or_hangs_loses_no_phrase(system: VirtualSystem) -> None:
    for plan in ("fails", "hangs"):
        talk = Talk(system, plan)
        events = await talk.hold(BEGAN, PAUSED, WENT_ON, PAUSED_AGAIN, OVER)
        assert outcomes(events) == {1: 1}
        (received,) = of(events, TranscriptionReceived)
        assert (received.provider, received.model) == ("ears0", "m")
        assert {event.outcome for event in of(events, TranscriptionStreamClosed)} <= {"failed"}
        if of(events, TranscriptionStreamClosed):
            assert of(events, AttemptStarted)


@over_seeds
async def test_what_turns_out_to_be_no_phrase_closes_its_stream(system: VirtualSystem) -> None:
    talk = Talk(system)
    given_up = SpeechGivenUp(number=1, sample_start=8_000, sample_end=12_000, reason="too_short")
    second = SpeechBegan(number=2, sample_start=50_000)
    events = await talk.hold(BEGAN, (given_up, 14_000), (second, 52_000), (said(2, 50_000, 60_000), 62_000))
    assert len(of(events, PhraseCaptured)) == 1
    closed = {event.phrase: event.outcome for event in of(events, TranscriptionStreamClosed)}
    assert closed == {1: "discarded", 2: "answered"}


@over_seeds
async def test_without_offers_the_stream_is_asked_when_the_phrase_is_over(system: VirtualSystem) -> None:
    talk = Talk(system)
    events = await talk.hold(BEGAN, (SpeechWentOn(number=1, offer=0), 34_000), OVER)
    (stream,) = talk.engine.streams
    # By the time that a pause closes the phrase some of the pause may have been sent.
    assert 22_000 <= stream.audio.size <= 26_000
    assert np.array_equal(stream.audio, SOUND[8_000 : 8_000 + stream.audio.size])
    (received,) = of(events, TranscriptionReceived)
    (closed,) = of(events, TranscriptionStreamClosed)
    assert (received.model, closed.outcome, closed.sample_end) == ("live", "answered", 30_000)
