"""Pacing: samples given out in blocks at times of their own, however the bytes came that they were decoded from."""

from collections.abc import AsyncIterator
from typing import Protocol

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


class PacedSamples:
    """Holds decoded samples back until it is time, and cuts them at multiples of the pace's block.

    Args:
        pace: says when.
    """

    def __init__(self, pace: Pace) -> None:
        self._pace = pace
        self._rest = np.zeros(0, dtype=np.int16)
        self._given = 0

    async def give(self, pcm: Pcm, *, final: bool) -> AsyncIterator[tuple[Pcm, bool]]:
        """Yield what is complete with these samples, each block in its time, and whether more of them follow.

        Args:
            pcm: the next samples, shape (n,).
            final: whether what is left goes too, though it fills no block.
        """
        pcm = np.concatenate([self._rest, pcm]) if self._rest.size else pcm
        size = self._pace.block
        whole = pcm.size if final else pcm.size - pcm.size % size
        self._rest = pcm[whole:]
        if not whole:
            yield pcm[:0], False
        for at in range(0, whole, size):
            block = pcm[at : min(at + size, whole)]
            self._given += block.size
            await self._pace.until(self._given)
            yield block, at + size < whole
