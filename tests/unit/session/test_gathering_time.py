"""An unfinished utterance in virtual time: the last words wait for no next customer."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import numpy as np
import pytest

from actors.messages import AudioFinished
from actors.runtime.testkit import VirtualSystem, over_seeds, run
from actors.session.calls import Attach, ConnectionLost
from actors.session.conversation import Rules
from actors.session.ports import FlowWindow
from actors.session.state import fold
from actors.values import SAMPLE_RATE, Pcm, Transcript
from balto.sessions import Session
from events.catalogue import (
    Event,
    NormalisationRequested,
    PhraseCaptured,
    PhraseGathered,
    RecommendationSent,
    UtteranceGathered,
)
from tests.recordings import conversation
from tests.unit.session.house import House
from tests.unit.session.stage import Client, Ears

GATHER_S = 1.5
RULES = Rules(names_something=lambda _: False, gather_samples=int(GATHER_S * SAMPLE_RATE))
ONE = conversation("dor_de_cabeca")
STEP = 1_600


def over_a_few(scenario: Callable[[VirtualSystem], Awaitable[None]]) -> Any:
    return over_seeds(scenario, seeds=25)


class Murmur(Ears):
    """Hears the beginning of a sentence each time, as long after as the test says."""

    def __init__(self, seconds: float = 0.3) -> None:
        super().__init__()
        self._seconds = seconds

    async def transcribe(self, pcm: Pcm, *, budget_s: float, terms: Sequence[str] = ()) -> Transcript:
        await asyncio.sleep(self._seconds)
        return Transcript(text="queria uma coisa")


async def speak(house: House, session: Session, pcm: Pcm, at: int = 0) -> int:
    """Send samples as fast as they are spoken; return the bytes sent so far."""
    for first in range(0, pcm.size, STEP):
        data = pcm[first : first + STEP].tobytes()
        await house.send(session, data, at)
        at += len(data)
        await asyncio.sleep(STEP / SAMPLE_RATE)
    return at


def silence(seconds: float) -> Pcm:
    return np.zeros(int(seconds * SAMPLE_RATE), np.int16)


def of(events: list[Event], kind: type[Event]) -> list[Event]:
    return [event for event in events if isinstance(event, kind)]


def spoken() -> Pcm:
    """The one phrase of the recording between short silences."""
    loud = np.flatnonzero(np.abs(ONE) > 500)
    return np.concatenate([ONE[loud[0] - SAMPLE_RATE // 2 : loud[-1]], silence(0.8)])


SPOKEN = spoken()


async def until(house: House, kind: type[Event], count: int = 1) -> float:
    began = house.system.loop.time()
    for _ in range(3_000):
        if len(of(house.shelf.events, kind)) >= count:
            return house.system.loop.time() - began
        await asyncio.sleep(0.01)
    raise AssertionError(f"no {kind.__name__}")


@over_a_few
async def test_the_last_words_go_though_no_audio_comes_any_more(system: VirtualSystem) -> None:
    house = House(system, ears=Murmur(), rules=RULES)
    session = house.start("pcm_s16le")
    at = await speak(house, session, SPOKEN)
    await until(house, PhraseCaptured)
    assert await until(house, RecommendationSent) < 2 * GATHER_S
    (gathered,) = of(house.shelf.events, UtteranceGathered)
    assert isinstance(gathered, UtteranceGathered)
    assert gathered.reason == "timer"
    assert at == 2 * SPOKEN.size


@over_a_few
async def test_silence_sends_the_last_words_as_soon(system: VirtualSystem) -> None:
    house = House(system, ears=Murmur(), rules=RULES)
    session = house.start("pcm_s16le")
    await speak(house, session, np.concatenate([SPOKEN, silence(2.0)]))
    (gathered,) = of(house.shelf.events, UtteranceGathered)
    assert isinstance(gathered, UtteranceGathered)
    assert gathered.reason == "pause"


@over_a_few
async def test_phrases_spoken_in_one_breath_are_one_utterance(system: VirtualSystem) -> None:
    house = House(system, ears=Murmur(), rules=RULES)
    session = house.start("pcm_s16le")
    await speak(house, session, np.concatenate([SPOKEN, SPOKEN]))
    await until(house, RecommendationSent)
    assert of(house.shelf.events, PhraseGathered) == [PhraseGathered(phrase=1, into=2)]
    assert [e.phrase for e in of(house.shelf.events, NormalisationRequested)] == [2]  # type: ignore[attr-defined] # of its kind


@over_a_few
async def test_the_end_of_the_audio_sends_what_waits_at_once(system: VirtualSystem) -> None:
    house = House(system, ears=Murmur(), rules=RULES)
    session = house.start("pcm_s16le")
    await speak(house, session, SPOKEN)
    session.tell(AudioFinished("client_finished"))
    assert await house.client.over == "client_finished"
    (gathered,) = of(house.shelf.events, UtteranceGathered)
    assert isinstance(gathered, UtteranceGathered)
    assert gathered.reason in ("end", "timer")
    assert of(house.shelf.events, RecommendationSent)


@over_a_few
async def test_what_waited_when_the_connection_broke_goes_too(system: VirtualSystem) -> None:
    house = House(system, ears=Murmur(), rules=RULES)
    session = house.start("pcm_s16le")
    at = await speak(house, session, SPOKEN)
    session.tell(ConnectionLost(house.client))
    client = Client()
    await asyncio.sleep(system.random.uniform(0, 3))
    client.session = session
    await session.ask(Attach(client, FlowWindow()), block=False)
    house.client = client
    await until(house, RecommendationSent)
    assert at == 2 * SPOKEN.size
    assert not [p for p in fold(house.shelf.events).open_phrases.values() if p.stage == "gathering"]


@pytest.mark.parametrize("slow_s", [0.2, 0.9])
def test_a_fragment_is_never_held_longer_than_the_setting_after_its_silence(slow_s: float) -> None:
    async def scenario(system: VirtualSystem) -> float:
        house = House(system, ears=Murmur(slow_s), rules=RULES)
        session = house.start("pcm_s16le")
        await speak(house, session, SPOKEN)
        return await until(house, NormalisationRequested)

    # The silence that closed the phrase, 0.8 s of it, was heard already.
    assert run(scenario, 1).value <= GATHER_S + slow_s


@over_a_few
async def test_the_conversations_words_are_listened_for_from_the_next_phrase_on(system: VirtualSystem) -> None:
    told: list[tuple[str, ...]] = []

    class Listening(Ears):
        async def transcribe(self, pcm: Pcm, *, budget_s: float, terms: Sequence[str] = ()) -> Transcript:
            told.append(tuple(terms))
            return await super().transcribe(pcm, budget_s=budget_s, terms=terms)

    house = House(system, ears=Listening())
    session = house.start("pcm_s16le")
    at = await speak(house, session, SPOKEN)
    await until(house, RecommendationSent)
    assert set(told) == {()}
    await speak(house, session, SPOKEN, at)
    await until(house, RecommendationSent, 2)
    assert told[-1] == ("dor de cabeça",)
