"""When a second engine is asked because the first is slow, and how often that may happen. Pure."""

import math
from collections import deque
from typing import Final

_KEPT: Final = 200
"""Latencies that the quantile is taken of."""
_ENOUGH: Final = 20
"""Below so many, a quantile of 95% says nothing."""


class Latencies:
    """The last latencies of one engine. What was cancelled is not among them, so a floor belongs with the quantile."""

    def __init__(self) -> None:
        self._last: deque[float] = deque(maxlen=_KEPT)

    def add(self, seconds: float) -> None:
        """Note how long an answer took."""
        self._last.append(seconds)

    def quantile(self, share: float) -> float | None:
        """Return the nearest-rank quantile in seconds, None of too few."""
        if len(self._last) < _ENOUGH:
            return None
        return sorted(self._last)[math.ceil(share * len(self._last)) - 1]


class HedgeBudget:
    """How many backups may be started only because an engine is slow: a share of the calls, saved up a little.

    Source: J. Dean, L. A. Barroso, The Tail at Scale, CACM 56(2), 2013: hedged requests and their cost.

    Args:
        share: hedges a call, such as 0.1.
        saved: hedges that may be saved up, so that a handful at a time is not refused.
    """

    def __init__(self, share: float = 0.1, saved: float = 5.0) -> None:
        self._share = share
        self._most = saved
        self._left = saved

    def earn(self) -> None:
        """Note a call."""
        self._left = min(self._most, self._left + self._share)

    def spend(self) -> bool:
        """Take one hedge; return whether there was one."""
        if self._left < 1:
            return False
        self._left -= 1
        return True
