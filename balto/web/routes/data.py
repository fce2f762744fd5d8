"""What was said and advised, and how long it took."""

from typing import Annotated, Any

from aiohttp import web
from pydantic import BaseModel, Field

from balto.accounts import UnknownCounterError, load_counter
from balto.web.answers import RequestError, answer
from balto.web.described import described
from balto.web.fresh import caught_up
from balto.web.keys import BALTO, CALLER
from balto.web.queries import Name, as_dict, read_query
from balto.web.shapes import CounterMetrics, InteractionShown
from events.catalogue import TranscriptionReceived
from events.envelope import RecordedEvent
from projections import reports
from projections.rows import Interaction

routes = web.RouteTableDef()


class ClientQuery(BaseModel):
    """Whose."""

    codigo: Annotated[Name | None, Field(description="Of one client.")] = None


_LATEST = 50


@routes.get("/api/data/interacoes")
@described(topic="data", query=ClientQuery, gives=list[InteractionShown])
async def interactions(request: web.Request) -> web.Response:
    """Return the last 50 interactions, of one client where `codigo` names it."""
    projector = await caught_up(request, "interactions")
    rows = await reports.interactions(projector.pool, read_query(request, ClientQuery).codigo, limit=_LATEST)
    read = await request.app[BALTO].library.store.read_at([row.position for row in rows])
    said = {event.position: event for event in read}
    return answer([_with_words(row, said.get(row.position)) for row in rows])


@routes.get("/api/data/balcao/{balcao_id}/metricas")
@described(topic="data", gives=CounterMetrics)
async def counter_metrics(request: web.Request) -> web.Response:
    """Return the last 50 phrases of a counter, with latencies and voice. A counter's key sees that counter only."""
    library, counter_id = request.app[BALTO].library, request.match_info["balcao_id"]
    caller = request[CALLER]
    if not caller.admin and (caller.counter is None or caller.counter.counter_id != counter_id):
        raise RequestError(403)
    try:
        await load_counter(library.store, counter_id)
    except UnknownCounterError as error:
        raise RequestError(404, str(error)) from None
    projector = await caught_up(request, "phrase_timeline", "phrase_biometrics")
    rows = await reports.counter_metrics(projector.pool, counter_id, limit=_LATEST)
    return answer({"balcao_id": counter_id, "interacoes": [as_dict(row) for row in rows]})


def _with_words(row: Interaction, said: RecordedEvent | None) -> dict[str, Any]:
    """Return an interaction with the words of its phrase, null where they were erased."""
    event = None if said is None or said.erased else said.event
    shown = as_dict(row)
    del shown["position"]
    return shown | {"text": event.text if isinstance(event, TranscriptionReceived) else None}
