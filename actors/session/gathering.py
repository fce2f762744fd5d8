"""The timer of what waits for more words: while audio comes its silence tells; where none comes, this does."""

from collections.abc import Callable
from typing import Final

from actors.session.calls import GatherTick
from actors.session.inputs import GatherDue
from actors.session.state import SessionState
from actors.session.utterance import waiting
from actors.values import SAMPLE_RATE

LONGEST_US: Final = 8_000_000
"""What is being gone on with waits no longer for what follows."""


class GatherTimer:
    """Ticks while an utterance waits. A new life of a session begins to count anew.

    Args:
        gather_samples: how long one waits for words.
        tick_after: has the session told after so many seconds.
        now_us: the clock's monotonic time.
    """

    def __init__(self, gather_samples: int, tick_after: Callable[[float], None], now_us: Callable[[], int]) -> None:
        self._wait_us = gather_samples * 1_000_000 // SAMPLE_RATE
        self._tick_after = tick_after
        self._now_us = now_us
        self._since: dict[int, int] = {}
        self._ticking = False

    def see(self, state: SessionState) -> None:
        """Look at what waits now."""
        waits = waiting(state)
        if not waits:
            self._since = {}
            return
        now = self._now_us()
        self._since = {number: self._since.get(number, now) for number in waits}
        if not self._ticking:
            self._ticking = True
            left = self._since[max(self._since)] + self._wait_us - now
            # What has waited long enough and is being gone on with is looked at again later.
            self._tick_after((left if left > 0 else self._wait_us) / 1e6)

    def due(self, _: GatherTick) -> GatherDue | None:
        """Return what a tick says to the session, if it is time."""
        self._ticking = False
        if not self._since:
            return None
        now, last = self._now_us(), max(self._since)
        forced = now - min(self._since.values()) >= LONGEST_US
        in_time = now - self._since[last] >= self._wait_us
        return GatherDue(last=last, reason="timer", forced=forced) if in_time or forced else None
