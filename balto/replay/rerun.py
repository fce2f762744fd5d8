"""What a replay leaves behind: a stream of its own beside the session's."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime
from typing import Final
from uuid import UUID

from balto.replay.engine import Execution
from events.catalogue import AudioBookmarked, AudioReceived, Event, ReplayEnded, ReplayStarted, SubjectErased
from events.envelope import NewEvent
from events.ids import phrase_id
from events.store import NO_STREAM, Append, EventStore

type Ids = Callable[[], UUID]

PREFIX: Final = "replay-"
_OF_BYTES: Final = (AudioReceived, AudioBookmarked)
"""Events about bytes that stay with the session: a replay records none."""
_DIGITS: Final = 12
_MOST: Final = 500
"""Events of one append."""


def replay_stream(session_stream: str, replay_id: UUID) -> str:
    """Return the name of a replay's stream: it begins with that of all replays of its session."""
    return f"{replays_of(session_stream)}{replay_id.hex[-_DIGITS:]}"


def replays_of(session_stream: str) -> str:
    """Return what the names of all replays of a session begin with."""
    return f"{PREFIX}{session_stream.removeprefix('session-')}-"


async def keep(store: EventStore, execution: Execution, *, now: datetime, replay_id: UUID, ids: Ids) -> str:
    """Write a replay to a stream of its own, and return its name.

    A session that was erased while it was heard again takes what was made of it along.

    Args:
        store: the ledger.
        execution: the replay.
        now: UTC; when it was made.
        replay_id: fresh.
        ids: makes event ids.

    Raises:
        StoreError: it could not be written, or only in part.
    """
    stream = replay_stream(execution.recorded.stream, replay_id)
    events = list(_events(execution, stream, now, ids))
    for at in range(0, len(events), _MOST):
        await store.append(
            Append(
                stream=stream,
                tenant=execution.recorded.tenant,
                events=events[at : at + _MOST],
                expected=at or NO_STREAM,
            )
        )
    async for since in store.read_stream(execution.recorded.stream, after=execution.recorded.position):
        if isinstance(since.event, SubjectErased):
            erased = SubjectErased(reason=since.event.reason)
            await store.erase(stream, NewEvent(event_id=ids(), event=erased, occurred_at=now, elapsed_us=0))
            break
    return stream


def _events(execution: Execution, stream: str, now: datetime, ids: Ids) -> Iterator[NewEvent]:
    kept = [new for new in execution.written if not isinstance(new.event, _OF_BYTES)]
    last_us = kept[-1].elapsed_us if kept else 0
    recorded, plan, tally = execution.recorded, execution.plan, execution.tally
    started = ReplayStarted(
        original=recorded.stream,
        original_position=recorded.position,
        changes=plan.told,
        transcription=plan.transcription,
        understanding=plan.understanding,
        versions=execution.versions,
    )
    ended = ReplayEnded(
        events=len(kept),
        answers_exact=tally.exact,
        answers_near=tally.near,
        answers_missing=tally.missing,
        remarks=execution.remarks,
    )

    def own(event: Event, elapsed_us: int) -> NewEvent:
        return NewEvent(event_id=ids(), event=event, occurred_at=now, elapsed_us=elapsed_us)

    yield own(started, 0)
    for new in kept:
        number: int | None = getattr(new.event, "phrase", None)
        # A phrase of a replay is another one than that of the session.
        yield replace(new, correlation_id=None if number is None else phrase_id(stream, number))
    yield own(ended, last_us)
