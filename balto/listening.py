"""A whole pipeline on audio that is already there: a file as a session, worked through in lockstep."""

import asyncio
from typing import Final

import pykka

from actors.audio.decode import open_decoder
from actors.messages import AudioArrived, AudioFinished, Delivered
from actors.session.actor import SessionActor, Settle
from actors.session.ports import AudioFormat, FlowWindow
from actors.vad.segmenter import Segmenter
from actors.values import Heard, Pcm, VadSettings
from balto.sessions import SessionHost
from events.catalogue import EndReason, Event, RecommendationSent

_CHUNK_BYTES: Final = 4_096


def decode_audio(data: bytes) -> Pcm:
    """Decode a whole file.

    Returns:
        int16 mono samples at 16 kHz, shape (n,).

    Raises:
        AudioUndecodableError: it is no audio that Balto knows.
    """
    import numpy as np  # noqa: PLC0415 - keeps `balto --help` quick

    decoder = open_decoder("auto")
    try:
        pieces = [decoder.feed(data[at : at + 65_536]) for at in range(0, len(data), 65_536)]
        pieces.append(decoder.flush())
    finally:
        decoder.close()
    return np.concatenate(pieces)


def find_phrases(pcm: Pcm, settings: VadSettings) -> list[Heard]:
    """Run voice-activity detection over all of the samples."""
    segmenter = Segmenter(settings)
    return [*segmenter.push(pcm), *segmenter.flush()]


class Collector:
    """A client within the process: keeps the durable events, takes every recommendation, notes the end."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self._session: pykka.ActorRef[SessionActor] | None = None
        self.over: asyncio.Future[EndReason] = asyncio.get_running_loop().create_future()

    def attach(self, session: pykka.ActorRef[SessionActor]) -> None:
        """Say whose events these are."""
        self._session = session

    def publish(self, event: Event) -> None:
        """Keep an event."""
        self.events.append(event)
        if isinstance(event, RecommendationSent) and self._session is not None:
            self._session.tell(Delivered(number=event.phrase, recommendation_id=event.recommendation_id))

    def close(self, reason: EndReason) -> None:
        """Note the end."""
        if not self.over.done():
            self.over.set_result(reason)


async def listen(
    sessions: SessionHost,
    data: bytes,
    *,
    collector: Collector,
    counter_id: str = "file",
    tenant: str = "local",
    vad: VadSettings | None = None,
    chunk_bytes: int = _CHUNK_BYTES,
) -> str:
    """Run a file through the actors as a session of its own.

    Each chunk waits until everything heard so far has had its outcome, so that the same file always gives the same
    events in the same order.

    Returns:
        The session's id; its events are in the collector.
    """
    session_id, session = sessions.start(
        tenant=tenant,
        counter_id=counter_id,
        outbox=collector,
        flow=FlowWindow(),
        vad=vad or VadSettings(),
        audio=AudioFormat(),
    )
    collector.attach(session)
    for at in range(0, len(data), chunk_bytes):
        if not session.is_alive() or collector.over.done():
            break
        session.tell(AudioArrived(data[at : at + chunk_bytes]))
        settled = asyncio.get_running_loop().create_future()
        session.tell(Settle(settled))
        await settled
    if session.is_alive() and not collector.over.done():
        session.tell(AudioFinished("client_finished"))
    await collector.over
    return session_id
