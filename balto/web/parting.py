"""How a client is sent away over a frame that is not taken: it gets to read why, though it is still sending."""

import asyncio
import contextlib
import logging
from typing import Any, Final

from aiohttp import WSCloseCode, WSMsgType, web

logger = logging.getLogger(__name__)

PATIENCE_S: Final = 10.0
QUIET_S: Final = 1.0
"""Without a byte of the client's, after which it has sent all that it had begun."""
MOST_BYTES: Final = 1 << 27
"""What is dropped of a client that was told to stop: many write a whole frame before they read again."""
_NOT_TAKEN: Final[dict[int, str]] = {
    WSCloseCode.MESSAGE_TOO_BIG: "quadro grande demais",
    WSCloseCode.INVALID_TEXT: "texto que não é UTF-8",
    WSCloseCode.PROTOCOL_ERROR: "quadro malformado",
}
"""Why reading ends in the middle of what the client sends, and what it is told."""


class PartingSocket(web.WebSocketResponse):
    """A server's WebSocket whose client learns why a frame of its was not taken.

    A connection that is closed with bytes unread is reset, and a reset throws away what the other side has not read
    yet, the close frame with it. So what still comes is dropped, until the client hangs up (RFC 6455, section 7.1.1),
    `PATIENCE_S` have passed or more than `MOST_BYTES` have come. This side closes for writing only once the client has
    been quiet for `QUIET_S`: many clients shut a line down as soon as they read its end, cannot answer the close frame
    any more, and then tell 1006 instead of the code that is in it.

    Args:
        request: what asked for the socket.
        options: as the base class takes them.
    """

    def __init__(self, request: web.Request, **options: Any) -> None:
        super().__init__(**options)
        self._line = request.transport
        self._leftovers: _Leftovers | None = None

    async def close(self, *, code: int = WSCloseCode.OK, message: bytes = b"", drain: bool = True) -> bool:
        """Close as the base class does. Where a frame is not taken, only say so: `linger` closes.

        `receive` calls it then and returns an `ERROR`, behind which nothing can be received.
        """
        if self._leftovers is not None:
            return False
        if code not in _NOT_TAKEN or self._line is None or self._line.is_closing():
            return await super().close(code=code, message=message, drain=drain)
        self._leftovers = _Leftovers(self._line)
        try:
            async with asyncio.timeout(PATIENCE_S):
                await self.send_frame(code.to_bytes(2) + _NOT_TAKEN[code].encode(), WSMsgType.CLOSE)
        except (ConnectionError, TimeoutError):
            self._line.abort()
        return True

    async def linger(self) -> None:
        """Return when a client whose frame was not taken has hung up, or is cut off; for any other at once."""
        if self._leftovers is None or self._line is None:
            return
        try:
            async with asyncio.timeout(PATIENCE_S):
                await self._leftovers.quiet()
                if not self._line.is_closing():
                    self._line.write_eof()
                await self._leftovers.over.wait()
        except TimeoutError:
            logger.info("a client that was told why it is sent away did not hang up and is cut off")
        finally:
            self._line.abort()


class _Leftovers(asyncio.Protocol):
    """Takes a connection over from the protocol that reads it, and drops what still comes."""

    def __init__(self, line: asyncio.Transport) -> None:
        self.over = asyncio.Event()
        self._line = line
        self._reader = line.get_protocol()
        self._bytes = 0
        self._clock = asyncio.get_running_loop().time
        self._stirred_at = self._clock()
        line.set_protocol(self)
        line.resume_reading()

    async def quiet(self) -> None:
        """Return when nothing has come for `QUIET_S`, or the client has hung up."""
        while not self.over.is_set() and (left_s := self._stirred_at + QUIET_S - self._clock()) > 0:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self.over.wait(), left_s)

    def data_received(self, data: bytes) -> None:
        self._stirred_at = self._clock()
        self._bytes += len(data)
        if self._bytes > MOST_BYTES:
            logger.info("a client that was told why it is sent away sent on and is cut off")
            self._line.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        self._reader.connection_lost(exc)
        self.over.set()

    def pause_writing(self) -> None:
        self._reader.pause_writing()

    def resume_writing(self) -> None:
        self._reader.resume_writing()
