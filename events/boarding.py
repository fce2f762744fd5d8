"""When a flush is due: at once where somebody waits for it, else as soon as there is company, or after a while."""

import asyncio
from collections.abc import Callable


class Boarding:
    """Tells whether what is queued is to be written now.

    Args:
        begin: called when a flush becomes due that nobody asked for.
        wait_s: seconds that a patient append waits for company. A flush costs as much for one append as for ten.
    """

    def __init__(self, begin: Callable[[], None], wait_s: float) -> None:
        self._begin = begin
        self._wait_s = wait_s
        self._timer: asyncio.TimerHandle | None = None
        self.due = False
        """Whether anything queued may not wait any longer."""

    def admit(self, *, patient: bool) -> bool:
        """Note that an append was queued; return whether a flush is due."""
        if not patient:
            self.due = True
        elif not self.due and self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(self._wait_s, self.call)
        return self.due

    def call(self) -> None:
        """Have everything written that is queued."""
        self.due = True
        self._begin()

    def depart(self, *, leaving: bool) -> None:
        """Note that a flush has taken what it may, and whether it is leaving anything behind."""
        self.due = leaving
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
