"""The client, the purse and the ledger of a replay: what a session had around it, as the recording has it."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Any

import pykka

from actors.messages import Delivered, RecommendationReply
from actors.runtime.waiting import MailboxFullError
from actors.session.ports import Goodbye, Recalled
from actors.session.purse import Allowance
from actors.session.state import SessionState
from balto.replay.answer import Place
from balto.replay.answers import Answers
from balto.replay.recorded import Moment
from events.catalogue import (
    Answer,
    AudioReceived,
    Event,
    Item,
    PaidEnginesAllowed,
    PaidEnginesStopped,
    PhraseCaptured,
    PhraseOffered,
    RecommendationAnswered,
    RecommendationDelivered,
    RecommendationSent,
)
from events.envelope import NewEvent
from events.store import Append, Appended, RecordingChunk


class Notebook:
    """Takes what the session writes, which is durable at once. Implements `events.journal.EventWriter`."""

    def __init__(self) -> None:
        self.written: list[NewEvent] = []
        self._places: dict[tuple[int, int], Place] = {}

    def submit(self, append: Append) -> asyncio.Future[Appended]:
        """Take an append."""
        for new in append.events:
            self.written.append(new)
            match new.event:
                case PhraseCaptured(phrase=number, sample_start=start, sample_end=end):
                    self._places[number, 0] = start, end
                case PhraseOffered(phrase=number, offer=offer, sample_start=start, sample_end=end):
                    self._places[number, offer] = start, end
                case _:
                    pass
        done: asyncio.Future[Appended] = asyncio.get_running_loop().create_future()
        done.set_result(Appended(stream_position=len(self.written), position=len(self.written)))
        return done

    async def append(self, append: Append) -> Appended:
        """Take an append."""
        return await self.submit(append)

    def place_of(self, phrase: int, offer: int) -> Place | None:
        """Return where a phrase, or what was offered of it, is."""
        return self._places.get((phrase, offer))


class NoMemory:
    """A replayed session never rests and is never taken up. Implements `actors.session.ports.SessionMemory`."""

    async def recall(self, stream: str) -> Recalled:  # noqa: ARG002 - the port's
        """Know of nothing."""
        return Recalled(started=None, state=SessionState(), ended=None, elapsed_us=0)

    async def recording(self, stream: str, from_byte: int) -> AsyncIterator[RecordingChunk]:  # noqa: ARG002 - the port's
        """Yield nothing."""
        return
        yield

    async def keep(self, stream: str, position: int, state: SessionState) -> None:
        """Keep nothing."""


class RecordedPurse:
    """Stops and allows paid engines when the recording did. Implements `actors.session.purse.Purse`.

    Args:
        loop: whose time it is.
        moments: of the session.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, moments: Sequence[Moment]) -> None:
        self._loop = loop
        self._turns: list[tuple[int, Allowance]] = []
        heard_us = 0
        for event, us in moments:
            match event:
                case AudioReceived():
                    heard_us = us
                case PaidEnginesStopped(day=day, budget_usd=budget, spent_usd=spent):
                    # It was looked at with the first thing heard since; here that comes a little sooner or later.
                    self._turns.append((heard_us, Allowance(stopped=True, day=day, budget_usd=budget, spent_usd=spent)))
                case PaidEnginesAllowed(day=day):
                    self._turns.append((heard_us, Allowance(stopped=False, day=day)))
                case _:
                    pass

    def charge(self, counter_id: str, usd: float, position: int) -> None:
        """Spend nothing: it was spent."""

    def allowance(self, counter_id: str) -> Allowance:  # noqa: ARG002 - the port's
        """Return what was allowed at this time."""
        now_us = self._loop.time() * 1e6
        last = Allowance(stopped=False, day="")
        for us, allowance in self._turns:
            if us < now_us:
                last = allowance
        return last


@dataclass(slots=True, kw_only=True)
class _Advice:
    """What the client made of a recommendation in the recording, in microseconds since it was sent."""

    basket: str
    items: tuple[Item, ...]
    sent_us: int
    delivered_us: int | None = None
    answers: tuple[tuple[int, Answer], ...] = ()


class Audience:
    """The client's side: takes recommendations, and answers those that it answered in the recording.

    Args:
        answers: of the recording, which know where its phrases are.
        moments: of the session.
        notebook: knows where phrases are now.
    """

    def __init__(self, answers: Answers, moments: Sequence[Moment], notebook: Notebook) -> None:
        self._loop = asyncio.get_running_loop()
        self._answers = answers
        self._notebook = notebook
        self._advice: dict[int, _Advice] = _advice_of(moments)
        self._taken: set[str] = set()
        self.session: Any = None
        """Set before anything is published."""
        self.unanswered = 0
        """Answers of the recording that fit nothing here."""

    def take(self, event: Event) -> None:
        """Take what a client is told."""
        if not isinstance(event, RecommendationSent) or event.recommendation_id in self._taken:
            return
        self._taken.add(event.recommendation_id)
        place = self._notebook.place_of(event.phrase, 0)
        number = None if place is None else self._answers.near(place)
        known = None if number is None else self._advice.pop(number, None)
        delivered = Delivered(number=event.phrase, recommendation_id=event.recommendation_id)
        if known is None:
            self._tell(delivered)
            return
        if known.delivered_us is not None:
            self._loop.call_later(known.delivered_us / 1e6, self._tell, delivered)
        if (known.basket, known.items) != (event.basket, event.items):
            # Nobody knows what would have been said to this.
            self.unanswered += len(known.answers)
            return
        for us, said in known.answers:
            reply = RecommendationReply(event.recommendation_id, said)
            self._loop.call_later(us / 1e6, self._tell, reply)

    def _tell(self, message: object) -> None:
        with contextlib.suppress(pykka.ActorDeadError, MailboxFullError):
            self.session.tell(message)


def _advice_of(moments: Sequence[Moment]) -> dict[int, _Advice]:
    advice: dict[int, _Advice] = {}
    phrases: dict[str, int] = {}
    for event, us in moments:
        match event:
            case RecommendationSent():
                phrases[event.recommendation_id] = event.phrase
                advice[event.phrase] = _Advice(basket=event.basket, items=event.items, sent_us=us)
            case RecommendationDelivered() if event.phrase in advice:
                advice[event.phrase].delivered_us = us - advice[event.phrase].sent_us
            case RecommendationAnswered() if event.recommendation_id in phrases:
                known = advice[phrases[event.recommendation_id]]
                known.answers = (*known.answers, (us - known.sent_us, event.answer))
            case _:
                pass
    return advice


class Line:
    """One connection of the client. Implements `actors.session.ports.Outbox`."""

    def __init__(self, audience: Audience) -> None:
        self._audience = audience

    def publish(self, event: Event) -> None:
        """Pass on what a client is told."""
        self._audience.take(event)

    def close(self, reason: Goodbye) -> None:
        """Hang up."""
