"""Pacing: samples given out in blocks at times of their own, however the bytes came that they were decoded from."""

from collections import deque
from collections.abc import AsyncIterator
from typing import NamedTuple, Protocol

import numpy as np

from actors.values import Pcm


class Pace(Protocol):
    """Says when a session's samples are heard."""

    @property
    def block(self) -> int:
        """Samples that are heard together."""
        ...

    async def until(self, sample: int) -> None:
        """Wait until the samples before this one, counted from the session's first, may be heard."""
        ...


class Given(NamedTuple):
    """Samples whose time has come."""

    pcm: Pcm
    """Shape (n,)."""
    byte_end: int
    """Bytes of which all samples have been given."""
    more: bool
    """Whether more follow of what was decoded last."""


class PacedSamples:
    """Holds decoded samples back until it is time, and cuts them at multiples of the pace's block.

    Args:
        pace: says when.
    """

    def __init__(self, pace: Pace) -> None:
        self._pace = pace
        self._rest = np.zeros(0, dtype=np.int16)
        self._decoded = 0
        self._given = 0
        self._byte_end = 0
        self._ends: deque[tuple[int, int]] = deque()
        """Samples and bytes in all at the end of each piece that has not been given whole."""

    async def give(self, pcm: Pcm, byte_end: int, *, final: bool) -> AsyncIterator[Given]:
        """Yield each block that is complete with these samples, in its time; or at once that there is none.

        Args:
            pcm: the next samples, shape (n,).
            byte_end: bytes that all samples so far were decoded from.
            final: whether what is left goes too, though it fills no block.
        """
        self._decoded += pcm.size
        self._ends.append((self._decoded, byte_end))
        pcm = np.concatenate([self._rest, pcm]) if self._rest.size else pcm
        size = self._pace.block
        whole = pcm.size if final else pcm.size - pcm.size % size
        self._rest = pcm[whole:]
        if not whole:
            yield Given(pcm[:0], self._heard(), more=False)
        for at in range(0, whole, size):
            block = pcm[at : min(at + size, whole)]
            self._given += block.size
            await self._pace.until(self._given)
            yield Given(block, self._heard(), more=at + size < whole)

    def _heard(self) -> int:
        while self._ends and self._ends[0][0] <= self._given:
            _, self._byte_end = self._ends.popleft()
        return self._byte_end
