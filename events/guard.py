"""The guard of what runs beside this process, such as the embedded server: starts it again when it dies."""

import asyncio
import logging
import os
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Final, Protocol

import psutil

_POLL_S: Final = 0.25
_FIRST_PAUSE_S: Final = 0.5
_LONGEST_PAUSE_S: Final = 30.0
_CALM_S: Final = 300.0

logger = logging.getLogger(__name__)


class ReviveError(Exception):
    """What died does not start again. The message is one line for the operator."""


class Mortal(Protocol):
    """A server that can die and be started again."""

    async def died(self) -> None:
        """Wait until it is not there."""
        ...

    async def revive(self) -> bool:
        """Start it again and tell whether it was ours to start; raises `ReviveError`."""
        ...


@asynccontextmanager
async def guarded(
    server: Mortal,
    *,
    name: str = "the embedded PostgreSQL",
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
        name: what the log calls it.
        first_pause_s: seconds before the second start.
        longest_pause_s: seconds between two starts, at most.
        calm_s: seconds of life after which a death counts as the first again.
        clock: seconds, monotonic.
    """
    guard = _guard(server, name, first_pause_s, longest_pause_s, calm_s, clock)
    task = asyncio.create_task(guard, name=f"guard of {name}")
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def _guard(
    server: Mortal, name: str, first_s: float, longest_s: float, calm_s: float, clock: Callable[[], float]
) -> None:
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
        except ReviveError as error:
            logger.error("%s died and does not start again: %s", name, error)  # noqa: TRY400 - one line
        else:
            if ours:
                logger.warning("%s died and was started again after %.1f s", name, clock() - found)
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
