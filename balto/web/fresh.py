"""Read models brought up to date for a request, within the time that a request has."""

import asyncio
from typing import Final

from aiohttp import web

from balto.web.keys import BALTO
from events.store import StoreUnavailableError
from projections.projector import Projector

_PATIENCE_S: Final = 10.0


async def caught_up(request: web.Request, *names: str) -> Projector:
    """Return the projector after these read models hold what the ledger held at the call.

    One that is being rebuilt because its SQL has changed shows the rows that it has, and its position.

    Raises:
        StoreUnavailableError: the database is away, or the read models are too far behind.
    """
    projector = request.app[BALTO].library.projector
    try:
        async with asyncio.timeout(_PATIENCE_S):
            for name in names:
                await projector.catch_up(name, renew=False)
    except TimeoutError:
        raise StoreUnavailableError("the read models are not up to date in time") from None
    return projector
