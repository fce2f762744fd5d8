"""Orphans: sessions whose process died and whose client did not come back. They are heard to their end."""

import asyncio
import logging
from collections.abc import Callable
from datetime import timedelta
from typing import Final
from uuid import UUID

from actors.session.restoring import NotResumableError
from balto.sessions import Overloaded, SessionHost
from events.presence import Presence
from events.store import StoreError
from events.troubles import Trouble
from projections import reports
from projections.projector import Projector

logger = logging.getLogger(__name__)

_LOOKS_A_GRACE: Final = 4


class Orphans:
    """Looks for sessions that nobody is at work on, and finishes those that stay so for the grace of a connection.

    A session without news is no orphan while its process shows that it is there, however long its client is silent.
    Two nodes may try to adopt one: the stream lets one of them.

    Args:
        sessions: where they are finished.
        projector: whose read model tells which sessions have not ended.
        presence: tells which of them some process is at work on.
        grace_s: how long a client may take to come back, in seconds.
        clock: monotonic seconds.
    """

    def __init__(
        self,
        sessions: SessionHost,
        projector: Projector,
        presence: Presence,
        *,
        grace_s: float,
        clock: Callable[[], float],
    ) -> None:
        self._sessions = sessions
        self._projector = projector
        self._presence = presence
        self._grace_s = grace_s
        self._clock = clock
        self._alone_since: dict[str, float] = {}

    async def look(self) -> int:
        """Look once; return how many sessions were adopted.

        Raises:
            StoreError: the database is away.
        """
        await self._projector.catch_up("sessions", renew=False)
        silent = await reports.silent_sessions(self._projector.pool, older_than=timedelta(seconds=self._grace_s / 2))
        alone = [one for one in silent if not self._sessions.holds(one) and await self._presence.is_free(UUID(one))]
        now = self._clock()
        self._alone_since = {one: self._alone_since.get(one, now) for one in alone}
        adopted = 0
        for session_id, since in list(self._alone_since.items()):
            if now - since >= self._grace_s:
                adopted += await self._adopt(session_id)
        return adopted

    async def _adopt(self, session_id: str) -> bool:
        try:
            await self._sessions.finish_orphan(session_id)
        except (NotResumableError, Overloaded):
            return False
        logger.info("session %s had been left alone and is heard to its end", session_id)
        return True

    async def look_after(self) -> None:
        """Look now and then, until cancelled."""
        trouble = Trouble(logger, "orphans could not be looked for: %s")
        while True:
            try:
                await self.look()
                trouble.is_over()
            except StoreError as error:
                trouble.goes_on(error)
            await asyncio.sleep(max(self._grace_s / _LOOKS_A_GRACE, 0.25))
