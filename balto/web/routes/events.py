"""The ledger for those who ask what happened: by any condition, page by page, or live as server-sent events."""

import asyncio
import logging
from typing import Annotated, Any, Final, Literal
from uuid import UUID

import orjson
from aiohttp import web
from pydantic import BaseModel, BeforeValidator, Field

from balto.web.answers import RequestError, answer
from balto.web.described import JSON, described
from balto.web.gate import is_still_known
from balto.web.keys import BALTO, CALLER
from balto.web.pacing import FOLLOWING_S, Pace
from balto.web.queries import Moment, Name, read_query, tenant_of
from balto.web.shapes import LedgerEvents
from balto.web.watching import FOLLOWERS
from events.archive import ArchiveError
from events.catalogue import event_types
from events.codec import encode_apart
from events.envelope import RecordedEvent, UnknownEvent
from events.paging import JsonPathError, check_path, read_some
from events.queries import MissingEventsError
from events.selection import Selection
from events.store import StoreError, StoreUnavailableError
from events.subscription import subscribe

routes = web.RouteTableDef()
logger = logging.getLogger(__name__)

_BEAT_S: Final = 15.0
"""A line now and then tells proxies that the connection lives (HTML Living Standard, 9.2.7). So often it is also asked
whether the caller may still see what comes."""
_SECRET: Final = frozenset({"key_sha256"})
"""What is in no event's answer though it is not personal: resume tokens are made with it."""


def _split(text: object) -> object:
    return text.split(",") if isinstance(text, str) else text


class EventsQuery(BaseModel):
    """Conditions that hold together, and how to give what they select."""

    stream: Annotated[Name | None, Field(description="Of the stream of this name.")] = None
    session: Annotated[Name | None, Field(description="Of the session of this id.")] = None
    category: Annotated[
        Name | None, Field(description="Of streams of a kind, such as `session`, which leaves out replays.")
    ] = None
    type: Annotated[tuple[str, ...], BeforeValidator(_split), Field(description="Of these types, by commas.")] = ()
    codigo: Annotated[Name | None, Field(description="Of one client; an analyst sees theirs alone.")] = None
    correlation: Annotated[UUID | None, Field(description="About this phrase or exchange.")] = None
    causation: Annotated[UUID | None, Field(description="Led to directly by this event.")] = None
    since: Annotated[Moment | None, Field(description="Recorded then or later; UTC where it does not say.")] = None
    until: Annotated[Moment | None, Field(description="Recorded before then.")] = None
    where: Annotated[
        str | None,
        Field(max_length=500, description="SQL/JSON path over the data: `$.latency_ms > 500`. Not in the archive."),
    ] = None
    after: Annotated[int | None, Field(ge=0, le=2**53, description="After this global position.")] = None
    upto: Annotated[int | None, Field(ge=0, le=2**53, description="Up to this global position.")] = None
    order: Annotated[Literal["asc", "desc"], Field(description="`desc` gives the latest first.")] = "asc"
    limit: Annotated[int, Field(ge=1, le=1_000, description="At most so many.")] = 200
    follow: Annotated[bool, Field(description="Server-sent events: those that come, or all after `after`.")] = False


@routes.get("/api/v1/events")
@described(topic="events", query=EventsQuery, gives=LedgerEvents, media=(JSON, "text/event-stream"))
async def events(request: web.Request) -> web.StreamResponse:
    """Return events without anything personal in them, in order.

    `next` is what to give as `after` (as `upto` with `order=desc`) for the next page, null at the end. A page may be
    short before the end where few events are meant. With `follow`, or where `text/event-stream` is asked for, events
    are sent as they come, until the caller's token is revoked or six hours have passed; `Last-Event-ID` goes on after a
    position. Of a type or
    version that this server does not know, `data` is empty.
    """
    query = read_query(request, EventsQuery)
    selection = await _selection(request, query)
    if query.follow or "text/event-stream" in request.headers.get("Accept", ""):
        return await _follow(request, query, selection)
    backwards = query.order == "desc"
    try:
        page, whole = await read_some(
            request.app[BALTO].library.store,
            selection,
            after=query.after or 0,
            upto=query.upto,
            limit=query.limit,
            backwards=backwards,
        )
    except ArchiveError:
        if query.where is not None:
            raise RequestError(400, "where não procura em eventos arquivados; use after ou since") from None
        raise RequestError(503, "o arquivo de eventos antigos não está ao alcance") from None
    except (StoreUnavailableError, MissingEventsError):
        raise
    except StoreError:
        if query.where is None:
            raise
        # It can be read, and fails over what it meets, such as two times of which one has a zone.
        raise RequestError(400, "parâmetro where inválido") from None
    following = page.after if backwards else page.upto
    return answer({"events": [_shown(one) for one in page.events], "next": None if whole else following})


