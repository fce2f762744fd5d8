"""Load shedding: whether another session can be taken, from what the last seconds were like."""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from statistics import median
from typing import Final

WINDOW_S: Final = 5.0
_COVERED: Final = 0.8
"""Share of the window that must have been watched before it says anything."""
TOO_LATE_MS: Final = 250.0
"""Of the loop, half of the time."""
TOO_LONG_MS: Final = 250.0
"""For a message to wait in a mailbox, on average."""
FULL: Final = 0.95
"""Share of the processors that this process may use, half of the time."""
_IN_NEED: Final = 5.0
"""With all processors in use, a lag or wait that is so many times shorter is too long already."""
_LEAST_WAITS: Final = 5

LATE: Final = "servidor sobrecarregado: o laço de eventos está atrasado"
WAITING: Final = "servidor sobrecarregado: mensagens esperam na fila"
BUSY: Final = "servidor sobrecarregado: o processador está no limite"


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """One look at the process."""

    lag_ms: float
    """How late the event loop woke a sleeper."""
    cpu_share: float
    """Of all processors that the process may use, since the look before; 0 to 1."""
    messages: int
    """Messages timed since the process started, of actors that wait for nobody outside."""
    waited_s: float
    """How long these waited in their mailboxes, all together."""


class LoadWindow:
    """The looks of the last five seconds, and what they say.

    Medians, so that one long step is no overload; a window, so that the door opens again as soon as a spell is over. A
    busy processor alone turns nobody away: only if somebody has to wait for it.

    Args:
        clock: monotonic seconds.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._looks: deque[tuple[float, Load]] = deque()

    def add(self, load: Load) -> None:
        """Take a look into account."""
        self._looks.append((self._clock(), load))
        self._forget()

    def reason(self) -> str | None:
        """Return why no further session should be taken, in Portuguese, or None."""
        self._forget()
        if not self._looks or self._clock() - self._looks[0][0] < WINDOW_S * _COVERED:
            return None
        loads = [load for _, load in self._looks]
        lag_ms = median(load.lag_ms for load in loads)
        wait_ms = _mean_wait_ms(loads[0], loads[-1])
        if lag_ms >= TOO_LATE_MS:
            return LATE
        if wait_ms >= TOO_LONG_MS:
            return WAITING
        in_need = max(lag_ms / TOO_LATE_MS, wait_ms / TOO_LONG_MS) * _IN_NEED >= 1
        if in_need and median(load.cpu_share for load in loads) >= FULL:
            return BUSY
        return None

    def _forget(self) -> None:
        oldest = self._clock() - WINDOW_S
        while self._looks and self._looks[0][0] < oldest:
            self._looks.popleft()


def _mean_wait_ms(first: Load, last: Load) -> float:
    messages = last.messages - first.messages
    return 1000 * (last.waited_s - first.waited_s) / messages if messages >= _LEAST_WAITS else 0.0
