"""The samples that a segmenter may still need, in blocks, addressed by their index in the stream."""

from collections import deque
from typing import Final

import numpy as np

from actors.values import Pcm

_BLOCK: Final = 2_048


class SampleHistory:
    """A sliding window over a stream of samples. Takes no more memory than what it holds, and a block."""

    __slots__ = ("_blocks", "_end", "_filled", "_first")

    def __init__(self) -> None:
        self._blocks: deque[Pcm] = deque()
        self._first = 0
        """Index in the stream of the first block's first sample."""
        self._filled = _BLOCK
        """Samples in the last block."""
        self._end = 0

    @property
    def end(self) -> int:
        """Index in the stream, one past the last sample."""
        return self._end

    def append(self, pcm: Pcm) -> None:
        """Add samples, shape (n,)."""
        at = 0
        while at < pcm.size:
            if self._filled == _BLOCK:
                self._blocks.append(np.empty(_BLOCK, dtype=np.int16))
                self._filled = 0
            step = min(_BLOCK - self._filled, pcm.size - at)
            self._blocks[-1][self._filled : self._filled + step] = pcm[at : at + step]
            self._filled += step
            at += step
        self._end += pcm.size

    def take(self, start: int, end: int) -> Pcm:
        """Return the samples from `start` to `end`: where they are, if that is one block, and not to be written to.

        Raises:
            IndexError: some of them have been forgotten, or haven't come yet.
        """
        if not self._first <= start <= end <= self._end:
            raise IndexError(f"samples {start} to {end} aren't held")
        number, offset = divmod(start - self._first, _BLOCK)
        if start < end and offset + end - start <= _BLOCK:
            return self._blocks[number][offset : offset + end - start]
        taken = np.empty(end - start, dtype=np.int16)
        at = start
        while at < end:
            number, offset = divmod(at - self._first, _BLOCK)
            step = min(_BLOCK - offset, end - at)
            taken[at - start : at - start + step] = self._blocks[number][offset : offset + step]
            at += step
        return taken

    def forget(self, before: int) -> None:
        """Let go of blocks that hold nothing but samples before an index."""
        while self._blocks and self._first + _BLOCK <= before and self._first + _BLOCK <= self._end:
            self._blocks.popleft()
            self._first += _BLOCK
