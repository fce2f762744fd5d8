"""Reports on money: what days, counters and sessions cost, and engines side by side."""

from datetime import datetime
from typing import Annotated, Any

import typer

from balto.cli.common import AsJson, fail, out, print_rows, with_library
from balto.cli.opening import Since, Until, span
from balto.cli.pages import Html, write_cost

OfCounter = Annotated[str | None, typer.Option("--counter", help="Of one counter, by name or id.")]
COST_COLUMNS = ("day", "counter_name", "step", "provider", "model", "calls", "usd")
COMPARED_COLUMNS = (
    "chosen_provider",
    "provider",
    "phrases",
    "failed",
    "rejected",
    "wer",
    "chosen_p50_ms",
    "chosen_p95_ms",
    "p50_ms",
    "p95_ms",
    "chosen_usd_per_hour",
    "usd_per_hour",
)


def cost(
    since: Since = None,
    until: Until = None,
    counter: OfCounter = None,
    session: Annotated[str | None, typer.Option("--session", help="Of one session, by id or `last`.")] = None,
    html: Html = None,
    as_json: AsJson = False,
) -> None:
    """Show what each day cost at each counter, by step and engine, in US dollars by the dated price file.

    A day begins at midnight in Brasília (UTC-3 all year); --since and --until name such days. With --html: by day,
    engine, counter and step.
    """
    if session is not None and (since or until or counter):
        fail("--session goes with no other filter")
    begin, end = span(since, until)
    if html is not None:
        write_cost(html, session=session, since=begin, until=end, counter=counter, as_json=as_json)
        return

    async def work(library: Any) -> Any:
        if session is not None:
            return (await costs_of_session(library, session))[1]
        return await costs_of_days(library, begin, end, counter)

    rows = with_library(work)
    columns = COST_COLUMNS if session is None else COST_COLUMNS[2:]
    print_rows(rows, columns, title="Cost (US dollars)", as_json=as_json)
    if not as_json:
        out.print(f"in all {sum(row.usd for row in rows):.4f} dollars, {sum(row.calls for row in rows)} calls")


async def costs_of_days(library: Any, since: datetime | None, until: datetime | None, counter: str | None) -> Any:
    """Return what days cost, at a counter given by name or id or at all of them."""
    from projections import spending

    counter_id = await counter_of(library, counter)
    return await spending.cost(library.projector.pool, since=_day(since), until=_day(until), counter_id=counter_id)


async def costs_of_session(library: Any, session: str) -> tuple[str, Any]:
    """Return a session's id and what it cost, given its id or `last`; ends the program where there is none."""
    from balto.cli.names import known_session
    from projections import spending

    session_id = await known_session(library, session)
    return session_id, await spending.session_cost(library.projector.pool, session_id)


def show_compared(since: str | None, until: str | None, counter: str | None, *, as_json: bool) -> None:
    """Print word error rate, latency and cost of engines that heard the same phrases."""
    from projections import spending

    begin, end = span(since, until)

    async def work(library: Any) -> Any:
        counter_id = await counter_of(library, counter)
        return await spending.compared(library.projector.pool, since=begin, until=end, counter_id=counter_id)

    rows = with_library(work)
    title = "Engines on the same phrases: the chosen one, the other (ms, US dollars an hour of audio)"
    print_rows(rows, COMPARED_COLUMNS, title=title, as_json=as_json)


async def counter_of(library: Any, name: str | None) -> str | None:
    """Return the id of a counter, as `existing_counter`; None for None."""
    return None if name is None else await existing_counter(library, name)


async def existing_counter(library: Any, name: str) -> str:
    """Return the id of a counter, given by name or id; ends the program where there is none, or are several."""
    from balto.accounts import UnknownCounterError
    from balto.preferences import AmbiguousCounterError, find_counter

    try:
        return await find_counter(library, name)
    except UnknownCounterError:
        fail(f"there is no counter {name} (`balto counters list` shows names and ids)")
    except AmbiguousCounterError as error:
        fail(str(error))


def _day(given: datetime | None) -> Any:
    return None if given is None else given.date()
