"""Subscriptions: every event from a position on, first what is there and then what comes, without a gap or a double."""

import asyncio
import logging
from typing import Final, Self

from events.envelope import RecordedEvent
from events.queries import EventReader, Page, read_page
from events.selection import EVERYTHING, Selection
from events.store import StoreUnavailableError
from events.troubles import Trouble
from events.watch import Watch

_PAGE: Final = 1_000
_FIRST_PAUSE_S: Final = 0.05
_LONGEST_PAUSE_S: Final = 5.0

logger = logging.getLogger(__name__)


class Subscription:
    """An endless iterator of the selected events after a position, in the order of positions, which is that of commits.

    It reads a page when the one before is used up: a slow consumer holds one page, and slows down nobody. The
    database's absence is waited out; a hole in the ledger is raised and never passed. For one consumer at a time.
    """

    def __init__(
        self,
        reader: EventReader,
        watch: Watch,
        *,
        after: int = 0,
        selection: Selection = EVERYTHING,
        page: int = _PAGE,
    ) -> None:
        """Take what to read; see `subscribe`."""
        self._reader = reader
        self._watch = watch
        self._selection = selection
        self._size = page
        self._looked = after
        self._given = after
        self._ready: list[RecordedEvent] = []

    @property
    def position(self) -> int:
        """Where to subscribe anew: no selected event up to here has not been given."""
        return self._given if self._ready else self._looked

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> RecordedEvent:
        """Return the next event, waiting for it if need be.

        Raises:
            MissingEventsError: positions are missing from the ledger.
            StoreError: the database refuses.
        """
        while not self._ready:
            page = await self._next_page()
            self._looked = page.upto
            self._ready = page.events[::-1]
        event = self._ready.pop()
        self._given = event.position
        return event

    async def pages(self) -> Page:
        """Return the next page as soon as it holds an event. Not to be mixed with iterating. Raises as iterating."""
        start = self._looked
        while True:
            page = await self._next_page()
            self._looked = page.upto
            if page.events:
                return Page(events=page.events, after=start, upto=page.upto)

    async def _next_page(self) -> Page:
        pause = _FIRST_PAUSE_S
        trouble = Trouble(logger, "a subscription waits: %s")
        while True:
            head = await self._watch.beyond(self._looked)
            try:
                return await read_page(self._reader, self._selection, after=self._looked, upto=head, limit=self._size)
            except StoreUnavailableError as error:
                trouble.goes_on(error)
                await asyncio.sleep(pause)
                pause = min(2 * pause, _LONGEST_PAUSE_S)


def subscribe(
    reader: EventReader, watch: Watch, *, after: int = 0, selection: Selection = EVERYTHING, page: int = _PAGE
) -> Subscription:
    """Give every event from a position on: `async for event in` what this returns.

    Args:
        reader: the store.
        watch: tells when the ledger has grown; one a process.
        after: the events are later than this global position; 0 gives all.
        selection: which events; its times bound nothing that is to come.
        page: events read at a time, at most.
    """
    return Subscription(reader, watch, after=after, selection=selection, page=page)
