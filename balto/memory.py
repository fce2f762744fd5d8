"""What sessions are rebuilt from: their streams, folded on top of snapshots, and their recordings."""

import logging
from collections.abc import AsyncIterator
from typing import Final

from actors.session import conversation, phrase, saying, terms
from actors.session import state as session_state
from actors.session.ports import Recalled
from actors.session.state import SessionState, fold
from events.catalogue import SessionEnded
from events.postgres import PostgresStore
from events.sealing import SealingError
from events.snapshots import JsonCodec, Snapshot
from events.store import RecordingChunk, StoreError

logger = logging.getLogger(__name__)

CODEC: Final = JsonCodec(SessionState, session_state, phrase, terms, conversation, saying)


def warm() -> None:
    """Make what snapshots are written and known by, which the first one would else wait for. Blocks for 50 ms."""
    CODEC.fingerprint  # noqa: B018 - made when it is asked for


class Memory:
    """An `actors.session.ports.SessionMemory` on the store.

    Args:
        store: which holds streams, recordings and snapshots.
    """

    def __init__(self, store: PostgresStore) -> None:
        self._store = store
        self._snapshots = store.snapshots(CODEC)

    async def recall(self, stream: str) -> Recalled:
        """Read what is known of a session: its first event, the latest snapshot, and what came after that."""
        first = [event async for event in self._store.read_stream(stream, limit=1)]
        known = await self._snapshots.latest(stream) if first else None
        at, state = (known.stream_position, known.state) if known else (0, SessionState())
        tail = [event async for event in self._store.read_stream(stream, after=at)]
        # A snapshot is of a moment at which the session went on: its end, if it has one, came later.
        ended = next((event.event for event in tail if isinstance(event.event, SessionEnded)), None)
        last = tail or [event async for event in self._store.read_stream(stream, backwards=True, limit=1)]
        return Recalled(
            started=first[0] if first else None,
            state=fold((event.event for event in tail), state),
            ended=ended,
            elapsed_us=last[-1].elapsed_us if last else 0,
        )

    def recording(self, stream: str, from_byte: int) -> AsyncIterator[RecordingChunk]:
        """Yield recorded bytes; see `SessionMemory.recording`."""
        return self._store.read_recording(stream, from_byte=from_byte)

    async def keep(self, stream: str, position: int, state: SessionState) -> None:
        """Keep a state; what goes wrong is logged, since everything can be folded from the events."""
        try:
            await self._snapshots.save(stream, Snapshot(stream_position=state.position, position=position, state=state))
        except (StoreError, SealingError) as error:
            logger.warning("no snapshot of %s at %d: %s", stream, state.position, error)
