"""Commands about the past: sessions, events, timeline, reports, projections."""

import asyncio
import dataclasses
import difflib
from datetime import UTC, datetime
from typing import Annotated, Any
from uuid import UUID

import orjson
import typer

from balto.cli.common import AsJson, cell, fail, out, print_json, print_rows, with_library
from balto.cli.opening import bar

report = typer.Typer(help="Reports over many sessions.", no_args_is_help=True)
projections = typer.Typer(
    help="The read models: what they are, how far they are, build them anew.", no_args_is_help=True
)

SessionId = Annotated[str, typer.Argument(help="A session's id, or `last`.", metavar="SESSION")]
Limit = Annotated[int, typer.Option("--limit", min=1, help="At most so many.")]

TIMELINE_COLUMNS = ("phrase", "speech_ms", "audio_ms", "stt_ms", "ai1_ms", "ai2_ms", "ws_ms", "total_ms", "outcome")
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
    """List sessions, the latest first."""
    from projections import reports

    rows = with_library(lambda library: reports.sessions(library.projector.pool, limit=limit))
    columns = ("session_id", "started_at", "phrases", "recommendations", "end_reason")
    print_rows(rows, columns, title="Sessions", as_json=as_json)


def timeline(session: SessionId, as_json: AsJson = False) -> None:
    """Show where the time of each phrase went: Audio → STT → AI 1 → AI 2 → WS, in milliseconds."""
    from projections import reports

    async def work(library: Any) -> Any:
        session_id = await resolve_session(library, session)
        return await reports.timeline(library.projector.pool, session_id)

    rows = with_library(work)
    if not rows and not as_json:
        fail(f"session {session} has no phrases, or there is no such session (`balto sessions` lists them)")
    print_rows(rows, TIMELINE_COLUMNS, title="Audio → STT → AI 1 → AI 2 → WS (ms)", as_json=as_json)


async def resolve_session(library: Any, session: str) -> str:
    """Return a session's id, given its id or `last`."""
    from projections import reports

    if session != "last":
        return session
    latest = await reports.sessions(library.projector.pool, limit=1)
    if not latest:
        fail("there are no sessions yet")
    return str(latest[0].session_id)


def events(
    stream: Annotated[
        str | None, typer.Option("--stream", help="Of a stream, or of a session: its id or `last`.")
    ] = None,
    types: Annotated[list[str] | None, typer.Option("--type", help="Of this type; may be repeated.")] = None,
    since: Annotated[datetime | None, typer.Option("--since", help="Recorded at this time or later (UTC).")] = None,
    until: Annotated[datetime | None, typer.Option("--until", help="Recorded before this time (UTC).")] = None,
    after: Annotated[int | None, typer.Option("--after", min=0, help="After this global position.")] = None,
    limit: Annotated[int | None, typer.Option("--limit", min=1, help="At most so many.")] = None,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Wait for new ones; Ctrl-C ends.")] = False,
    as_json: AsJson = False,
) -> None:
    """Print events in the order of the store; with --follow new ones, or all from --since or --after on.

    Personal fields are left out unless `--json` is given for one stream.
    """

    async def work(library: Any) -> None:
        _check_types(types or [])
        name = await _stream(library, stream)
        shown, position = 0, after or 0
        if follow and after is None and since is None:
            position = max(0, await library.store.last_position())
        while True:
            chosen = library.store.read_all(after=position, types=tuple(types or ()), stream_prefix=name)
            async for recorded in chosen:
                position = recorded.position
                if not _within(recorded.recorded_at, since, until):
                    continue
                show_event(recorded, as_json=as_json, whole=stream is not None)
                shown += 1
                if limit is not None and shown >= limit:
                    return
            if not follow:
                return
            await asyncio.sleep(0.25)

    with_library(work)


async def _stream(library: Any, name: str | None) -> str | None:
    """Return a stream's name, given it, a session's bare id or `last`."""
    if name is None:
        return None
    session = await resolve_session(library, name)
    try:
        stream = f"session-{UUID(session)}"
    except ValueError:
        stream = session
    found = [recorded async for recorded in library.store.read_all(stream_prefix=stream, limit=1)]
    return stream if found else fail(f"there is no stream {stream} (`balto sessions` lists the sessions)")


