"""Those who wait until a session has settled: everything received has had its outcome and is durable."""

import asyncio


class Settling:
    """The signs that were asked for; each is given once."""

    def __init__(self) -> None:
        self._asked: list[asyncio.Future[None]] = []

    @property
    def asked(self) -> bool:
        """Whether somebody waits."""
        return bool(self._asked)

    def ask(self, done: asyncio.Future[None]) -> None:
        """Note somebody who wants a sign."""
        self._asked.append(done)

    def sign(self) -> None:
        """Give it to all who wait."""
        for done in self._asked:
            if not done.done():
                done.set_result(None)
        self._asked.clear()
