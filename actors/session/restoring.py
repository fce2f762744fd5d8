"""Rebuilds a session from its stream: what it was, and how far it had come."""

from collections.abc import Sequence
from datetime import datetime

from actors.session.calls import Restored
from actors.session.ports import AudioFormat, SessionSpec
from actors.session.state import fold
from actors.values import VadSettings
from events.catalogue import SessionStarted
from events.envelope import RecordedEvent


class NotResumableError(Exception):
    """There is no such session, or it has ended."""


def restore(recorded: Sequence[RecordedEvent], now: datetime) -> tuple[SessionSpec, Restored]:
    """Return a session's particulars and where it stands.

    Args:
        recorded: the whole stream, in order.
        now: UTC; elapsed time goes on from the session's start.

    Raises:
        NotResumableError: the stream is empty, begins with something else, or has ended.
    """
    started = recorded[0].event if recorded else None
    if not isinstance(started, SessionStarted):
        raise NotResumableError("no such session")
    state = fold(event.event for event in recorded)
    if state.ended:
        raise NotResumableError("the session has ended")
    spec = SessionSpec(
        session_id=started.session_id,
        tenant=recorded[0].tenant,
        counter_id=started.counter_id,
        protocol=started.protocol,
        audio=AudioFormat(**started.settings["audio"]),
        vad=VadSettings(**started.settings["vad"]),
        settings=started.settings,
        versions=started.versions,
        resumable=started.settings["resumable"],
    )
    since_start_us = int((now - recorded[0].occurred_at).total_seconds() * 1e6)
    return spec, Restored(state=state, elapsed_us=max(since_start_us, recorded[-1].elapsed_us))
