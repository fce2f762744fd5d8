"""Writing to a reader who may have stopped reading: within time, or the connection is broken off."""

import asyncio
import logging

from aiohttp import web

PATIENCE_S = 30.0
"""Seconds that a reader may take for a block, or leave everything unread."""
EXPORT_S = 1_800.0
"""Seconds that a whole export may take."""
FOLLOWING_S = 21_600.0
"""Seconds after which a follower of the ledger has to come again."""
_BLOCK = 64 * 1024

logger = logging.getLogger(__name__)


class StalledReaderError(ConnectionError):
    """The reader took nothing for too long, or too long in all. The connection is gone."""


class Pace:
    """Writes a response's body; whoever waits for the reader holds something, so the reader may not wait for ever.

    Args:
        request: whose connection it is.
        response: prepared before the first write.
        longest_s: seconds from now on for all of it.
    """

    def __init__(self, request: web.Request, response: web.StreamResponse, *, longest_s: float) -> None:
        self._request = request
        self._response = response
        self._now = asyncio.get_running_loop().time
        self._patience_s = PATIENCE_S
        self._end = self._now() + longest_s
        self._written = self._taken = 0
        self._moved = self._now()

    @property
    def over(self) -> bool:
        """Whether the time for all of it is up."""
        return self._now() >= self._end

    async def write(self, data: bytes | memoryview) -> None:
        """Write a part of the body, once what is before it is on its way.

        Raises:
            StalledReaderError: the reader is too slow.
            ConnectionError: the reader has gone.
        """
        view = memoryview(data)
        for start in range(0, len(view), _BLOCK):
            await self._write(view[start : start + _BLOCK])

    async def _write(self, block: memoryview) -> None:
        self._look()
        try:
            async with asyncio.timeout_at(min(self._moved + self._patience_s, self._end)):
                await self._response.write(block)
        except TimeoutError:
            self._give_up()
        self._written += len(block)

    def _look(self) -> None:
        """Note whether the reader has taken anything. Small writes wait for nobody, so it shows here alone."""
        transport, now = self._request.transport, self._now()
        left = 0 if transport is None else transport.get_write_buffer_size()
        if left == 0 or self._written - left > self._taken:
            self._taken, self._moved = max(self._taken, self._written - left), now
        if now - self._moved >= self._patience_s:
            self._give_up()

    def _give_up(self) -> None:
        logger.warning("a reader was let go: it took too long for %s", self._request.path)
        if self._request.transport is not None:
            self._request.transport.abort()
        raise StalledReaderError("the reader took too long")
