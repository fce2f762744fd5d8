"""Commands about the past: sessions, timeline, reports."""

from datetime import datetime
from types import SimpleNamespace
from typing import Annotated, Any, Final

import typer

from balto.cli.advice_report import advice
from balto.cli.common import AsJson, fail, print_rows, with_library
from balto.cli.money import cost
from balto.cli.names import known_session
from balto.cli.opening import Since, Until, span
from balto.cli.pages import Html, write_biometrics, write_latency
from balto.cli.timing import explain, timeline

report = typer.Typer(help="Reports over many sessions.", no_args_is_help=True)

Tenant = Annotated[str | None, typer.Option("--tenant", help="Of one client.")]
Limit = Annotated[int, typer.Option("--limit", min=1, help="At most so many.")]

BIOMETRIC_COLUMNS = (
    "session_id",
    "phrase",
    "pitch_mean_hz",
    "pitch_std_hz",
    "snr_db",
    "spectral_centroid_hz",
    "zero_crossing_rate",
    "rms_mean",
    "peak_dbfs",
)


def sessions(limit: Limit = 20, as_json: AsJson = False) -> None:
    """List sessions, the latest first, each with its counter."""
    from projections import reports

    rows = with_library(lambda library: reports.sessions(library.projector.pool, limit=limit))
    columns = ("session_id", "started", "counter", "phrases", "recommendations", "ended")
    print_rows(rows if as_json else [_brief(row) for row in rows], columns, title="Sessions", as_json=as_json)


def _brief(row: Any) -> Any:
    """Return of a session what has room in a line of 80 columns, beside its whole id."""
    began = None if row.started_at is None else row.started_at.astimezone()
    this_year = began is not None and began.year == datetime.now().astimezone().year
    return SimpleNamespace(
        session_id=row.session_id,
        started=began and f"{began:{'%m-%d %H:%M' if this_year else '%Y-%m-%d'}}",
        counter=row.counter_name or row.counter_id,
        phrases=row.phrases,
        recommendations=row.recommendations,
        ended=_ENDED.get(row.end_reason, row.end_reason),
    )


_ENDED: Final = {
    "client_finished": "finished",
    "client_left": "left",
    "audio_undecodable": "undecodable",
    "server_stopping": "stopped",
    "journal_unavailable": "no database",
}


@report.command()
def biometrics(
    session: Annotated[str | None, typer.Option("--session", help="Of one session, by id or `last`.")] = None,
    limit: Limit = 50,
    since: Since = None,
    until: Until = None,
    tenant: Tenant = None,
    html: Html = None,
    as_json: AsJson = False,
) -> None:
    """Pitch, SNR, spectral centroid, ZCR and level of each phrase; with --html how they are spread at each counter."""
    from projections import reports

    begin, end = span(since, until)
    if html is not None:
        write_biometrics(html, session=session, since=begin, until=end, tenant=tenant, as_json=as_json)
        return

    async def work(library: Any) -> Any:
        session_id = await known_session(library, session) if session else None
        pool = library.projector.pool
        return await reports.biometrics(pool, session_id=session_id, tenant=tenant, since=begin, until=end, limit=limit)

    rows = with_library(work)
    if session and not rows and not as_json:
        fail(f"session {session} has no phrases yet")
    columns = BIOMETRIC_COLUMNS[1:] if session else BIOMETRIC_COLUMNS
    print_rows(rows, columns, title="Bio-metrics by phrase", as_json=as_json)


@report.command()
def latency(
    since: Since = None, until: Until = None, tenant: Tenant = None, html: Html = None, as_json: AsJson = False
) -> None:
    """Percentiles of every hop, in milliseconds; with --html the stages and how they were over time."""
    from balto.report.latency import said_of_pace
    from projections import reports

    begin, end = span(since, until)
    if html is not None:
        write_latency(html, since=begin, until=end, tenant=tenant, as_json=as_json)
        return
    rows = with_library(lambda library: reports.latency(library.projector.pool, since=begin, until=end, tenant=tenant))
    print_rows(rows, ("hop", "count", "p50", "p95", "p99"), title="Latency by hop (ms)", as_json=as_json)
    if not as_json and (said := said_of_pace(rows)):
        explain(said)


report.command()(cost)
report.command()(advice)


COMMANDS = (sessions, timeline)
