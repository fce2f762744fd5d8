"""Sessions for those who ask why: the list, a session's timeline, its events."""

from typing import Annotated, Any
from uuid import UUID

import orjson
from aiohttp import web
from pydantic import BaseModel, Field

from balto.web.answers import RequestError, answer
from balto.web.described import described
from balto.web.fresh import caught_up
from balto.web.keys import BALTO
from balto.web.queries import Moment, Name, as_dict, at_most, read_query
from balto.web.shapes import Biometrics, SessionEvents, Sessions, Timeline
from events.catalogue import Event
from events.codec import encode
from events.envelope import RecordedEvent, UnknownEvent
from projections import reports

routes = web.RouteTableDef()


class SessionsQuery(BaseModel):
    """Which sessions."""

    session: Annotated[Name | None, Field(description="This one alone.")] = None
    counter: Annotated[Name | None, Field(description="Of a counter, by its id or name.")] = None
    since: Annotated[Moment | None, Field(description="Begun then or later.")] = None
    until: Annotated[Moment | None, Field(description="Begun before then.")] = None
    ended: Annotated[Name | None, Field(description="Ended for this reason (`end_reason`), or `open`: not ended.")] = (
        None
    )
    advised: Annotated[bool, Field(description="Only those with a recommendation.")] = False
    before: Annotated[Name | None, Field(description="The list after this session: `next` of the page before.")] = None
    limit: Annotated[int, Field(ge=1, le=2**53, description="At most so many, and 500."), at_most(500)] = 50
    codigo: Annotated[Name | None, Field(description="Of one client.")] = None


class PageQuery(BaseModel):
    """Which page of a session's events."""

    after: Annotated[int, Field(ge=0, le=2**53, description="After this position in its stream.")] = 0
    limit: Annotated[int, Field(ge=1, le=2**53, description="At most so many, and 1000."), at_most(1_000)] = 200


@routes.get("/api/v1/sessions")
@described(topic="sessions", query=SessionsQuery, gives=Sessions)
async def sessions(request: web.Request) -> web.Response:
    """Return sessions, the latest first, by any condition; at most `limit`, 50 by default."""
    query = read_query(request, SessionsQuery)
    projector = await caught_up(request, "sessions", "counters")
    rows = await reports.sessions(
        projector.pool,
        limit=query.limit + 1,
        tenant=query.codigo,
        session_id=query.session,
        counter=query.counter,
        since=query.since,
        until=query.until,
        ended=query.ended,
        advised=query.advised,
        before=query.before,
    )
    page = rows[: query.limit]
    more = len(rows) > query.limit
    return answer({"sessions": [as_dict(row) for row in page], "next": page[-1].session_id if more else None})


@routes.get("/api/v1/sessions/{id}/timeline")
@described(topic="sessions", gives=Timeline)
async def timeline(request: web.Request) -> web.Response:
    """Return the phrases of a session with the time that every hop took."""
    session_id = request.match_info["id"]
    await _require(request)
    projector = await caught_up(request, "phrase_timeline")
    rows = await reports.timeline(projector.pool, session_id)
    return answer({"session_id": session_id, "phrases": [as_dict(row) for row in rows]})


@routes.get("/api/v1/sessions/{id}/biometrics")
@described(topic="sessions", gives=Biometrics)
async def biometrics(request: web.Request) -> web.Response:
    """Return the coarse acoustic statistics of a session's phrases, in their order."""
    session_id = request.match_info["id"]
    await _require(request)
    projector = await caught_up(request, "phrase_biometrics")
    rows = await reports.biometrics(projector.pool, session_id=session_id)
    return answer({"session_id": session_id, "biometrics": [as_dict(row) for row in rows]})


@routes.get("/api/v1/sessions/{id}/events")
@described(topic="sessions", query=PageQuery, gives=SessionEvents)
async def events(request: web.Request) -> web.Response:
    """Return events of a session in order: at most `limit`, 200 by default, after the stream position `after`.

    `next` is what to give as `after` for those that follow, null at the end.
    """
    query = read_query(request, PageQuery)
    await _require(request)
    read = request.app[BALTO].library.store.read_stream(_stream(request), after=query.after, limit=query.limit + 1)
    found = [recorded async for recorded in read]
    more = len(found) > query.limit
    page = found[: query.limit]
    return answer(
        {
            "session_id": request.match_info["id"],
            "events": [_shown(recorded) for recorded in page],
            "next": page[-1].stream_position if more else None,
        }
    )


async def _require(request: web.Request) -> None:
    if not await request.app[BALTO].library.store.stream_position(_stream(request)):
        raise RequestError(404, "sessão não encontrada")


def _stream(request: web.Request) -> str:
    return f"session-{request.match_info['id']}"


def _shown(recorded: RecordedEvent) -> dict[str, Any]:
    return {
        "position": recorded.position,
        "stream_position": recorded.stream_position,
        "event_id": _text(recorded.event_id),
        "type": recorded.type,
        "schema_version": recorded.schema_version,
        "occurred_at": recorded.occurred_at,
        "elapsed_us": recorded.elapsed_us,
        "correlation_id": _text(recorded.correlation_id),
        "causation_id": _text(recorded.causation_id),
        "data": _data(recorded.event),
    }


def _text(number: UUID | None) -> str | None:
    # The driver's UUIDs are of a class that the JSON writer does not know.
    return None if number is None else str(number)


def _data(event: Event) -> Any:
    return event.data if isinstance(event, UnknownEvent) else orjson.Fragment(encode(event))
