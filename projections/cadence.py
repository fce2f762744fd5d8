"""How long the projector waits between two rounds: what one costs depends little on how many events it folds."""

import asyncio
from typing import Final

from events.watch import Watch

# Whoever asks for a report has it brought up to date first, so that nobody waits for the longer pace.
_PACE_S: Final = 0.2
_BUSY_PACE_S: Final = 0.06
_BUSY: Final = 100
"""Events in a round from which on they come too fast for the longer pace, since laying many out takes longer."""
_STEADY: Final = 3
"""Rounds in a row that found something, after which the next one is not waited for to be called."""
WATCH_PACE_S: Final = 0.06
"""What a projector's watch does well to keep between two looks."""
WATCH_DOZE_S: Final = 0.5
"""After how long a projector's watch does well to doze: under a steady stream, nobody waits for it."""
_LONGEST_PAUSE_S: Final = 5.0


class Cadence:
    """Waits between rounds: for a steady stream by the clock, else until the watch says that the ledger has grown.

    Args:
        watch: wakes it; without one it looks by itself.
        poll_s: seconds between two looks at a ledger in which nothing happens; with a watch, the shortest time.
    """

    def __init__(self, watch: Watch | None, poll_s: float) -> None:
        self._watch = watch
        self._poll_s = poll_s
        self._pause_s = self._rest_s = poll_s
        self._in_a_row = 0

    async def failed(self) -> None:
        """Wait after a round that failed."""
        self._pause_s = min(2 * self._pause_s, _LONGEST_PAUSE_S)
        await asyncio.sleep(self._pause_s)

    async def done(self, events: float, head: int, took_s: float) -> None:
        """Wait after a round.

        Args:
            events: folded into a read model, in the mean.
            head: the ledger's last event at that time.
            took_s: seconds that the round took.
        """
        self._pause_s = self._poll_s
        # What is new wakes it; looks between are for what is not, as a read model that may go on.
        doubled = max(self._poll_s, min(2 * self._rest_s, _LONGEST_PAUSE_S))
        self._rest_s = self._poll_s if events or self._watch is None else doubled
        self._in_a_row = self._in_a_row + 1 if events else 0
        if events:
            pace_s = _PACE_S if events < _BUSY else _BUSY_PACE_S
            await asyncio.sleep(max(0.0, min(pace_s, self._poll_s) - took_s))
        if self._watch is None:
            if not events:
                await asyncio.sleep(self._rest_s)
        elif self._in_a_row < _STEADY:
            await self._watch.stir(self._rest_s, seen=head)
