"""Whether the server lives, and whether it can work."""

import asyncio
from typing import Final

from aiohttp import web

from balto.web.answers import answer
from balto.web.described import described
from balto.web.keys import BALTO
from balto.web.shapes import Readiness, Status
from events.store import StoreUnavailableError

routes = web.RouteTableDef()

_PATIENCE_S: Final = 2.5
"""Whoever asks whether the server can work waits three seconds or less."""


@routes.get("/healthz")
@described(topic="health", gives=Status)
async def live(_: web.Request) -> web.Response:
    """Answer that the process and its loop are alive."""
    return answer({"status": "ok"})


@routes.get("/readyz")
@described(topic="health", gives=Readiness)
async def ready(request: web.Request) -> web.Response:
    """Answer that the store can be reached, and how many processes take connections; 503 while it cannot."""
    balto = request.app[BALTO]
    try:
        async with asyncio.timeout(_PATIENCE_S):
            await balto.library.store.last_position()
            at_work = await balto.place.colleagues.at_work()
    except TimeoutError:
        raise StoreUnavailableError("the database hangs") from None
    return answer({"status": "ok", "workers": at_work, "workers_wanted": balto.place.of})
