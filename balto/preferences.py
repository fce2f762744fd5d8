"""Changing what a counter prefers of the engines and may spend: every change is an event of its stream."""

from collections.abc import Callable
from typing import Final

from actors.runtime.clock import Clock, SystemClock
from balto.accounts import UnknownCounterError, load_counter
from balto.app import new_event_id
from balto.library import Library
from balto.streams import counter_stream
from balto.terms import CounterTerms, check
from events.catalogue import CounterTermsChanged
from events.envelope import NewEvent
from events.store import Append, WrongExpectedPositionError
from projections import reports

_CLOCK: Final = SystemClock()


class AmbiguousCounterError(Exception):
    """Several counters have this name.

    Args:
        ids: of theirs.
    """

    def __init__(self, ids: list[str]) -> None:
        super().__init__(f"several counters have this name: {', '.join(ids)}")
        self.ids = ids


async def change_terms(
    library: Library, counter_id: str, change: Callable[[CounterTerms], CounterTerms], *, clock: Clock = _CLOCK
) -> CounterTerms:
    """Change a counter's terms and return them; sessions that start later have them, and the budget holds at once.

    Two changes at the same time both count: what one leaves alone the other's value stays.

    Raises:
        TermsError: the changed terms make no sense; nothing has changed.
        UnknownCounterError: there is no such counter.
        StoreError: it could not be recorded.
    """
    stream = counter_stream(counter_id)
    while True:
        expected = await library.store.stream_position(stream)
        counter = await load_counter(library.store, counter_id)
        terms = change(counter.terms)
        check(terms)
        if terms == counter.terms:
            return terms
        changed = CounterTermsChanged(
            counter_id=counter_id,
            prefer=terms.prefer,
            fast_path=terms.fast_path,
            daily_budget_usd=terms.daily_budget_usd,
        )
        event = NewEvent(event_id=new_event_id(clock), event=changed, occurred_at=clock.utc())
        try:
            await library.store.append(Append(stream=stream, tenant=counter.code, events=[event], expected=expected))
        except WrongExpectedPositionError:
            continue  # somebody else has written to the stream meanwhile: look again
        return terms


async def find_counter(library: Library, name: str) -> str:
    """Return the id of a counter, given its id or its name.

    Raises:
        UnknownCounterError: there is none.
        AmbiguousCounterError: several have this name.
        StoreError: the database could not be asked.
    """
    await library.projector.catch_up("counters", renew=False)
    rows = await reports.counters(library.projector.pool)
    if any(row.counter_id == name for row in rows):
        return name
    named = [row.counter_id for row in rows if row.name == name]
    if not named:
        raise UnknownCounterError
    if len(named) > 1:
        raise AmbiguousCounterError(named)
    return named[0]
