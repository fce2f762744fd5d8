"""Phrases offered to speech-to-text early, over real sockets: answered from the offer, or taken back and asked anew."""

import asyncio
from collections.abc import Sequence

import numpy as np
import pytest

from actors.values import Pcm, Transcript
from balto.web.wire import CloseCode
from events.catalogue import (
    Event,
    OfferTranscribed,
    PhraseCaptured,
    PhraseOffered,
    PhraseOfferWithdrawn,
    RecommendationSent,
    TranscriptionReceived,
    TranscriptionRequested,
)
from tests.e2e.conftest import END, House, Open, of_type
from tests.e2e.counting import Line, break_line, line
from tests.recordings import silence, spoken

MARGIN = 8_000
"""Samples of room tone that each recording has before and behind its voice."""


def speech(name: str) -> Pcm:
    return spoken(name)[MARGIN:-MARGIN]


FIRST, SECOND = speech("chuva"), speech("tosse")
"""The first is one sentence without a pause of its own."""
PAUSE_MS = 400
"""Longer than the pause that an offer takes, shorter than the one that ends a phrase."""
SAID = np.concatenate([silence(1), FIRST, silence(PAUSE_MS / 1000, seed=1), SECOND, silence(1.5, seed=2)])
ALONE = np.concatenate([silence(1), FIRST, silence(1.5, seed=1)])
PAUSE_END = 16_000 + len(FIRST) + PAUSE_MS * 16


class Held:
    """Ears that write nothing down until they are let, and note what they were asked and what was taken back."""

    provider = "held"
    model = "m"

    def __init__(self) -> None:
        self.asked: list[int] = []
        self.cancelled: list[int] = []
        self.begun = asyncio.Event()
        self.let = asyncio.Event()

    async def warm(self) -> None:
        return

    async def transcribe(self, pcm: Pcm, *, budget_s: float, terms: Sequence[str] = ()) -> Transcript:
        self.asked.append(pcm.size)
        self.begun.set()
        try:
            await self.let.wait()
        except asyncio.CancelledError:
            self.cancelled.append(pcm.size)
            raise
        return Transcript(text="estou com dor de cabeça")

    async def close(self) -> None:
        return


async def send(one: Line, start: int, end: int, said: Pcm = SAID) -> None:
    """Send samples as a counter does, a tenth of a second a frame."""
    for at in range(start, end, 1_600):
        piece = said[at : min(at + 1_600, end)]
        await one.ws.send_bytes((2 * at).to_bytes(8) + piece.tobytes())


@pytest.fixture
def ears() -> Held:
    return Held()


async def until_recorded(house: House, one: Line, kind: type[Event]) -> None:
    async with asyncio.timeout(60):
        while True:
            if of_type(await house.recorded(one.ready["session"]), kind):
                return
            await asyncio.sleep(0.01)


async def finish(one: Line) -> None:
    await one.ws.send_str(END)
    assert await one.rest() == CloseCode.NORMAL


async def test_an_answer_is_taken_from_the_offer(house: House) -> None:
    async with line(house) as one:
        await send(one, 0, PAUSE_END, ALONE)
        await until_recorded(house, one, OfferTranscribed)
        await send(one, PAUSE_END, len(ALONE), ALONE)
        await finish(one)
    ((*recorded,),) = await house.ended()
    (captured,) = of_type(recorded, PhraseCaptured)
    offered = of_type(recorded, PhraseOffered)[-1]
    assert (offered.sample_start, offered.sample_end) == (captured.sample_start, captured.sample_end)
    assert of_type(recorded, OfferTranscribed)[-1].offer == offered.offer
    assert len(of_type(recorded, TranscriptionReceived)) == 1
    assert not of_type(recorded, TranscriptionRequested)
    assert len(of_type(recorded, RecommendationSent)) == 1
    order = [type(each.event).__name__ for each in recorded]
    assert order.index("OfferTranscribed") < order.index("PhraseCaptured") < order.index("TranscriptionReceived")


async def test_the_call_for_an_offer_is_cancelled_when_speech_goes_on(open_house: Open, ears: Held) -> None:
    async with open_house(ears) as house, line(house, want=["transcript"]) as one:
        await send(one, 0, PAUSE_END)
        await asyncio.wait_for(ears.begun.wait(), 60)
        await send(one, PAUSE_END, len(SAID))
        await until_recorded(house, one, PhraseCaptured)
        ears.let.set()
        await finish(one)
        ((*recorded,),) = await house.ended()
    withdrawn = of_type(recorded, PhraseOfferWithdrawn)
    assert {event.reason for event in withdrawn} == {"speech_went_on"}
    (captured,) = of_type(recorded, PhraseCaptured)
    assert ears.cancelled == ears.asked[:-1]
    assert ears.cancelled
    assert ears.asked[-1] == captured.sample_end - captured.sample_start
    assert len(of_type(recorded, TranscriptionReceived)) == 1
    # the client is told one text of the phrase, the whole one's
    assert [message["frase"] for message in one.messages if message["comando"] == "transcript"] == [1]


@pytest.mark.parametrize("stopped_at", ["the offer", "the text of the offer"])
async def test_a_session_killed_over_an_offer_goes_on_elsewhere_without_doubling_the_phrase(
    open_house: Open, ears: Held, stopped_at: str
) -> None:
    if stopped_at == "the text of the offer":
        ears.let.set()
    async with open_house(ears) as here, line(here) as first:
        await send(first, 0, PAUSE_END, ALONE)
        await asyncio.wait_for(ears.begun.wait(), 60)
        await until_recorded(here, first, PhraseOffered if stopped_at == "the offer" else OfferTranscribed)
        for ref in list(here.balto.sessions._region._refs.values()):
            ref.actor_stopped.set()  # as good as a killed process: not another word from it
        await break_line(first)
        other = Held()
        other.let.set()
        async with open_house(other, client_email="other@b.example") as there:
            there.key = here.key
            async with line(there, first) as second:
                await send(second, second.ready["offset"] // 2, len(ALONE), ALONE)
                await finish(second)
            ((*recorded,),) = await there.ended()
    offers = [event.offer for event in of_type(recorded, PhraseOffered)]
    assert offers == sorted(set(offers))
    assert [event.phrase for event in of_type(recorded, PhraseCaptured)] == [1]
    assert len(of_type(recorded, TranscriptionReceived)) == 1
    assert len(of_type(recorded, RecommendationSent)) == 1
    assert len(other.asked) == (1 if stopped_at == "the offer" else 0)


async def test_nothing_is_offered_where_the_operator_does_not_want_it(open_house: Open) -> None:
    async with open_house(vad_offer_ms=0) as house:
        async with line(house) as one:
            await send(one, 0, len(SAID))
            await finish(one)
        ((*recorded,),) = await house.ended()
    assert not of_type(recorded, PhraseOffered)
    assert len(of_type(recorded, TranscriptionRequested)) == len(of_type(recorded, PhraseCaptured)) > 0
