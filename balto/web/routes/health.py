"""Whether the server lives, and whether it can work."""

from aiohttp import web

from balto.web.answers import answer
from balto.web.keys import BALTO

routes = web.RouteTableDef()


@routes.get("/healthz")
async def live(_: web.Request) -> web.Response:
    """Answer that the process and its loop are alive."""
    return answer({"status": "ok"})


@routes.get("/readyz")
async def ready(request: web.Request) -> web.Response:
    """Answer that the store can be reached; 503 while it cannot."""
    await request.app[BALTO].library.store.last_position()
    return answer({"status": "ok"})
