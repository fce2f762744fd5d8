"""The command that shows events: by stream, tenant, type, phrase, cause, time and position, either way, or live."""

import dataclasses
import difflib
from collections.abc import AsyncIterator
from typing import Annotated, Any

import orjson
import typer

from balto.cli.common import cell, fail, note, out, print_json
from balto.cli.names import existing_stream
from balto.cli.opening import Since, Until, event_id, span, with_store


def events(
    stream: Annotated[
        str | None, typer.Option("--stream", help="Of a stream, or of a session: its id or `last`.")
    ] = None,
    category: Annotated[str | None, typer.Option("--category", help="Of streams of a kind, such as `session`.")] = None,
    tenant: Annotated[str | None, typer.Option("--tenant", help="Of one tenant.")] = None,
    types: Annotated[list[str] | None, typer.Option("--type", help="Of this type; may be repeated.")] = None,
    correlation: Annotated[
        str | None, typer.Option("--correlation", metavar="ID", help="About this phrase or exchange.")
    ] = None,
    causation: Annotated[
        str | None, typer.Option("--causation", metavar="ID", help="Led to directly by this event.")
    ] = None,
    where: Annotated[
        str | None,
        typer.Option(
            "--where", metavar="PATH", help="Whose data in the clear fits an SQL/JSON path: `$.latency_ms > 500`."
        ),
    ] = None,
    since: Since = None,
    until: Until = None,
    after: Annotated[int | None, typer.Option("--after", min=0, help="After this global position.")] = None,
    upto: Annotated[int | None, typer.Option("--upto", min=0, help="Up to this global position.")] = None,
    backwards: Annotated[bool, typer.Option("--backwards", "-b", help="The latest first.")] = False,
    limit: Annotated[int | None, typer.Option("--limit", min=1, help="At most so many.")] = None,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Wait for new ones; Ctrl-C ends.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one line of JSON for each event.")] = False,
) -> None:
    """Print events in the order of the store; with --follow new ones, or all from --since or --after on.

    Personal fields are left out unless `--json` is given for one stream.
    """
    if follow and (backwards or until is not None or upto is not None):
        fail("--follow has no end: give it without --backwards, --until and --upto")
    if stream is not None and category is not None:
        fail("give either --stream or --category")
    _check_types(types or [])
    begin, end = span(since, until)
    about, cause = event_id("--correlation", correlation), event_id("--causation", causation)

    async def work(library: Any) -> None:
        from events.paging import JsonPathError, check_path
        from events.selection import Selection

        if where is not None:
            try:
                await check_path(library.store, where)
            except JsonPathError:
                fail(f'--where {where} is no SQL/JSON path: write `$.phrase == 3` or `$.provider ? (@ == "local")`')
        chosen = Selection(
            stream=await existing_stream(library, stream),
            category=category,
            tenant=tenant,
            types=tuple(types or ()),
            correlation_id=about,
            causation_id=cause,
            since=begin,
            until=end,
            where=where,
        )
        start = after
        if follow and after is None and since is None:
            start = await library.store.last_position()
            of = f" of {chosen.stream}" if chosen.stream else ""
            note(f"waiting for new events{of}; --after 0 shows the past too")
        left = limit
        found = _all(library, chosen, after=start or 0, upto=upto, limit=limit, backwards=backwards, follow=follow)
        async for recorded in found:
            show_event(recorded, as_json=as_json, whole=stream is not None)
            left = None if left is None else left - 1
            if left == 0:
                return

    with_store(work)


async def _all(
    library: Any, selection: Any, *, after: int, upto: int | None, limit: int | None, backwards: bool, follow: bool
) -> AsyncIterator[Any]:
    from events.queries import read
    from events.subscription import subscribe
    from events.watch import Watch

    head = await library.store.last_position()
    upto = head if upto is None else min(upto, head)
    async for recorded in read(
        library.store, selection, after=after, upto=upto, limit=limit, backwards=backwards, page=1_000
    ):
        yield recorded
    if follow:
        async with Watch(library.dsn) as watch:
            async for recorded in subscribe(library.store, watch, after=max(after, head), selection=selection):
                yield recorded


def _check_types(types: list[str]) -> None:
    from events.catalogue import event_types

    known = event_types()
    for unknown in sorted(set(types) - known.keys()):
        close = difflib.get_close_matches(unknown, known, n=1)
        fail(f"there is no event type {unknown}" + (f"; is it {close[0]}?" if close else ""))


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
                "tenant": recorded.tenant,
                "event_id": recorded.event_id,
                "type": recorded.type,
                "schema_version": recorded.schema_version,
                "correlation_id": recorded.correlation_id,
                "causation_id": recorded.causation_id,
                "occurred_at": recorded.occurred_at,
                "recorded_at": recorded.recorded_at,
                "elapsed_ms": recorded.elapsed_us / 1000,
                "erased": recorded.erased,
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


COMMANDS = (events,)
