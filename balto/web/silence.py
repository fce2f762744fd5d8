"""Whether a client that sends nothing still lives."""

import asyncio
from typing import Final

from aiohttp import web

PATIENCE_S: Final = 30.0


class Silence:
    """A client's silence: one that lasts is answered by asking whether it lives, and then by giving it up.

    It is watched from outside: a timer for every frame would cost more than reading it.

    Args:
        ws: the client's socket.
        patience_s: without any frame after which a client is asked, and again after which it is given up.
    """

    def __init__(self, ws: web.WebSocketResponse, patience_s: float = PATIENCE_S) -> None:
        self._ws = ws
        self._patience_s = patience_s
        self._clock = asyncio.get_running_loop().time
        self._since: float | None = None
        self._asked = False

    def begins(self) -> None:
        """Note that a frame is waited for; while none is, it is not the client who is silent."""
        self._since = self._clock()

    def is_broken(self) -> None:
        """Note that one came."""
        self._since = None
        self._asked = False

    def stirs(self) -> None:
        """Note that the client is there, though it says nothing: it answered, or asked whether we are."""
        self._since = self._clock()
        self._asked = False

    async def outlasts_patience(self) -> None:
        """Return when the client is given up."""
        while True:
            patience_s = self._patience_s * (2 if self._asked else 1)
            left_s = self._patience_s if self._since is None else self._since + patience_s - self._clock()
            if left_s > 0:
                await asyncio.sleep(left_s)
            elif self._asked:
                return
            else:
                self._asked = True
                await self._ws.ping()
