"""Understanding that begins before its request is durable: by who is asked nothing outside, and by nobody else."""

import asyncio
from typing import override

import pykka

from actors.llm.actor import LlmActor
from actors.messages import Listened
from actors.runtime.system import stop
from actors.runtime.testkit import VirtualSystem, over_seeds
from actors.session.actor import SessionActor
from actors.session.connection import Connection
from actors.session.ports import FlowWindow
from actors.session.seat import Seat
from actors.values import EarlyPhrase, Heard, Normalised, SpeechBegan
from events.catalogue import NormalisationRequested, OfferTranscribed, RecommendationSent
from events.store import Append, Appended, StoreUnavailableError
from tests.unit.session.given import phrase
from tests.unit.session.stage import SPEC, Client, Ears, Head, Shelf, services


class Held(Shelf):
    """A ledger that leaves unwritten what follows a request to understand, until told to."""

    def __init__(self, system: VirtualSystem) -> None:
        super().__init__(system)
        self.go = asyncio.Event()
        self.requested = asyncio.Event()

    @override
    async def _commit(self, landed: Appended, behind: asyncio.Future[Appended] | None) -> Appended:
        if self.requested.is_set():
            await self.go.wait()
        return await super()._commit(landed, behind)

    @override
    def submit(self, append: Append) -> asyncio.Future[Appended]:
        if any(isinstance(new.event, NormalisationRequested) for new in append.events):
            self.requested.set()
        return super().submit(append)


class Asked(Head):
    """Notes when it was asked."""

    def __init__(self, engine: str) -> None:
        super().__init__()
        self.engine = engine
        self.asked: list[str] = []

    @override
    async def normalise(self, text: str, *, budget_s: float) -> Normalised:
        self.asked.append(text)
        return await super().normalise(text, budget_s=budget_s)


async def hear(system: VirtualSystem, engine: str) -> tuple[bool, Asked, Shelf]:
    """Let a session hear one phrase; return whether its head was asked before the request was durable."""
    shelf, client, head = Held(system), Client(), Asked(engine)
    seat = Seat(spec=SPEC, connection=Connection(client, FlowWindow()), on_end=lambda _: None)
    session = system.spawn(SessionActor, seat, services(system, shelf, Ears(), head))
    client.session = session
    steps: list[Heard] = [SpeechBegan(number=1, sample_start=8_000), phrase(1)]
    for at, heard in enumerate(steps, start=1):
        session.tell(Listened(heard=(heard,), byte_end=0, sample_end=at))
    await shelf.requested.wait()
    await asyncio.sleep(60.0)  # longer than any engine has: waiting for the ledger is no engine's fault
    before = bool(head.asked)
    shelf.go.set()
    await asyncio.sleep(1.0)
    await stop(session)
    return before, head, shelf


@over_seeds(seeds=10)
async def test_the_lexicon_is_asked_while_its_request_is_being_written(system: VirtualSystem) -> None:
    before, head, shelf = await hear(system, "lexicon")
    assert before
    assert len(head.asked) == 1
    assert any(isinstance(event, RecommendationSent) for event in shelf.events)


@over_seeds(seeds=10)
async def test_who_is_outside_is_asked_once_the_request_is_durable(system: VirtualSystem) -> None:
    before, head, shelf = await hear(system, "openai")
    assert not before
    assert len(head.asked) == 1
    assert any(isinstance(event, RecommendationSent) for event in shelf.events)


class Failing(Held):
    """A ledger that cannot write a request to understand."""

    @override
    async def _commit(self, landed: Appended, behind: asyncio.Future[Appended] | None) -> Appended:
        if self.requested.is_set():
            await asyncio.sleep(1.0)
            raise StoreUnavailableError("away")
        return await super()._commit(landed, behind)


@over_seeds(seeds=10)
async def test_who_waits_for_a_request_that_is_never_durable_waits_no_longer_than_its_session(
    system: VirtualSystem,
) -> None:
    shelf, client, head = Failing(system), Client(), Asked("openai")
    seat = Seat(spec=SPEC, connection=Connection(client, FlowWindow()), on_end=lambda _: None)
    session = system.spawn(SessionActor, seat, services(system, shelf, Ears(), head))
    client.session = session
    for at, heard in enumerate((SpeechBegan(number=1, sample_start=8_000), phrase(1)), start=1):
        session.tell(Listened(heard=(heard,), byte_end=0, sample_end=at))  # type: ignore[arg-type]
    assert await client.over == "journal_unavailable"
    await asyncio.sleep(1.0)
    assert not pykka.ActorRegistry.get_by_class(LlmActor)
    assert not head.asked


async def offer(system: VirtualSystem, engine: str) -> Asked:
    """Let a session hear a phrase that is offered and written down while its pause goes on."""
    shelf, client, head = Shelf(system), Client(), Asked(engine)
    seat = Seat(spec=SPEC, connection=Connection(client, FlowWindow()), on_end=lambda _: None)
    session = system.spawn(SessionActor, seat, services(system, shelf, Ears(), head))
    client.session = session
    early = EarlyPhrase(offer=1, phrase=phrase(1))
    steps: list[Heard] = [SpeechBegan(number=1, sample_start=8_000), early]
    for at, heard in enumerate(steps, start=1):
        session.tell(Listened(heard=(heard,), byte_end=0, sample_end=at))
    await asyncio.sleep(1.0)
    assert any(isinstance(event, OfferTranscribed) for event in shelf.events)
    assert not any(isinstance(event, NormalisationRequested) for event in shelf.events)
    await stop(session)
    return head


@over_seeds(seeds=10)
async def test_what_is_said_so_far_is_thought_about_in_its_pause(system: VirtualSystem) -> None:
    head = await offer(system, "lexicon")
    assert head.asked == ["dor de cabeça"]


@over_seeds(seeds=10)
async def test_nobody_outside_is_asked_about_what_may_go_on(system: VirtualSystem) -> None:
    head = await offer(system, "openai")
    assert not head.asked