async def _selection(request: web.Request, query: EventsQuery) -> Selection:
    unknown = set(query.type) - event_types().keys()
    if unknown:
        raise RequestError(400, "parâmetro type inválido")
    if sum(one is not None for one in (query.stream, query.session, query.category)) > 1:
        raise RequestError(400, "informe só um de stream, session e category")
    if query.where is not None:
        try:
            await check_path(request.app[BALTO].library.store, query.where)
        except JsonPathError:
            raise RequestError(400, "parâmetro where inválido") from None
    return Selection(
        stream=query.stream if query.session is None else f"session-{query.session}",
        category=query.category,
        types=query.type,
        tenant=tenant_of(request, query.codigo),
        correlation_id=query.correlation,
        causation_id=query.causation,
        since=query.since,
        until=query.until,
        where=query.where,
    )


async def _follow(request: web.Request, query: EventsQuery, selection: Selection) -> web.StreamResponse:
    if query.upto is not None or query.until is not None or query.order == "desc":
        raise RequestError(400, "o que se acompanha não tem fim: sem upto, until e order=desc")
    followers, store = request.app[FOLLOWERS], request.app[BALTO].library.store
    async with followers.turnstile.passed(request[CALLER].name):
        seen = request.headers.get("Last-Event-ID", "")
        after = int(seen) if seen.isascii() and seen.isdecimal() and len(seen) < 18 else query.after
        begin = await store.last_position() if after is None else after
        response = web.StreamResponse(
            headers={
                "Content-Type": "text/event-stream; charset=utf-8",
                "Cache-Control": "no-store",
                "X-Accel-Buffering": "no",
                "X-Content-Type-Options": "nosniff",
            }
        )
        await response.prepare(request)
        pace = Pace(request, response, longest_s=FOLLOWING_S)
        await pace.write(b": balto\n\n")
        subscription = subscribe(store, followers.watch, after=begin, selection=selection)
        stopping = asyncio.ensure_future(followers.stopping.wait())
        coming = asyncio.ensure_future(anext(subscription))
        loop = asyncio.get_running_loop()
        asked = loop.time()
        try:
            while not stopping.done() and not pace.over:
                await asyncio.wait((coming, stopping), timeout=_BEAT_S, return_when=asyncio.FIRST_COMPLETED)
                if not coming.done() or loop.time() - asked >= _BEAT_S:
                    if not await is_still_known(request):
                        break
                    asked = loop.time()
                if coming.done():
                    await pace.write(_message(coming.result()))
                    coming = asyncio.ensure_future(anext(subscription))
                elif not stopping.done():
                    await pace.write(b": \n\n")
        except ConnectionError:
            return response  # the reader has gone, or reads no more
        except StoreError as error:
            logger.warning("a follower of the ledger was let go: %s", error)
        finally:
            for task in (coming, stopping):
                task.cancel()
            await asyncio.gather(coming, stopping, return_exceptions=True)
        await response.write_eof()
        return response


def _message(recorded: RecordedEvent) -> bytes:
    return b"id: %d\nevent: %b\ndata: %b\n\n" % (
        recorded.position,
        recorded.type.encode(),
        orjson.dumps(_shown(recorded)),
    )


def _shown(recorded: RecordedEvent) -> dict[str, Any]:
    return {
        "position": recorded.position,
        "stream": recorded.stream,
        "stream_position": recorded.stream_position,
        "tenant": recorded.tenant,
        "event_id": str(recorded.event_id),
        "type": recorded.type,
        "schema_version": recorded.schema_version,
        "occurred_at": recorded.occurred_at,
        "recorded_at": recorded.recorded_at,
        "elapsed_us": recorded.elapsed_us,
        "correlation_id": None if recorded.correlation_id is None else str(recorded.correlation_id),
        "causation_id": None if recorded.causation_id is None else str(recorded.causation_id),
        "erased": recorded.erased,
        "data": _without_persons(recorded),
    }


def _without_persons(recorded: RecordedEvent) -> dict[str, Any]:
    if isinstance(recorded.event, UnknownEvent):
        return {}  # nothing here knows which of its fields are personal
    data = orjson.loads(encode_apart(recorded.event)[0])
    return {name: value for name, value in data.items() if name not in _SECRET}
