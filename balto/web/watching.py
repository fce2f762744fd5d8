"""The watch that followers of the ledger share, started by the first of them, and their end when the server stops."""

import asyncio
from collections.abc import AsyncIterator
from typing import Final

from aiohttp import web

from balto.app import Balto
from balto.security.limits import Turnstile
from events.watch import Watch

_MOST_FOLLOWERS: Final = 50
_MOST_OF_ONE: Final = 25


class Followers:
    """Those who follow the ledger now.

    Args:
        balto: whose ledger.
    """

    def __init__(self, balto: Balto) -> None:
        self.turnstile = Turnstile(inside=_MOST_FOLLOWERS, waiting=0, each=_MOST_OF_ONE)
        self.stopping = asyncio.Event()
        self._watch = Watch(balto.library.dsn)

    @property
    def watch(self) -> Watch:
        """The watch, started."""
        self._watch.start()
        return self._watch

    async def close(self) -> None:
        """Stop watching."""
        await self._watch.close()


FOLLOWERS: Final = web.AppKey("FOLLOWERS", Followers)


async def let_go(app: web.Application) -> None:
    """Send the followers home: their requests would never end by themselves."""
    app[FOLLOWERS].stopping.set()


async def followers(app: web.Application) -> AsyncIterator[None]:
    """Keep the watch for as long as the application lives."""
    yield
    await app[FOLLOWERS].close()
