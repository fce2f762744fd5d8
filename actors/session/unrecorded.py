"""What a client has sent and no event has recorded yet, in the pieces in which it came."""

from collections import deque
from itertools import islice
from typing import Final

_SMALL: Final = 4_096
"""Bytes up to which neighbours are put together: a client that sends single bytes must not cost an object for each."""


class Unrecorded:
    """Bytes that come at one end and are recorded from the other. Takes as much memory as it holds."""

    __slots__ = ("_pieces", "_size")

    def __init__(self) -> None:
        self._pieces: deque[bytes] = deque()
        self._size = 0

    def __len__(self) -> int:
        return self._size

    def append(self, data: bytes) -> None:
        """Add what came."""
        if self._pieces and len(self._pieces[-1]) + len(data) <= _SMALL:
            self._pieces[-1] += data
        else:
            self._pieces.append(data)
        self._size += len(data)

    def read(self, at: int, size: int) -> bytes:
        """Return up to `size` bytes, but the first `at`; a piece as it came where it is one."""
        first, start, end = len(self._pieces), self._size, at + size
        # What is read is nearly always what came last.
        for piece in reversed(self._pieces):
            if start <= at:
                break
            first, start = first - 1, start - len(piece)
        parts = list[bytes]()
        for piece in islice(self._pieces, first, None):
            if start >= end:
                break
            parts.append(piece[max(0, at - start) : end - start])
            start += len(piece)
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def cut(self, size: int) -> bytes:
        """Take the first `size` bytes, or all where there are fewer."""
        parts = list[bytes]()
        left = size
        while left > 0 and self._pieces:
            piece = self._pieces.popleft()
            if len(piece) > left:
                self._pieces.appendleft(piece[left:])
                piece = piece[:left]
            parts.append(piece)
            left -= len(piece)
        self._size -= size - left
        return parts[0] if len(parts) == 1 else b"".join(parts)
