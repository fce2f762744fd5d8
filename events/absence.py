"""What a journal knows of its database's absence, and tells the operator: a line when it goes, and when it is back."""

import logging
from asyncio import AbstractEventLoop
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from events.store import StoreUnavailableError

LATE_S: Final = 2.0
"""Of silence, after which it is worth a line: a connection that is lost and made anew is not."""
_WHAT_TO_DO: Final = {
    "DiskFullError": "its disk is full: make room on it",
    "TooManyConnectionsError": "it takes no further connections: raise its max_connections or run fewer workers",
    "InsufficientPrivilegeError": "it refuses this login: see its rights",
    "InvalidPasswordError": "it refuses the password: see BALTO_DATABASE_URL",
    "CannotConnectNowError": "it is starting or recovering: nothing is to be done, if that ends",
    "ReadOnlySQLTransactionError": "it is a standby: see that BALTO_DATABASE_URL names the primary",
    "gaierror": "the name of its machine is not known here: see BALTO_DATABASE_URL",
}
_OTHERWISE: Final = "see that PostgreSQL runs, is not stopped, and is reached from here"

logger = logging.getLogger(__name__)


def named(error: BaseException | None) -> str:
    """Name what the driver said, without its words; None is a database that said nothing."""
    return "silence" if error is None else type(error).__name__


def what_to_do(error: BaseException | None) -> str:
    """Say what an operator can do about a database that does not answer."""
    return _WHAT_TO_DO.get(named(error), _OTHERWISE)


class Absence:
    """Since when the database does not answer, and whether that has been told.

    It is told once; and once more where its reason comes out only then, if that says what to do.

    Args:
        patience_s: how long the journal keeps what it is given, which the line says.
    """

    def __init__(self, patience_s: float) -> None:
        self._patience_s = patience_s
        self._told: str | None = None
        """What was told of; None where nothing was."""
        self._since: float | None = None
        self.answered_at = float("-inf")

    @contextmanager
    def asking(self, loop: AbstractEventLoop) -> Iterator[None]:
        """Ask the database something within the block, which raises what comes of it."""
        asked_at = loop.time()
        late = loop.call_later(LATE_S, lambda: self._silent(loop.time(), asked_at, None))
        try:
            yield
        except StoreUnavailableError as error:
            self._silent(loop.time(), asked_at, error.__cause__)
            raise
        else:
            self._over(loop.time())
        finally:
            late.cancel()

    def is_too_long(self, now: float, asked_at: float) -> bool:
        """Return whether the patience is at an end, for what was first asked at a moment."""
        since = asked_at if self._since is None else min(asked_at, self._since)
        return now - since > self._patience_s

    def _silent(self, now: float, asked_at: float, error: BaseException | None) -> None:
        self._since = asked_at if self._since is None else self._since
        if now - self._since < LATE_S or not self._is_news(named(error)):
            return
        self._told = named(error)
        logger.error(
            "the database does not answer (%s): %s; what is heard waits for it, %g s at most",
            named(error),
            what_to_do(error),
            self._patience_s,
        )

    def _is_news(self, reason: str) -> bool:
        return self._told is None or (self._told not in _WHAT_TO_DO and reason in _WHAT_TO_DO)

    def _over(self, now: float) -> None:
        if self._told is not None and self._since is not None:
            logger.warning("the database answers again after %.1f s", now - self._since)
        self._told, self._since, self.answered_at = None, None, now
