"""What other processes say of sessions that are at home here: that they have taken them over. Anyone may say so."""

import contextlib
import logging
from collections.abc import Mapping

import pykka

from actors.runtime.region import Region
from actors.session.calls import Claimed
from actors.session.ports import SessionMemory
from actors.session.seat import Seat
from events.store import StoreError

logger = logging.getLogger(__name__)


class Claims:
    """Has sessions find out that they are at home elsewhere by now; their streams tell, whoever claims to.

    Each stream is read once at a time and once after the last claim, however many come. Belongs to one event loop.

    Args:
        memory: where the streams are.
        live: the sessions that are at home here.
        region: where they are reached.
    """

    def __init__(self, memory: SessionMemory, live: Mapping[str, Seat], region: Region) -> None:
        self._memory = memory
        self._live = live
        self._region = region
        self._again: dict[str, bool] = {}

    async def hear(self, session_id: str) -> None:
        """Look whose a session is. Where that is being done it is done once more, for what happened meanwhile."""
        known = session_id in self._again
        self._again[session_id] = True
        if known:
            return
        try:
            while self._again[session_id]:
                self._again[session_id] = False
                await self._look(session_id)
        finally:
            del self._again[session_id]

    async def _look(self, session_id: str) -> None:
        try:
            recalled = await self._memory.recall(f"session-{session_id}")
        except StoreError:
            logger.info("whose session %s is will show when it writes next", session_id)
            return
        seat, session = self._live.get(session_id), self._region.ref(session_id)
        if seat is None:
            return
        if not session.is_awake() and seat.rest is not None and seat.rest.epoch == recalled.state.epoch:
            return  # nothing to wake it for
        with contextlib.suppress(pykka.ActorDeadError):
            session.tell(Claimed(recalled.state.epoch))
