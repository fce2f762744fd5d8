"""Whether a worker still lives: asked again and again, and killed where it stops answering, so that it is replaced."""

import asyncio
import logging
import signal
from typing import Final, Protocol

BEATS: Final = 5
"""Questions in a row that must stay unanswered. One alone proves nothing: whoever asks may have been stopped itself."""

logger = logging.getLogger(__name__)


class Heart(Protocol):
    """A process that can be asked, and killed."""

    name: str
    is_ready: asyncio.Event
    """Set while it does its work; only then it has to answer."""

    async def lives(self) -> None:
        """Return when it has answered, or turned out to be gone."""
        ...

    def tell(self, number: signal.Signals) -> None:
        """Send it a signal."""
        ...


async def watch_heart(worker: Heart, patience_s: float) -> None:
    """Kill a worker whenever it does not answer any more; its guard then starts it again. Runs until cancelled.

    A process that is stopped, or whose event loop is held up for good, has neither died nor hung up.

    Args:
        worker: who is watched.
        patience_s: of silence.
    """
    beat_s, missed = patience_s / BEATS, 0
    while True:
        if not worker.is_ready.is_set():
            missed = 0
            await worker.is_ready.wait()
        try:
            async with asyncio.timeout(beat_s):
                await worker.lives()
        except TimeoutError:
            missed += 1
        else:
            missed = 0
            await asyncio.sleep(beat_s)
        if missed == BEATS and worker.is_ready.is_set():
            worker.is_ready.clear()
            logger.error("%s has not answered for %g s and is killed", worker.name, patience_s)
            worker.tell(signal.SIGKILL)
