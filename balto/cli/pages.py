"""Reports written as pages: what commands with `--html` do."""

from collections.abc import Awaitable, Callable
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from balto.cli.common import fail, note, print_json, with_library

Html = Annotated[
    Path | None, typer.Option("--html", metavar="FILE", help="Write one page with plots, which opens offline.")
]
_LEAST_HZ: Final = 100.0
_LEAST_DB: Final = 20.0
"""So much do axes span, however alike the voices are: a smaller difference is none that one would hear."""
_DAYS: Final = "Days are Brasília's (UTC-3)."


def write_latency(
    file: Path, *, since: datetime | None, until: datetime | None, tenant: str | None, as_json: bool
) -> None:
    """Write the report of where phrases' time goes."""
    from balto.report.latency import latency_page
    from projections import distributions, reports

    async def work(library: Any) -> str:
        pool = library.projector.pool
        hops = await reports.latency(pool, since=since, until=until, tenant=tenant)
        points = await distributions.over_time(pool, since=since, until=until, tenant=tenant)
        return latency_page(hops, points, await _about(library, since, until, _client(tenant)))

    write_page(file, work, as_json=as_json)


def write_biometrics(
    file: Path,
    *,
    session: str | None,
    since: datetime | None,
    until: datetime | None,
    tenant: str | None,
    as_json: bool,
) -> None:
    """Write the report of how phrases sound."""
    from balto.cli.names import known_session
    from balto.report.drawing import fitted
    from balto.report.latency import biometrics_page
    from projections import distributions

    async def work(library: Any) -> str:
        pool = library.projector.pool
        session_id = None if session is None else await known_session(library, session)
        chosen: dict[str, Any] = {"since": since, "until": until, "tenant": tenant, "session_id": session_id}
        pitches = await distributions.pitches(pool, partial(fitted, least=_LEAST_HZ, floor=0.0), **chosen)
        noises = await distributions.noises(pool, partial(fitted, least=_LEAST_DB), **chosen)
        whose = _client(tenant) if session_id is None else f"session {session_id}"
        return biometrics_page(pitches, noises, await _about(library, since, until, whose))

    write_page(file, work, as_json=as_json)


def write_cost(
    file: Path,
    *,
    session: str | None,
    since: datetime | None,
    until: datetime | None,
    counter: str | None,
    as_json: bool,
) -> None:
    """Write the report of what days cost, or one session."""
    from balto.cli.money import costs_of_days, costs_of_session
    from balto.report.money import cost_page, session_cost_page

    async def work(library: Any) -> str:
        if session is not None:
            session_id, told = await costs_of_session(library, session)
            return session_cost_page(told, await _about(library, None, None, f"session {session_id}"))
        rows = await costs_of_days(library, since, until, counter)
        return cost_page(rows, f"{await _about(library, since, until, _counter(counter))} {_DAYS}")

    write_page(file, work, as_json=as_json)


def write_advice(
    file: Path, *, since: datetime | None, until: datetime | None, counter: str | None, as_json: bool
) -> None:
    """Write the report of what became of advice."""
    from balto.cli.money import counter_of
    from balto.report.advice import advice_page
    from projections.conversions import conversions, days_of_advice
    from projections.spending import compared

    async def work(library: Any) -> str:
        pool = library.projector.pool
        chosen: dict[str, Any] = {"since": since, "until": until, "counter_id": await counter_of(library, counter)}
        about = f"{await _about(library, since, until, _counter(counter))} {_DAYS}"
        return advice_page(
            await conversions(pool, **chosen),
            await days_of_advice(pool, **chosen),
            await compared(pool, **chosen),
            about,
        )

    write_page(file, work, as_json=as_json)


def write_page(file: Path, work: Callable[[Any], Awaitable[str]], *, as_json: bool) -> None:
    """Write what `work(library)` returns; a file that cannot be written is one line."""
    text = with_library(work)
    try:
        file.write_text(text, encoding="utf-8")
    except OSError as error:
        fail(f"{file} cannot be written: {error.strerror}")
    if as_json:
        print_json({"file": str(file)})
    else:
        note(f"wrote {file}")


def _client(tenant: str | None) -> str:
    return f"client {tenant}" if tenant else "all clients"


def _counter(counter: str | None) -> str:
    return f"counter {counter}" if counter else "all counters"


async def _about(library: Any, since: datetime | None, until: datetime | None, whose: str) -> str:
    head = await library.store.last_position()
    parts = [
        f"as of event {head}",
        *([f"from {since:%Y-%m-%d %H:%M} UTC"] if since else []),
        *([f"before {until:%Y-%m-%d %H:%M} UTC"] if until else []),
    ]
    return f"{', '.join(parts).capitalize()}, {whose}. Times are in UTC."
