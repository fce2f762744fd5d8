"""The samples that a segmenter may still need, addressed by their index in the stream."""

import numpy as np

from actors.values import Pcm


class SampleHistory:
    """A sliding window over a stream of samples, of bounded size."""

    def __init__(self) -> None:
        self._buffer: Pcm = np.zeros(32_768, dtype=np.int16)
        self._from = 0
        self._start = 0
        self._end = 0

    @property
    def end(self) -> int:
        """Index in the stream, one past the last sample."""
        return self._end

    def append(self, pcm: Pcm) -> None:
        """Add samples, shape (n,)."""
        held = self._end - self._start
        if self._from + held + pcm.size > self._buffer.size:
            kept = self._buffer[self._from : self._from + held]
            if held + pcm.size > self._buffer.size // 2:
                grown = np.zeros(2 * (held + pcm.size), dtype=np.int16)
                grown[:held] = kept
                self._buffer = grown
            else:
                self._buffer[:held] = kept.copy()
            self._from = 0
        at = self._from + held
        self._buffer[at : at + pcm.size] = pcm
        self._end += pcm.size

    def take(self, start: int, end: int) -> Pcm:
        """Return a copy of the samples from `start` to `end`.

        Raises:
            IndexError: some of them have been forgotten, or haven't come yet.
        """
        if not self._start <= start <= end <= self._end:
            raise IndexError(f"samples {start} to {end} aren't held")
        at = self._from + start - self._start
        return self._buffer[at : at + end - start].copy()

    def view(self, start: int, end: int) -> Pcm:
        """Return the samples from `start` to `end` without copying; valid until the next `append`."""
        at = self._from + start - self._start
        return self._buffer[at : at + end - start]

    def forget(self, before: int) -> None:
        """Let go of the samples before an index."""
        if before > self._start:
            step = min(before, self._end) - self._start
            self._from += step
            self._start += step
