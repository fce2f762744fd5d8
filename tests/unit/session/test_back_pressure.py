"""The slowest actor's pace reaches the client: nothing piles up in between, and nobody waits for ever."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

import pykka
import pytest

from actors.audio.actor import AudioActor
from actors.messages import AudioFinished, Listen
from actors.runtime.testkit import VirtualSystem, over_seeds, run
from actors.session.intake import PIECE_BYTES, PIECES
from actors.vad.actor import VadActor
from actors.values import Pcm, Transcript
from events.catalogue import PhraseCaptured, RecommendationSent
from tests.recordings import conversation
from tests.unit.session.house import House
from tests.unit.session.stage import Ears

SEEDS = 60
"""Each hears up to half a minute of audio, so fewer than where only messages are exchanged."""
LIMIT = 1 << 17
ONE = conversation("dor_de_cabeca")
MANY = ONE.tobytes() * 5


class SlowEars(Ears):
    """Takes two seconds a phrase."""

    async def transcribe(self, pcm: Pcm, *, budget_s: float, terms: Sequence[str] = ()) -> Transcript:
        await asyncio.sleep(1.9)
        return Transcript(text="dor de cabeça")


class SlowVad(VadActor):
    """Takes as long for audio as it lasts."""

    async def on_receive(self, message: Any) -> None:
        if isinstance(message, Listen):
            await asyncio.sleep(len(message.pcm) / 16_000)
        if (work := VadActor.on_receive(self, message)) is not None:
            await work


class Piles:
    """Looks again and again at what has piled up in the actors."""

    def __init__(self, house: House) -> None:
        self._house = house
        self.longest: dict[str, int] = {}
        self.bytes = 0
        self.phrases = 0

    async def watch(self) -> None:
        while True:
            for ref in pykka.ActorRegistry.get_all():
                waiting = len(ref.actor_inbox)  # type: ignore[arg-type] # ours have a length
                self.longest[ref.actor_class.__name__] = max(self.longest.get(ref.actor_class.__name__, 0), waiting)
                session: Any = ref._actor_weakref()
                if ref.actor_class.__name__ == "SessionActor" and hasattr(session, "_crew"):
                    self.phrases = max(self.phrases, len(session._crew.phrases))
                    self.bytes = max(self.bytes, len(session._writer._unrecorded))
            await asyncio.sleep(0.3)


async def flood(system: VirtualSystem, house: House, frame: Callable[[], int], data: bytes) -> tuple[Piles, float]:
    """Send as fast as the session takes it; return what piled up, and how long sending took."""
    session = house.start("pcm_s16le")
    piles = Piles(house)
    watching = asyncio.create_task(piles.watch())
    began = system.loop.time()
    at = 0
    while at < len(data):
        size = frame()
        await house.send(session, data[at : at + size], at)
        at += size
    took = system.loop.time() - began
    session.tell(AudioFinished("client_finished"))
    assert await house.client.over == "client_finished"
    watching.cancel()
    return piles, took


def check(piles: Piles, largest_frame: int) -> None:
    assert piles.bytes <= LIMIT + largest_frame
    assert piles.longest["AudioActor"] <= (AudioActor.capacity or 0)
    assert piles.longest.get("SlowVad", piles.longest.get("VadActor", 0)) <= PIECES + 2
    # What clients send is bounded by 64; the answers beside it by what the children may have.
    assert piles.longest["SessionActor"] <= 64 + 40


@over_seeds(seeds=SEEDS)
async def test_a_slow_detector_holds_the_client_back(system: VirtualSystem) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("actors.session.crew.VadActor", SlowVad)
        house = House(system, window=LIMIT)
        data = ONE.tobytes() + bytes(250_000)
        piles, took = await flood(system, house, lambda: system.random.randrange(20_000, 60_000), data)
    check(piles, 60_000)
    assert took >= (len(data) - LIMIT - 60_000) / 32_000 - 5
    assert bytes(house.shelf.audio) == data


@over_seeds(seeds=SEEDS)
async def test_slow_ears_hold_the_client_back(system: VirtualSystem) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("actors.session.actor.MAX_PHRASES_UNDER_WAY", 2)
        house = House(system, ears=SlowEars(), window=LIMIT)
        piles, took = await flood(system, house, lambda: 64_000, MANY)
    check(piles, 64_000)
    expected = sum(isinstance(event, PhraseCaptured) for event in house.shelf.events)
    assert expected >= 5
    assert sum(isinstance(event, RecommendationSent) for event in house.shelf.events) == expected
    # Each piece that is out already may complete a phrase more.
    assert piles.phrases <= 2 + 1 + PIECES * (1 + PIECE_BYTES // len(ONE.tobytes()))
    assert took < 30


def test_a_flood_of_tiny_frames_is_handed_on_in_pieces() -> None:
    async def scenario(system: VirtualSystem) -> Piles:
        piles, _ = await flood(system, House(system, window=LIMIT), lambda: 2, ONE.tobytes()[:40_000])
        return piles

    piles = run(scenario, 1).value
    assert piles.longest["SessionActor"] <= 64 + 40
    assert piles.longest["AudioActor"] <= PIECES + 2
