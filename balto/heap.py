"""What the C library keeps of memory that nobody holds any more: given back while sessions come and go."""

import asyncio
import contextlib
import ctypes
import logging
import sys
from collections.abc import AsyncIterator, Callable
from functools import cache
from typing import Any, Final

_EVERY_S: Final = 5.0
_ARENA_MAX: Final = -8
"""`M_ARENA_MAX` of glibc's malloc.h."""
_ARENAS: Final = 2
"""One for the loop, which makes nearly everything that stays, one for the threads, whose arrays come and go."""

logger = logging.getLogger(__name__)


@cache
def _glibc() -> Any:
    """Return glibc; None where another C library is, which keeps its heap in ways of its own."""
    if sys.platform != "linux":
        return None
    try:
        library = ctypes.CDLL(None)
        library.gnu_get_libc_version  # noqa: B018 - looked up by asking for it
    except (OSError, AttributeError):
        return None
    return library


def share_arenas() -> None:
    """Have the threads to come share two heaps. By default each gets one, with holes of its own."""
    library = _glibc()
    if library is not None and not library.mallopt(_ARENA_MAX, _ARENAS):
        logger.debug("the C library does not let its arenas be counted")


def give_back() -> None:
    """Give whole pages in which nothing is held back to the system: about half a millisecond, without Python's lock."""
    library = _glibc()
    if library is not None:
        library.malloc_trim(0)


class Leftovers:
    """Tells when there may be something to give back: as long as sessions are at work, and once after the last."""

    def __init__(self) -> None:
        self._before = False

    def due(self, at_work: int) -> bool:
        """Tell whether any were at work since this was asked last.

        Args:
            at_work: sessions that are now.
        """
        before, self._before = self._before, at_work > 0
        return before or self._before


@contextlib.asynccontextmanager
async def giving_back(at_work: Callable[[], int], every_s: float = _EVERY_S) -> AsyncIterator[None]:
    """Give back what is left now and then, for the length of the block.

    A phrase that is measured, cleaned and sent takes megabytes for a moment, in pieces between what stays. Where they
    were, holes are left, more than the sessions themselves hold.

    Args:
        at_work: tells how many sessions are.
        every_s: seconds between two times.
    """
    giving = asyncio.create_task(_give_back_again_and_again(at_work, every_s), name="heap")
    try:
        yield
    finally:
        giving.cancel()
        await asyncio.gather(giving, return_exceptions=True)


async def _give_back_again_and_again(at_work: Callable[[], int], every_s: float) -> None:
    leftovers = Leftovers()
    while True:
        await asyncio.sleep(every_s)
        if leftovers.due(at_work()):
            await asyncio.to_thread(give_back)
