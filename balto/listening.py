"""A whole pipeline on audio that is already there: a file as a session, worked through in lockstep."""

import asyncio
import contextlib
from typing import Final

import pykka

from actors.audio.decode import AudioUndecodableError, open_decoder
from actors.messages import AudioArrived, AudioFinished, Delivered
from actors.session.calls import Settle
from actors.session.ports import AudioFormat, FlowWindow, Goodbye
from actors.vad.segmenter import Segmenter
from actors.values import Heard, Pcm, VadSettings
from balto.sessions import Session, SessionHost
from events.catalogue import Event, RecommendationSent

_CHUNK_BYTES: Final = 4_096
_BLOCK_BYTES: Final = 8 * 1024
"""Decoded before the length is looked at again: the smallest packets make hundreds of seconds of this."""


class AudioTooLongError(Exception):
    """There is more sound than was allowed."""


def decode_audio(data: bytes, *, max_samples: int | None = None) -> Pcm:
    """Decode a whole file.

    Args:
        data: the file, of any kind that the decoder knows.
        max_samples: after which to give up: compressed audio may hold far more than its bytes suggest.

    Returns:
        int16 mono samples at 16 kHz, shape (n,).

    Raises:
        AudioUndecodableError: it is no audio that Balto knows, or stops being that.
        AudioTooLongError: it holds more samples than allowed.
    """
    pcm, fault = salvage_audio(data, max_samples=max_samples)
    if fault is not None:
        raise fault
    return pcm


def salvage_audio(
    data: bytes, *, encoding: str = "auto", max_samples: int | None = None
) -> tuple[Pcm, AudioUndecodableError | None]:
    """Decode a file as far as it goes; as `decode_audio`, but what cannot be decoded is returned beside the samples."""
    import numpy as np  # noqa: PLC0415 - keeps `balto --help` quick

    decoder = open_decoder(encoding)
    pieces = [np.zeros(0, dtype=np.int16)]
    decoded = 0
    try:
        for at in range(0, len(data), _BLOCK_BYTES):
            pieces.append(decoder.feed(data[at : at + _BLOCK_BYTES]))
            decoded += pieces[-1].size
            if max_samples is not None and decoded > max_samples:
                raise AudioTooLongError
        # A fault comes after the samples before it, so the end is asked for until it is one.
        while (last := decoder.flush()).size:
            pieces.append(last)
    except AudioUndecodableError as fault:
        return np.concatenate(pieces), fault
    finally:
        decoder.close()
    return np.concatenate(pieces), None


def find_phrases(pcm: Pcm, settings: VadSettings) -> list[Heard]:
    """Run voice-activity detection over all of the samples."""
    segmenter = Segmenter(settings)
    return [*segmenter.push(pcm), *segmenter.flush()]


class Collector:
    """A client within the process: keeps the durable events, takes every recommendation, notes the end."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self._session: Session | None = None
        self.over: asyncio.Future[Goodbye] = asyncio.get_running_loop().create_future()

    def attach(self, session: Session) -> None:
        """Say whose events these are."""
        self._session = session

    def publish(self, event: Event) -> None:
        """Keep an event."""
        self.events.append(event)
        if isinstance(event, RecommendationSent) and self._session is not None:
            with contextlib.suppress(pykka.ActorDeadError):
                self._session.tell(Delivered(number=event.phrase, recommendation_id=event.recommendation_id))

    def close(self, reason: Goodbye) -> None:
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
    audio: AudioFormat | None = None,
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
        audio=audio or AudioFormat(),
    )
    collector.attach(session)
    for at in range(0, len(data), chunk_bytes):
        if collector.over.done():
            break
        settled = asyncio.get_running_loop().create_future()
        try:
            session.tell(AudioArrived(data[at : at + chunk_bytes]))
            session.tell(Settle(settled))
        except pykka.ActorDeadError:
            break
        await settled
    if not collector.over.done():
        with contextlib.suppress(pykka.ActorDeadError):
            session.tell(AudioFinished("client_finished"))
    await collector.over
    return session_id
