"""Reports written as pages: what commands with `--html` do."""

from datetime import datetime
from pathlib import Path
from typing import Any

from balto.cli.common import fail, note, with_library


def write_latency(file: Path, *, since: datetime | None, until: datetime | None, tenant: str | None) -> None:
    """Write the report of where phrases' time goes."""
    from balto.report.latency import latency_page
    from projections import distributions, reports

    async def work(library: Any) -> str:
        pool = library.projector.pool
        hops = await reports.latency(pool, since=since, until=until, tenant=tenant)
        points = await distributions.over_time(pool, since=since, until=until, tenant=tenant)
        return latency_page(hops, points, await _about(library, since, until, tenant))

    _write(file, with_library(work))


def write_biometrics(file: Path, *, since: datetime | None, until: datetime | None, tenant: str | None) -> None:
    """Write the report of how phrases sound."""
    from balto.report.latency import biometrics_page
    from projections import distributions

    async def work(library: Any) -> str:
        pool = library.projector.pool
        pitches = await distributions.pitches(pool, since=since, until=until, tenant=tenant)
        noises = await distributions.noises(pool, since=since, until=until, tenant=tenant)
        return biometrics_page(pitches, noises, await _about(library, since, until, tenant))

    _write(file, with_library(work))


async def _about(library: Any, since: datetime | None, until: datetime | None, tenant: str | None) -> str:
    head = await library.store.last_position()
    parts = [
        f"as of event {head}",
        *([f"from {since:%Y-%m-%d %H:%M} UTC"] if since else []),
        *([f"before {until:%Y-%m-%d %H:%M} UTC"] if until else []),
        f"client {tenant}" if tenant else "all clients",
    ]
    return ", ".join(parts).capitalize() + ". Times are in UTC."


def _write(file: Path, text: str) -> None:
    try:
        file.write_text(text, encoding="utf-8")
    except OSError as error:
        fail(f"{file} cannot be written: {error.strerror}")
    note(f"wrote {file}")
