"""The guard of the embedded server: starts it again when it dies while Balto runs."""

import asyncio
import logging
import os
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Final, Protocol

import psutil

from events.programs import EmbeddedPostgresError

_POLL_S: Final = 0.25
_FIRST_PAUSE_S: Final = 0.5
_LONGEST_PAUSE_S: Final = 30.0
_CALM_S: Final = 300.0

logger = logging.getLogger(__name__)


class Mortal(Protocol):
    """A server that can die and be started again."""

    async def died(self) -> None:
        """Wait until it is not there."""
        ...

    async def revive(self) -> bool:
        """Start it again and tell whether it was ours to start; raises `EmbeddedPostgresError`."""
        ...


@asynccontextmanager
async def guarded(
    server: Mortal,
    *,
    first_pause_s: float = _FIRST_PAUSE_S,
    longest_pause_s: float = _LONGEST_PAUSE_S,
    calm_s: float = _CALM_S,
    clock: Callable[[], float] = time.monotonic,
) -> AsyncIterator[None]:
    """Start a server again whenever it dies within the block.

    The first time at once; each further death that follows within `calm_s` of the last start is answered after a pause
    that doubles, so that a server that cannot live is started twice a minute at most. Never gives up: its clients wait
    or fail by themselves meanwhile.

    Args:
        server: started already.
        first_pause_s: seconds before the second start.
        longest_pause_s: seconds between two starts, at most.
        calm_s: seconds of life after which a death counts as the first again.
        clock: seconds, monotonic.
    """
    task = asyncio.create_task(_guard(server, first_pause_s, longest_pause_s, calm_s, clock), name="guard")
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def _guard(server: Mortal, first_s: float, longest_s: float, calm_s: float, clock: Callable[[], float]) -> None:
    pause, started = 0.0, clock()
    while True:
        await server.died()
        found = clock()
        if found - started > calm_s:
            pause = 0.0
        await asyncio.sleep(pause)
        pause = min(max(2 * pause, first_s), longest_s)
        try:
            ours = await server.revive()
        except EmbeddedPostgresError as error:
            logger.error("the embedded PostgreSQL died and does not start again: %s", error)  # noqa: TRY400 - one line
        else:
            if ours:
                logger.warning("the embedded PostgreSQL died and was started again after %.1f s", clock() - found)
        started = clock()


async def ended(pid: int) -> None:
    """Wait until a process has ended, whoever's child it is."""
    if not hasattr(os, "pidfd_open"):
        while psutil.pid_exists(pid):  # noqa: ASYNC110 - nothing tells of it here
            await asyncio.sleep(_POLL_S)
        return
    try:
        file = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    loop, over = asyncio.get_running_loop(), asyncio.Event()
    loop.add_reader(file, over.set)
    try:
        await over.wait()
    finally:
        loop.remove_reader(file)
        os.close(file)