def _check_types(types: list[str]) -> None:
    from events.catalogue import event_types

    known = event_types()
    for unknown in sorted(set(types) - known.keys()):
        close = difflib.get_close_matches(unknown, known, n=1)
        fail(f"there is no event type {unknown}" + (f"; is it {close[0]}?" if close else ""))


def _within(moment: datetime, since: datetime | None, until: datetime | None) -> bool:
    after_start = since is None or moment >= since.replace(tzinfo=since.tzinfo or UTC)
    return after_start and (until is None or moment < until.replace(tzinfo=until.tzinfo or UTC))


def show_event(recorded: Any, *, as_json: bool, whole: bool) -> None:
    """Print one recorded event; `whole` includes personal fields."""
    from events.catalogue import personal_fields

    data = dataclasses.asdict(recorded.event)
    if not (whole and as_json):
        data = {k: v for k, v in data.items() if k not in personal_fields(type(recorded.event))}
    if as_json:
        print_json(
            {
                "position": recorded.position,
                "stream": recorded.stream,
                "stream_position": recorded.stream_position,
                "type": recorded.type,
                "recorded_at": recorded.recorded_at,
                "elapsed_ms": recorded.elapsed_us / 1000,
                "data": data,
            }
        )
        return
    brief = " ".join(f"{name}={_brief(value)}" for name, value in data.items())
    out.print(
        f"{recorded.position:>7} {cell(recorded.recorded_at)} {recorded.stream} "
        f"{recorded.elapsed_us / 1000:>10.1f} ms  {recorded.type:<24} {brief}",
        soft_wrap=True,
        markup=False,
    )


def _brief(value: object) -> str:
    text = f"{value:.4g}" if isinstance(value, float) else orjson.dumps(value, default=str).decode()
    return text if len(text) <= 60 else text[:57] + "…"


@report.command()
def biometrics(
    session: Annotated[str | None, typer.Option("--session", help="Of one session, by id or `last`.")] = None,
    limit: Limit = 50,
    as_json: AsJson = False,
) -> None:
    """Pitch, SNR, spectral centroid, ZCR and level of each phrase."""
    from projections import reports

    async def work(library: Any) -> Any:
        session_id = await resolve_session(library, session) if session else None
        return await reports.biometrics(library.projector.pool, session_id=session_id, limit=limit)

    rows = with_library(work)
    if session and not rows and not as_json:
        fail(f"session {session} has no phrases, or there is no such session (`balto sessions` lists them)")
    columns = BIOMETRIC_COLUMNS[1:] if session else BIOMETRIC_COLUMNS
    print_rows(rows, columns, title="Bio-metrics by phrase", as_json=as_json)


@report.command()
def latency(as_json: AsJson = False) -> None:
    """Percentiles of every hop, in milliseconds."""
    from projections import reports

    rows = with_library(lambda library: reports.latency(library.projector.pool))
    print_rows(rows, ("hop", "count", "p50", "p95", "p99"), title="Latency by hop (ms)", as_json=as_json)


@projections.command("list")
def list_projections(as_json: AsJson = False) -> None:
    """List the read models and how far they are."""
    rows = with_library(lambda library: library.projector.status())
    print_rows(rows, ("name", "state", "position", "lag", "stopped_at", "reason"), title="Projections", as_json=as_json)


projections.command("status", help="List the read models and how far they are.")(list_projections)


@projections.command()
def rebuild(name: Annotated[str, typer.Argument(help="Name of the read model, or `all`.")]) -> None:
    """Build a read model anew from the events; readers keep the old rows until it is done."""

    async def work(library: Any) -> None:
        known = [row.name for row in await library.projector.status()]
        chosen = known if name == "all" else [name]
        for one in chosen:
            if one not in known:
                fail(f"there is no projection {one}; there are {', '.join(known)}")
            with bar(f"rebuilding {one}") as moved:
                await library.projector.rebuild(one, moved)
            out.print(f"rebuilt {one}")

    with_library(work)


COMMANDS = (sessions, timeline, events)
