"""Open files and sockets: how many this process may have, how many are left, and what is said when there are none."""

import asyncio
import contextlib
import errno
import logging
import os
import resource
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Final

_RESERVE: Final = 32
"""Kept back from new sessions: those that are live may need a connection to the database or to a provider."""
_REPEAT_S: Final = 30.0
_LOOK_S: Final = 1.0
_WANTING: Final = (errno.EMFILE, errno.ENFILE)
_FOLDER: Final = Path("/dev/fd")

SHORT: Final = "servidor sobrecarregado: faltam descritores de arquivo"

logger = logging.getLogger(__name__)


def take_all_allowed() -> None:
    """Raise this process's limit to what its user may have."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        except (OSError, ValueError):  # where a hard limit of "infinity" is none in truth
            logger.info("the limit of open files stays at %d", soft)


class Handles:
    """Tells whether another session may open what it needs, and says so once a spell.

    Args:
        reserve: handles that new sessions leave to the others.
    """

    def __init__(self, reserve: int = _RESERVE) -> None:
        self._reserve = reserve
        self._told_at = float("-inf")

    def shortage(self) -> str | None:
        """Return why no further session can be taken, in Portuguese, or None."""
        limit = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
        if limit == resource.RLIM_INFINITY:
            return None
        try:
            used = sum(1 for _ in _FOLDER.iterdir())
        except OSError:  # not even that may be opened
            used = limit
        if used <= limit - self._reserve:
            return None
        self._tell(limit)
        return SHORT

    @contextlib.asynccontextmanager
    async def watching(self) -> AsyncIterator[None]:
        """Say, for the length of the block, when the loop can accept nobody: in one line, and once a spell."""
        self._listen_to(asyncio.get_running_loop())
        looking = asyncio.create_task(self._look_again_and_again(), name="file handles")
        try:
            yield
        finally:
            looking.cancel()
            await asyncio.gather(looking, return_exceptions=True)

    async def _look_again_and_again(self) -> None:
        # libuv says nothing: it turns newcomers away by means of a handle that it keeps for this, and if it has lost
        # even that one, it leaves them waiting.
        while True:
            await asyncio.sleep(_LOOK_S)
            self._look()

    def _look(self) -> None:
        try:
            os.close(os.open(os.devnull, os.O_RDONLY))
        except OSError as error:
            if error.errno in _WANTING:
                self._tell(resource.getrlimit(resource.RLIMIT_NOFILE)[0])

    def _listen_to(self, loop: asyncio.AbstractEventLoop) -> None:
        """Have asyncio's own loop, which does say something, do so without a traceback a second."""
        before = loop.get_exception_handler()

        def handle(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
            error = context.get("exception")
            if isinstance(error, OSError) and error.errno in _WANTING:
                self._tell(resource.getrlimit(resource.RLIMIT_NOFILE)[0])
            elif before is not None:
                before(loop, context)
            else:
                loop.default_exception_handler(context)

        loop.set_exception_handler(handle)

    def _tell(self, limit: int) -> None:
        if time.monotonic() - self._told_at < _REPEAT_S:
            return
        self._told_at = time.monotonic()
        logger.error(
            "out of file handles (this process may have %d): new sessions are refused and live ones go on; raise the "
            "limit (LimitNOFILE= of systemd, `ulimit -n`), or run more workers",
            limit,
        )
