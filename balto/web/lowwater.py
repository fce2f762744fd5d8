"""Low-water marks of clients' sockets: a busy server is woken for a block of audio, not for each frame of it."""

import asyncio
import logging
import socket
import sys
import time
from collections.abc import Callable
from typing import Final

from balto.web.rounds import Rounds

logger = logging.getLogger(__name__)

BUSY: Final = 0.15
"""Share of a processor that the loop's thread takes, from which on frames are awaited by blocks."""
QUIET: Final = 0.10
"""Share below which they no longer are."""
CROWD: Final = 24
"""Clients from which on a busy server reads all of them in rounds: fewer wake it less often than rounds do."""
LOOK_S: Final = 1.0
"""Over which the share is taken."""
_TICK_S: Final = 0.016
"""How often marks are looked for whose bytes did not come in time."""
_SLACK_S: Final = 0.016
"""By which these may be late."""
_LARGE: Final = 1 << 14
"""Bytes of a frame that is read as it comes, at any rate."""
_MASK_BYTES: Final = 4
_SHORT, _MIDDLE = 126, 1 << 16


def wire_size(payload: int) -> int:
    """Return the bytes that a client's frame with a payload of so many bytes takes (RFC 6455, section 5.2)."""
    head = 2 if payload < _SHORT else 4 if payload < _MIDDLE else 10
    return head + _MASK_BYTES + payload


class Tide:
    """Says whether the loop is busy, and has marks lowered whose bytes do not come in time.

    What network cards do with their interrupts (Linux's NAPI, after Mogul & Ramakrishnan, "Eliminating receive
    livelock in an interrupt-driven kernel", 1997): while there is time, each frame is read as it comes. No timer runs
    while no mark is raised.

    Args:
        loop: of the sockets; to be made on its thread.
        spent: CPU seconds that the loop's thread has used.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, spent: Callable[[], float] = time.thread_time) -> None:
        self._loop = loop
        self._spent = spent
        self._looked, self._used = loop.time(), spent()
        self._busy = False
        self._raised: dict[LowWater, float] = {}
        self._timer: asyncio.TimerHandle | None = None
        self.rounds = Rounds(loop, lambda: self.crowded and self.busy)
        self.clients = 0
        """Whose frames are awaited."""

    @property
    def busy(self) -> bool:
        """Whether frames are to be awaited by blocks."""
        passed_s = self._loop.time() - self._looked
        if passed_s >= LOOK_S:
            used = self._spent()
            share = (used - self._used) / passed_s
            self._busy = share >= (QUIET if self._busy else BUSY)
            self._looked, self._used = self._looked + passed_s, used
        return self._busy

    @property
    def crowded(self) -> bool:
        """Whether a busy server is to read its clients in rounds."""
        return self.clients >= CROWD

    def raised(self, mark: "LowWater", within_s: float) -> None:
        """Have a mark lowered unless it is met, or raised anew, within so many seconds."""
        self._raised[mark] = self._loop.time() + within_s + _SLACK_S
        if self._timer is None:
            self._timer = self._loop.call_later(_TICK_S, self._tick)

    def lowered(self, mark: "LowWater") -> None:
        """Think no more of a mark."""
        self._raised.pop(mark, None)

    def _tick(self) -> None:
        now = self._loop.time()
        for mark in [mark for mark, due in self._raised.items() if due <= now]:
            mark.lower()
        self._timer = self._loop.call_later(_TICK_S, self._tick) if self._raised else None


class LowWater:
    """How many bytes must have come from a client before they are read: `SO_RCVLOWAT` of socket(7).

    The kernel holds frames of raw audio until they complete what is listened to at a time, and they are read in one
    go; nothing is heard any later by it. The end of a connection is news at once. A text frame waits behind the same
    mark, at most until the audio is there or should have been. With many clients, what is there is looked for in
    rounds.

    Args:
        line: the client's connection. Where it is encrypted or the system does not keep such marks, frames are read as
            they come.
        tide: of the process.
        bytes_per_s: of the audio.
        waits: whether a frame is waited for.
    """

    def __init__(
        self, line: asyncio.Transport | None, tide: Tide, bytes_per_s: int, waits: Callable[[], bool] = lambda: True
    ) -> None:
        self._line = line
        self._tide = tide
        self._bytes_per_s = bytes_per_s
        self._waits = waits
        self._socket: socket.socket | None = None
        if sys.platform == "linux" and line is not None and line.get_extra_info("ssl_object") is None:
            self._socket = line.get_extra_info("socket")
        self._number = -1 if self._socket is None else self._socket.fileno()
        self._mark = 1
        self._behind = 0
        """Bytes behind the mark that have not been read as frames."""
        tide.clients += 1

    @property
    def mark(self) -> int:
        """Bytes that must be there; 1 for any."""
        return self._mark

    def await_more(self, missing: int, audio: int, payload: int) -> None:
        """Wait for frames like the latest one as a busy server does, if it is one.

        Args:
            missing: bytes of audio that complete a block; 0 where none is waited for.
            audio: those in the latest frame.
            payload: all bytes in it.
        """
        if self._socket is None or self._line is None or self._line.is_closing():
            # The number of a closed socket may be somebody else's by now.
            self._forget()
            return
        if not self._tide.busy or payload >= _LARGE:
            self.lower()
            self._tide.rounds.leave(self._number, self._line)
            return
        # One that is not read at the moment takes part already, or sent more than is taken at a time.
        if self._tide.crowded and self._line.is_reading():
            self._tide.rounds.join(self._number, self._line, self._waits)
        frames = -(-missing // audio) if audio else 0
        if frames > 1:
            self._behind = frames * wire_size(payload)
            self._raise(missing / self._bytes_per_s)
        else:
            self.lower()

    def passed(self, payload: int) -> None:
        """Note a frame that completed nothing. Where it was to, the rest is read as it comes."""
        if self._mark > 1:
            size = wire_size(payload)
            self._behind -= size
            # What met the mark may have ended in the middle of a frame, such as the next one is.
            if self._behind < size:
                self.lower()

    def lower(self) -> None:
        """Have whatever comes, or is there, read."""
        if self._mark > 1:
            self._tide.lowered(self)
            self._set(1)

    def close(self) -> None:
        """Wait for frames no more; who else reads the connection finds it as it was."""
        self._tide.clients -= 1
        self.lower()
        if self._line is not None:
            self._tide.rounds.leave(self._number, self._line)

    def _raise(self, within_s: float) -> None:
        if self._behind == self._mark or self._set(self._behind):
            self._tide.raised(self, within_s)

    def _set(self, mark: int) -> bool:
        if self._socket is None or self._line is None or self._line.is_closing():
            self._forget()
            return False
        try:
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT, mark)
        except OSError as error:
            logger.debug("a socket takes no low-water mark: %s", error)
            self._forget()
            return False
        self._mark = mark
        return True

    def _forget(self) -> None:
        self._mark = 1
        self._tide.lowered(self)
