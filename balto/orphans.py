"""Orphans: sessions whose process died and whose client did not come back. They are heard to their end."""

import asyncio
import logging
from datetime import timedelta

from actors.session.restoring import NotResumableError
from balto.sessions import Overloaded, SessionHost
from events.store import StoreError
from projections import reports
from projections.projector import Projector

logger = logging.getLogger(__name__)


async def adopt_orphans(sessions: SessionHost, projector: Projector, *, older_than: timedelta) -> int:
    """Finish the sessions that have been silent for so long, and return how many.

    Their recording is listened to again, phrases under way get their outcome, and the session ends. Two nodes may try:
    the stream lets one of them.
    """
    await projector.catch_up("sessions")
    adopted = 0
    for session_id in await reports.silent_sessions(projector.pool, older_than=older_than):
        if sessions.holds(session_id):
            continue
        try:
            await sessions.finish_orphan(session_id)
        except (NotResumableError, Overloaded):
            continue
        adopted += 1
        logger.info("session %s had been left alone and is heard to its end", session_id)
    return adopted


async def look_after_orphans(sessions: SessionHost, projector: Projector, *, grace_s: float) -> None:
    """Adopt orphans now and then, until cancelled. A session is one after three times the grace of a connection."""
    while True:
        try:
            await adopt_orphans(sessions, projector, older_than=timedelta(seconds=3 * grace_s))
        except StoreError as error:
            logger.warning("orphans could not be looked for: %s", error)
        await asyncio.sleep(max(grace_s, 1.0))
