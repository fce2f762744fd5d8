"""Stories of phrases: what became of each, gathered from the events that this process made durable."""

import asyncio
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Final

from events.catalogue import (
    PhraseCaptured,
    PhraseDiscarded,
    PhraseGathered,
    RecommendationDelivered,
    RecommendationWithheld,
    SessionEnded,
    TranscriptionRejected,
)
from events.envelope import NewEvent
from events.journal import EventWriter
from events.store import Append, Appended

type Durable = Callable[[Append], None]
"""Takes an append that is durable. Must be quick, and must not fail."""

_FIRST: Final = frozenset({PhraseCaptured, PhraseDiscarded})
_LAST: Final = frozenset(
    {PhraseDiscarded, PhraseGathered, RecommendationDelivered, RecommendationWithheld, TranscriptionRejected}
)
_MOST_OPEN: Final = 5_000


class ObservedWriter:
    """A journal whose durable appends are told of.

    Args:
        journal: does the writing.
        tell: told of each append once it is durable, in the order in which they became so.
    """

    def __init__(self, journal: EventWriter, tell: Durable) -> None:
        self._journal = journal
        self._tell = tell

    def submit(self, append: Append) -> asyncio.Future[Appended]:
        """As `EventWriter.submit`."""
        landed = self._journal.submit(append)
        landed.add_done_callback(partial(self._landed, append))
        return landed

    async def append(self, append: Append) -> Appended:
        """As `EventWriter.append`."""
        landed = await self._journal.append(append)
        self._tell(append)
        return landed

    def _landed(self, append: Append, landed: asyncio.Future[Appended]) -> None:
        if not landed.cancelled() and landed.exception() is None:
            self._tell(append)


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """A phrase from its capture to its end, or as far as it came."""

    session_id: str
    phrase: int
    tenant: str
    events: tuple[NewEvent, ...]
    """In their order; the first is the capture, or what gave it up."""


class Stories:
    """Gathers events by phrase, and tells each story once: at its end, or at its session's.

    A phrase that had another end already begins no second story. Of phrases that never end the oldest are forgotten.

    Args:
        tell: takes a story.
        most_open: phrases under way that are kept in mind.
    """

    def __init__(self, tell: Callable[[Story], None], *, most_open: int = _MOST_OPEN) -> None:
        self._tell = tell
        self._most_open = most_open
        self._open: OrderedDict[tuple[str, int], list[NewEvent]] = OrderedDict()

    def take(self, append: Append) -> None:
        """Take an append that is durable."""
        if not append.stream.startswith("session-"):
            return
        for new in append.events:
            kind, phrase = type(new.event), getattr(new.event, "phrase", None)
            if kind is SessionEnded:
                self._end_all(append)
            if phrase is None:
                continue  # as most events, which are about sound that nobody said anything in
            if kind in _FIRST:
                self._open[append.stream, phrase] = [new]
            elif (story := self._open.get((append.stream, phrase))) is not None:
                story.append(new)
            if kind in _LAST:
                self._end(append, phrase)
        while len(self._open) > self._most_open:
            self._open.popitem(last=False)

    def _end_all(self, append: Append) -> None:
        for phrase in [phrase for stream, phrase in self._open if stream == append.stream]:
            self._end(append, phrase)

    def _end(self, append: Append, phrase: int) -> None:
        events = self._open.pop((append.stream, phrase), None)
        if events is not None:
            session_id = append.stream.removeprefix("session-")
            self._tell(Story(session_id=session_id, phrase=phrase, tenant=append.tenant, events=tuple(events)))
