"""A session whose actors break down over a phrase: the phrase is skipped, what comes after it is answered."""

import asyncio
from typing import Any
from uuid import UUID

from actors.llm.understanding import Understanding
from actors.messages import AudioFinished, Delivered, Listened
from actors.runtime.system import stop
from actors.runtime.testkit import VirtualSystem, over_seeds
from actors.session.actor import SessionActor
from actors.session.connection import Connection
from actors.session.inputs import EngineName, Policy, Resources
from actors.session.ports import AudioFormat, FlowWindow, Goodbye, SessionServices, SessionSpec
from actors.stt.transcriber import Transcriber
from actors.values import Classified, Normalised, Pcm, Resolved, SpeechBegan, Transcript, VadSettings
from events.catalogue import (
    Category,
    Entity,
    Event,
    RecommendationSent,
    RecommendationWithheld,
)
from events.store import Append, Appended
from tests.unit.session.given import HEADACHE, ITEM, SESSION, names, phrase


class Shelf:
    """A journal that takes a while, as long as the seed says, and keeps what it is given in order."""

    def __init__(self, system: VirtualSystem) -> None:
        self._system = system
        self._order = asyncio.Lock()
        self.events: list[Event] = []

    def submit(self, append: Append) -> asyncio.Future[Appended]:
        return asyncio.ensure_future(self.append(append))

    async def append(self, append: Append) -> Appended:
        async with self._order:
            await asyncio.sleep(self._system.random.uniform(0, 0.005))
            self.events += [new.event for new in append.events]
        return Appended(stream_position=len(self.events), position=len(self.events))


class Client:
    """Takes what the session tells it."""

    def __init__(self) -> None:
        self.over: asyncio.Future[Goodbye] = asyncio.get_running_loop().create_future()
        self.session: Any = None

    def publish(self, event: Event) -> None:
        if isinstance(event, RecommendationSent):
            self.session.tell(Delivered(number=event.phrase, recommendation_id=event.recommendation_id))

    def close(self, reason: Goodbye) -> None:
        if not self.over.done():
            self.over.set_result(reason)


class Ears:
    """A speech-to-text engine; over the phrases named it breaks down, which engines should not."""

    provider = "ears0"
    model = "m"

    def __init__(self, *broken: int) -> None:
        self._broken = broken
        self._asked = 0

    async def warm(self) -> None:
        return

    async def transcribe(self, pcm: Pcm, *, budget_s: float) -> Transcript:
        self._asked += 1
        await asyncio.sleep(0.3)
        if self._asked in self._broken:
            raise ZeroDivisionError
        return Transcript(text="dor de cabeça")

    async def close(self) -> None:
        return


class Head:
    """The same for understanding: breaks down at the stages named."""

    engine = "head0"
    model = "m"

    def __init__(self, *broken: str) -> None:
        self._broken = list(broken)

    async def warm(self) -> None:
        return

    async def normalise(self, text: str, *, budget_s: float) -> Normalised:
        self._break("normalise")
        return Normalised(entities=(HEADACHE,))

    async def classify(self, text: str, entities: tuple[Entity, ...], *, budget_s: float) -> Classified:
        self._break("classify")
        return Classified(categories=(Category(macro="DOR", micro="CABECA"),), anchors=(), confidence=0.9)

    def _break(self, stage: str) -> None:
        if stage in self._broken:
            self._broken.remove(stage)
            raise ZeroDivisionError

    async def close(self) -> None:
        return


def services(system: VirtualSystem, shelf: Shelf, ears: Transcriber, head: Understanding) -> SessionServices:
    return SessionServices(
        journal=shelf,
        transcribers=(ears,),
        understandings=(head,),
        policy=Policy(
            transcribers=(EngineName("ears0", "m"),),
            understandings=(EngineName("head0", "m"),),
            resolve=lambda _classified, _entities: Resolved(basket="DOR/CABECA", rule="macro_micro", items=(ITEM,)),
        ),
        clock=system.time,
        new_id=lambda: UUID(int=system.random.getrandbits(128)),
        sample_resources=lambda: Resources(
            cpu_percent=1.0, system_cpu_percent=1.0, rss_bytes=1, system_memory_percent=1.0, loop_lag_ms=0.0
        ),
        stt_budget_s=1.0,
        llm_budget_s=1.0,
    )


def spec() -> SessionSpec:
    return SessionSpec(
        session_id=SESSION,
        tenant="t",
        counter_id="c",
        protocol=1,
        audio=AudioFormat(encoding="pcm_s16le"),
        vad=VadSettings(),
        settings={},
        versions={},
    )


async def hear_three(system: VirtualSystem, ears: Ears, head: Head) -> list[Event]:
    """Let a session hear three phrases and come to its end; return what it recorded."""
    shelf, client = Shelf(system), Client()
    ended: list[str] = []
    session = system.spawn(
        SessionActor, spec(), services(system, shelf, ears, head), Connection(client, FlowWindow()), ended.append
    )
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
