"""Whether a client that sends nothing still lives."""

import asyncio
from typing import Final

from aiohttp import web

PATIENCE_S: Final = 30.0


class Silence:
    """A client's silence: one that lasts is answered by asking whether it lives, and then by giving it up.

    It is watched from outside: a timer for every frame would cost more than reading it. While nobody reads, nobody
    answers the client's pings either: it is pinged instead, as a sign that the line lives.

    Args:
        ws: the client's socket.
        patience_s: without any frame after which a client is asked, and again after which it is given up. Who is held
            back gets a sign in a quarter of it, before whoever pings has waited 10 s for the answer.
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

    def is_watched(self) -> bool:
        """Return whether a frame is waited for."""
        return self._since is not None

    async def outlasts_patience(self) -> None:
        """Return when the client is given up."""
        step_s = left_s = self._patience_s / 4
        while True:
            nap_s, began = min(left_s, step_s), self._clock()
            await asyncio.sleep(nap_s)
            late_s = self._clock() - began - nap_s
            if late_s > step_s and self._since is not None:
                # It was this process that was away, stopped or held up: what came meanwhile has not been read yet.
                self._since += late_s
            left_s = step_s
            if self._since is None:
                await self._ws.ping()
                continue
            left_s = self._since + self._patience_s * (2 if self._asked else 1) - self._clock()
            if left_s > 0:
                continue
            if self._asked:
                return
            self._asked = True
            await self._ws.ping()
