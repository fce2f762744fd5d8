"""A session's stage in virtual time: a ledger, a client, ears and a head, which take as long as the seed says."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Any
from uuid import UUID

from actors.llm.understanding import Understanding
from actors.messages import Delivered
from actors.runtime.testkit import VirtualSystem
from actors.session.conversation import Rules
from actors.session.inputs import EngineName, Policy, Resources
from actors.session.ports import AudioFormat, Goodbye, Recalled, SessionServices, SessionSpec
from actors.session.state import SessionState, fold
from actors.stt.transcriber import Transcriber
from actors.values import Classified, Normalised, Pcm, Resolved, Transcript, VadSettings
from events.catalogue import Category, Entity, Event, RecommendationSent, SessionEnded
from events.store import Append, Appended, RecordingChunk, WrongExpectedPositionError
from tests.unit.session.given import HEADACHE, ITEM, SESSION

SPEC = SessionSpec(
    session_id=SESSION,
    tenant="t",
    counter_id="c",
    protocol=2,
    audio=AudioFormat(encoding="pcm_s16le"),
    vad=VadSettings(),
    settings={},
    versions={},
    resumable=True,
)


class Shelf:
    """A ledger that takes a while, as long as the seed says, and keeps one session in order, its recording too."""

    def __init__(self, system: VirtualSystem) -> None:
        self._system = system
        self._last: asyncio.Future[Appended] | None = None
        self.events: list[Event] = []
        self.audio = bytearray()
        self.recalled = 0
        self.read_from: list[int] = []
        self.kept: list[SessionState] = []

    def submit(self, append: Append) -> asyncio.Future[Appended]:
        if append.expected != len(self.events):
            raise WrongExpectedPositionError(append.stream, append.expected, len(self.events))
        self.events += [new.event for new in append.events]
        for chunk in append.recordings:
            assert chunk.byte_start == len(self.audio)
            self.audio += chunk.data
        landed = Appended(stream_position=len(self.events), position=len(self.events))
        self._last = asyncio.ensure_future(self._commit(landed, self._last))
        return self._last

    async def _commit(self, landed: Appended, behind: asyncio.Future[Appended] | None) -> Appended:
        if behind is not None:
            await behind
        await self._take_a_while()
        return landed

    async def append(self, append: Append) -> Appended:
        return await self.submit(append)

    async def recall(self, stream: str) -> Recalled:
        await self._take_a_while()
        self.recalled += 1
        ended = next((event for event in self.events if isinstance(event, SessionEnded)), None)
        return Recalled(started=None, state=fold(self.events), ended=ended, elapsed_us=0)

    async def recording(self, stream: str, from_byte: int) -> AsyncIterator[RecordingChunk]:
        self.read_from.append(from_byte)
        for at in range(from_byte - from_byte % 10_000, len(self.audio), 10_000):
            await self._take_a_while()
            yield RecordingChunk(byte_start=at, data=bytes(self.audio[at : at + 10_000]))

    async def keep(self, stream: str, position: int, state: SessionState) -> None:
        self.kept.append(state)

    async def _take_a_while(self) -> None:
        await asyncio.sleep(self._system.random.uniform(0, 0.005))


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

    async def transcribe(self, pcm: Pcm, *, budget_s: float, terms: Sequence[str] = ()) -> Transcript:
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


def services(
    system: VirtualSystem, shelf: Shelf, ears: Transcriber, head: Understanding, rules: Rules | None = None
) -> SessionServices:
    return SessionServices(
        journal=shelf,
        transcribers=(ears,),
        understandings=(head,),
        policy=Policy(
            transcribers=(EngineName("ears0", "m"),),
            understandings=(EngineName("head0", "m"),),
            resolve=lambda *_: Resolved(basket="DOR/CABECA", rule="macro_micro", items=(ITEM,)),
            rules=rules or Rules(),
        ),
        clock=system.time,
        memory=shelf,
        new_id=lambda: UUID(int=system.random.getrandbits(128)),
        sample_resources=lambda: Resources(
            cpu_percent=1.0, system_cpu_percent=1.0, rss_bytes=1, system_memory_percent=1.0, loop_lag_ms=0.0
        ),
        stt_budget_s=1.0,
        llm_budget_s=1.0,
    )
