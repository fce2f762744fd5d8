"""Whether the server lives, and whether it can work."""

import asyncio
from typing import Final

from aiohttp import web

from balto.web.answers import answer
from balto.web.described import described
from balto.web.keys import BALTO
from balto.web.shapes import Status
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
@described(topic="health", gives=Status)
async def ready(request: web.Request) -> web.Response:
    """Answer that the store can be reached; 503 while it cannot."""
    try:
        async with asyncio.timeout(_PATIENCE_S):
            await request.app[BALTO].library.store.last_position()
    except TimeoutError:
        raise StoreUnavailableError("the database hangs") from None
    return answer({"status": "ok"})
