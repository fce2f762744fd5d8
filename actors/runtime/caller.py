"""A line to a process that may die and be started again: made when it is needed, and made anew."""

import asyncio
from pathlib import Path
from typing import Any, Final

from actors.runtime.line import Line, LineClosedError, NotTakenError

_AGAIN_S: Final = 0.1
"""Between two attempts to reach a process that is being started."""


class Caller:
    """Asks whoever listens at a unix socket. Belongs to the event loop that first asks.

    Args:
        path: of the socket. Whoever starts the process keeps it: a question that comes meanwhile waits in its queue.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._line: Line | None = None
        self._running: asyncio.Task[None] | None = None
        self._connecting = asyncio.Lock()

    async def ask(self, what: str, about: Any = None, body: bytes = b"") -> Any:
        """Ask, as `Line.ask`, once somebody takes the call.

        A line that was kept may lead to a process that is gone, which shows only when it is used: what that process
        never took is asked once more, of its successor.

        Raises:
            OSError: there is no such socket.
            LineClosedError: the process died before it had answered.
            UnansweredError: it failed.
        """
        kept = self._line
        line = await self._open()
        try:
            return await line.ask(what, about, body)
        except NotTakenError:
            if line is not kept:
                raise
        return await (await self._open()).ask(what, about, body)

    async def _open(self) -> Line:
        async with self._connecting:
            line = self._line
            if line is None or line.closed:
                reader, writer = await asyncio.open_unix_connection(self._path)
                self._line = line = Line(reader, writer)
                self._running = asyncio.create_task(line.run(), name=f"caller of {self._path.name}")
        return line

    async def until_it_answers(self, what: str) -> None:
        """Ask until there is an answer, however long the process takes to start."""
        while True:
            try:
                await self.ask(what)
            except (LineClosedError, OSError):
                await asyncio.sleep(_AGAIN_S)
            else:
                return

    async def close(self) -> None:
        """Hang up."""
        if self._running is not None:
            self._running.cancel()
            await asyncio.gather(self._running, return_exceptions=True)
            self._line = self._running = None
