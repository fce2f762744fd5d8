"""Sessions for those who ask why: the list, a session's timeline, its events."""

from typing import Any
from uuid import UUID

import orjson
from aiohttp import web

from balto.web.answers import RequestError, answer
from balto.web.fresh import caught_up
from balto.web.keys import BALTO
from balto.web.queries import as_dict, whole_number
from events.catalogue import Event
from events.codec import encode
from events.envelope import RecordedEvent, UnknownEvent
from projections import reports

routes = web.RouteTableDef()


@routes.get("/api/v1/sessions")
async def sessions(request: web.Request) -> web.Response:
    """Return sessions, the latest first, of one client where `codigo` names it; at most `limit`, 50 by default."""
    limit = whole_number(request, "limit", default=50, least=1, greatest=500)
    projector = await caught_up(request, "sessions", "counters")
    rows = await reports.sessions(projector.pool, limit=limit, tenant=request.query.get("codigo") or None)
    return answer({"sessions": [as_dict(row) for row in rows]})


@routes.get("/api/v1/sessions/{id}/timeline")
async def timeline(request: web.Request) -> web.Response:
    """Return the phrases of a session with the time that every hop took."""
    session_id = request.match_info["id"]
    await _require(request)
    projector = await caught_up(request, "phrase_timeline")
    rows = await reports.timeline(projector.pool, session_id)
    return answer({"session_id": session_id, "phrases": [as_dict(row) for row in rows]})


@routes.get("/api/v1/sessions/{id}/biometrics")
async def biometrics(request: web.Request) -> web.Response:
    """Return the coarse acoustic statistics of a session's phrases, in their order."""
    session_id = request.match_info["id"]
    await _require(request)
    projector = await caught_up(request, "phrase_biometrics")
    rows = await reports.biometrics(projector.pool, session_id=session_id)
    in_order = sorted(rows, key=lambda row: row.phrase)
    return answer({"session_id": session_id, "biometrics": [as_dict(row) for row in in_order]})


@routes.get("/api/v1/sessions/{id}/events")
async def events(request: web.Request) -> web.Response:
    """Return events of a session in order: at most `limit`, 200 by default, after the stream position `after`.

    `next` is what to give as `after` for those that follow, null at the end.
    """
    after = whole_number(request, "after", default=0, least=0, greatest=2**53)
    limit = whole_number(request, "limit", default=200, least=1, greatest=1000)
    await _require(request)
    read = request.app[BALTO].library.store.read_stream(_stream(request), after=after, limit=limit + 1)
    found = [recorded async for recorded in read]
    more = len(found) > limit
    page = found[:limit]
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
