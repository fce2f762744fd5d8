"""Rebuilds a session from its stream: what it was, how far it had come, and the event that claims it."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from actors.session.calls import Restored
from actors.session.ports import AudioFormat, Recalled, SessionSpec
from actors.session.state import evolve
from actors.values import VadSettings
from events.catalogue import Event, SessionResumed, SessionStarted
from events.envelope import NewEvent
from events.store import Append


class NotResumableError(Exception):
    """There is no such session, or it has ended."""


class SessionOverError(NotResumableError):
    """The session has ended."""

    def __init__(self, last: Sequence[Event], byte_end: int) -> None:
        super().__init__("the session has ended")
        self.last = last
        """What its client may have missed: the last recommendations, and the end."""
        self.byte_end = byte_end
        """Bytes that were recorded, all that came."""


def restore(recalled: Recalled, now: datetime, event_id: UUID) -> tuple[SessionSpec, Restored, Append]:
    """Return a session's particulars, where it stands, and the append that claims it.

    The claim names the position that it was decided on, so of two who try, the stream lets one, and whoever still
    writes for the session elsewhere is refused from then on.

    Args:
        recalled: what the ledger knows of it.
        now: UTC; elapsed time goes on from the session's start.
        event_id: of the claim.

    Raises:
        NotResumableError: the stream is empty, or begins with something else.
        SessionOverError: it has ended.
    """
    first, state = recalled.started, recalled.state
    started = first.event if first is not None else None
    if first is None or not isinstance(started, SessionStarted):
        raise NotResumableError("no such session")
    if recalled.ended is not None:
        raise SessionOverError([*state.recent, recalled.ended], state.bytes_recorded)
    spec = SessionSpec(
        session_id=started.session_id,
        tenant=first.tenant,
        counter_id=started.counter_id,
        protocol=started.protocol,
        audio=AudioFormat(**started.settings["audio"]),
        vad=VadSettings(**started.settings["vad"]),
        settings=started.settings,
        versions=started.versions,
        resumable=started.settings["resumable"],
    )
    since_start_us = int((now - first.occurred_at).total_seconds() * 1e6)
    elapsed_us = max(since_start_us, recalled.elapsed_us)
    resumed = SessionResumed(byte_offset=state.bytes_recorded, epoch=state.epoch + 1)
    claim = Append(
        stream=spec.stream,
        tenant=spec.tenant,
        events=[NewEvent(event_id=event_id, event=resumed, occurred_at=now, elapsed_us=elapsed_us)],
        expected=state.position,
    )
    return spec, Restored(state=evolve(state, resumed), resumed=resumed, elapsed_us=elapsed_us), claim
