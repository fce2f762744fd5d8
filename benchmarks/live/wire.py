"""The little of a WebSocket client (RFC 6455) that a load generator needs: it must cost less than what it measures."""

import base64
import os
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import urlsplit

TEXT: Final = 1
BINARY: Final = 2
CLOSE: Final = 8
PING: Final = 9
PONG: Final = 10
_NO_MASK: Final = bytes(4)
"""A mask of zeros leaves the payload as it is; the server unmasks it all the same, at its usual cost."""


def upgrade(url: str) -> bytes:
    """Return the request that opens a socket."""
    place = urlsplit(url)
    key = base64.b64encode(os.urandom(16)).decode()
    return (
        f"GET {place.path or '/'} HTTP/1.1\r\nHost: {place.netloc}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n\r\n"
    ).encode()


def head(opcode: int, size: int) -> bytes:
    """Return what comes before a payload of a client's frame."""
    first = 0x80 | opcode
    if size < 126:
        return bytes((first, 0x80 | size)) + _NO_MASK
    if size < 1 << 16:
        return bytes((first, 0x80 | 126)) + size.to_bytes(2) + _NO_MASK
    return bytes((first, 0x80 | 127)) + size.to_bytes(8) + _NO_MASK


def frame(opcode: int, payload: bytes) -> bytes:
    """Return a client's frame."""
    return head(opcode, len(payload)) + payload


@dataclass
class Reader:
    """Cuts what a server sends into its answer to the upgrade, then into frames. Messages in fragments are not known.

    Attributes:
        opened: whether the server has answered the upgrade.
    """

    opened: bool = False
    _held: bytearray = field(default_factory=bytearray)

    def feed(self, data: bytes) -> list[tuple[int, bytes]]:
        """Take bytes and return the frames that are complete, as opcode and payload.

        Raises:
            ConnectionRefusedError: the server did not open a socket.
        """
        self._held += data
        if not self.opened:
            end = self._held.find(b"\r\n\r\n")
            if end < 0:
                return []
            if not self._held.startswith(b"HTTP/1.1 101"):
                raise ConnectionRefusedError(self._held[: self._held.find(b"\r\n")].decode("latin-1"))
            self.opened = True
            del self._held[: end + 4]
        frames = []
        while (cut := self._next()) is not None:
            frames.append(cut)
        return frames

    def _next(self) -> tuple[int, bytes] | None:
        held = self._held
        if len(held) < 2:
            return None
        size, at = held[1] & 0x7F, 2
        if size >= 126:
            at += 2 if size == 126 else 8
            if len(held) < at:
                return None
            size = int.from_bytes(held[2:at])
        if len(held) < at + size:
            return None
        opcode, payload = held[0] & 0x0F, bytes(held[at : at + size])
        del held[: at + size]
        return opcode, payload
