"""Rounds: on a crowded server what clients sent is read every 8 ms, of all of them in one go."""

import asyncio
import contextlib
import logging
import os
import select
from collections.abc import Callable
from typing import Final

logger = logging.getLogger(__name__)

ROUND_S: Final = 0.008
"""From one round to the next: what a client sent waits half as long on average."""
_MOST_BYTES: Final = 1 << 16
"""Read of one client in a round; what is larger comes in the next ones."""


class Rounds:
    """Reads clients' sockets in the event loop's stead, with one question for all of them.

    A socket that takes part is no longer the loop's to watch, so that what comes does not wake it. Anything but bytes
    (an end, an error, a connection that closes) is left to the loop: it has the socket back then, and finds the same.

    Args:
        loop: of the sockets.
        worthwhile: whether there is still reason for rounds; once there is none, all leave.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, worthwhile: Callable[[], bool]) -> None:
        self._loop = loop
        self._worthwhile = worthwhile
        self._epoll: select.epoll | None = None
        self._lines: dict[int, tuple[asyncio.Transport, Callable[[], bool]]] = {}
        self._timer: asyncio.TimerHandle | None = None

    def __len__(self) -> int:
        return len(self._lines)

    def join(self, number: int, line: asyncio.Transport, waits: Callable[[], bool]) -> None:
        """Have a connection read in rounds.

        Args:
            number: of its socket.
            line: the connection, of which nobody holds the reading up at the moment.
            waits: whether whoever reads frames waits for one: else nothing is read, and TCP holds the client up.
        """
        if self._epoll is None:
            self._epoll = select.epoll()
        with contextlib.suppress(FileExistsError):
            self._epoll.register(number, select.EPOLLIN | select.EPOLLRDHUP)
        line.pause_reading()
        self._lines[number] = line, waits
        if self._timer is None:
            self._timer = self._loop.call_later(ROUND_S, self.go_round)

    def leave(self, number: int, line: asyncio.Transport) -> None:
        """Give a connection back to the loop, if it takes part."""
        taken = self._lines.get(number)
        if taken is None or taken[0] is not line:
            # The number of a socket that was closed may be another's by now.
            return
        del self._lines[number]
        if self._epoll is not None:
            # Of a closed socket the kernel has forgotten the registration already.
            with contextlib.suppress(OSError):
                self._epoll.unregister(number)
            if not self._lines:
                self._epoll.close()
                self._epoll = None
        # Where the reader of frames has too many, it takes up reading itself.
        if not line.is_closing() and not getattr(line.get_protocol(), "_reading_paused", False):
            line.resume_reading()

    def go_round(self) -> None:
        """Read what is there of all who take part and are waited for; the clock calls it while anybody does."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._epoll is None:
            return
        for number, events in self._epoll.poll(0, len(self._lines)):
            if number not in self._lines:
                # One that was read before it in this round may have ended it.
                continue
            line, waits = self._lines[number]
            if events != select.EPOLLIN or line.is_closing():
                self.leave(number, line)
            elif waits():
                self._read(number, line)
        if not self._worthwhile():
            for number, (line, _) in list(self._lines.items()):
                self.leave(number, line)
        if self._lines:
            self._timer = self._loop.call_later(ROUND_S, self.go_round)

    def _read(self, number: int, line: asyncio.Transport) -> None:
        try:
            data = os.read(number, _MOST_BYTES)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        reader = line.get_protocol()
        if not data or not isinstance(reader, asyncio.Protocol):
            self.leave(number, line)
            return
        try:
            reader.data_received(data)
        except Exception:
            # As the loop does: the connection ends, and those behind it in the round are read.
            logger.exception("what a client sent could not be read")
            self.leave(number, line)
            line.abort()
