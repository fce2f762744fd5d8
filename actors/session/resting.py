"""How a session rests: its actor leaves while nothing comes, and the next one finds it as it was."""

import asyncio
import logging
from collections.abc import Callable, Coroutine
from typing import Any, Final

from actors.session.ports import Goodbye, SessionMemory
from actors.session.resuming import hearing_of
from actors.session.seat import Rest, Seat
from actors.session.state import SessionState
from actors.session.writing import Durable
from actors.values import SAMPLE_RATE
from events.store import StoreError

logger = logging.getLogger(__name__)

KEEP_EVERY: Final = 250
"""Events after which a state is kept: what is folded on top of it takes a few milliseconds."""
KEEP_AT_REST: Final = 100
"""The same for a session whose actor leaves."""
LONGEST_REHEARSAL: Final = 120 * SAMPLE_RATE
"""Samples that may have to be heard again when a session comes back: one that would need more does not leave."""
_PAUSES_S: Final = (0.1, 0.2, 0.5, 1.0, 2.0, 4.0, 8.0, 15.0)
"""Between the attempts to read a session back: as long in all as the journal waits for its database."""


class Resting:
    """Lets a session's actor leave, and brings back what it was.

    Args:
        seat: of the session.
        memory: where it is read back from.
    """

    def __init__(self, seat: Seat, memory: SessionMemory) -> None:
        self._seat = seat
        self._memory = memory
        self._begun = False
        self._kept_at: int | None = None
        self._position = 0
        self.left = False
        """Whether the actor has left, the session being alive."""
        self.lost: Goodbye | None = None
        """Why the session could not be brought back."""

    async def recall(self, rest: Rest) -> SessionState | None:
        """Return what the session was when its actor left; None, with `lost` set, where it is not ours any more."""
        for pause_s in (*_PAUSES_S, None):
            try:
                recalled = await self._memory.recall(self._seat.spec.stream)
            except StoreError as error:
                logger.warning("session %s could not be read back yet: %s", self._seat.spec.session_id, error)
                if pause_s is not None:
                    await asyncio.sleep(pause_s)
                continue
            if recalled.ended is not None or recalled.state.epoch != rest.epoch:
                self.lost = "taken_over"
                return None
            self._seat.rest = None
            return recalled.state
        self.lost = "journal_unavailable"
        return None

    def begin(self, state: SessionState) -> bool:
        """Begin to rest, if the session can; whatever comes but the journal's answer ends that."""
        start = hearing_of(state).resumption.first_sample
        self._begun = self._seat.address is not None and state.samples_recorded - start <= LONGEST_REHEARSAL
        return self._begun

    def disturb(self, message: object) -> None:
        """Note that something came."""
        if not isinstance(message, Durable):
            self._begun = False

    def may_leave(self, state: SessionState) -> bool:
        """Whether nothing has come since the rest began, of a session that has begun."""
        return self._begun and state.position > 0

    def leave(self, state: SessionState, began_us: int) -> None:
        """Note how the session stands."""
        self.left = True
        self._seat.rest = Rest(epoch=state.epoch, began_us=began_us)

    def note(self, state: SessionState, position: int, run: Callable[[Coroutine[Any, Any, None]], None]) -> None:
        """Keep the state now and then; all of it is durable, the last event at `position` of the ledger."""
        if self._kept_at is None:
            self._kept_at = state.position - 1
        if state.ended or state.position - self._kept_at < (KEEP_AT_REST if self._begun else KEEP_EVERY):
            return
        self._kept_at = state.position
        run(self._memory.keep(self._seat.spec.stream, position, state))
