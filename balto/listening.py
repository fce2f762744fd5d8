"""A whole pipeline on audio that is already there: a file as a session, worked through in lockstep."""

import asyncio
import contextlib
import wave
from collections.abc import Callable
from dataclasses import dataclass, replace
from io import BytesIO, UnsupportedOperation
from typing import BinaryIO, Final

import pykka

from actors.audio.decode import AudioUndecodableError, Decoder, open_decoder
from actors.audio.ffmpeg import FfmpegDecoder
from actors.audio.sniff import sniff
from actors.messages import AudioArrived, AudioFinished, Delivered
from actors.session.calls import Settle
from actors.session.ports import AudioFormat, FlowWindow, Goodbye
from actors.vad.segmenter import Segmenter
from actors.vad.silero import speech_model
from actors.values import SAMPLE_RATE, Heard, Pcm, VadSettings
from balto.sessions import Session, SessionHost
from balto.settings import Settings
from events.catalogue import Event, RecommendationSent

_CHUNK_BYTES: Final = 4_096
_BLOCK_BYTES: Final = 8 * 1024
"""Decoded before the length is looked at again: the smallest packets make hundreds of seconds of this."""
_SNIFFED: Final = 16
"""Bytes that tell an MP4."""
_BLOCK_SAMPLES: Final = 10 * SAMPLE_RATE
"""Looked through before progress is told again."""

Progress = Callable[[int], None]
"""Told how much more has been done since it was last told: bytes while decoding and listening, samples while finding
phrases."""


class AudioTooLongError(Exception):
    """There is more sound than was allowed."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Salvaged:
    """A file's sound as far as it could be decoded."""

    pcm: Pcm
    fault: AudioUndecodableError | None
    """What ended it; None of a sound file."""
    encoding: str | None
    """As `Decoder.encoding`; None where the file was too short to tell."""


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
    salvaged = salvage_audio(BytesIO(data), max_samples=max_samples)
    if salvaged.fault is not None:
        raise salvaged.fault
    return salvaged.pcm


def salvage_audio(
    file: BinaryIO,
    *,
    audio: AudioFormat | None = None,
    max_samples: int | None = None,
    progress: Progress | None = None,
) -> Salvaged:
    """Decode a file as far as it goes, reading it block by block; as `decode_audio`, but faults are returned.

    Args:
        file: open at its start.
        audio: what it is; found out by default.
        max_samples: after which to give up.
        progress: told the bytes read.
    """
    import numpy as np  # noqa: PLC0415 - keeps `balto --help` quick

    decoder, reads_itself = _opened(file, audio or AudioFormat())
    pieces = [np.zeros(0, dtype=np.int16)]
    decoded = 0
    fault: AudioUndecodableError | None = None
    try:
        while not reads_itself and (block := file.read(_BLOCK_BYTES)):
            pieces.append(decoder.feed(block))
            decoded += pieces[-1].size
            if max_samples is not None and decoded > max_samples:
                raise AudioTooLongError
            if progress is not None:
                progress(len(block))
        # A fault comes after the samples before it, so the end is asked for until it is one.
        while (last := decoder.flush()).size:
            pieces.append(last)
    except AudioUndecodableError as error:
        fault = error
    finally:
        encoding = decoder.encoding
        decoder.close()
    return Salvaged(pcm=np.concatenate(pieces), fault=fault, encoding=encoding)


def _opened(file: BinaryIO, form: AudioFormat) -> tuple[Decoder, bool]:
    """Return the decoder, and whether it reads the file by itself.

    It does with a real MP4 file, whose index may come last: what streams can't have before their end, files can.
    """
    start = file.read(_SNIFFED)
    file.seek(0)
    if form.encoding == "auto" and sniff(start) == "mov" and _is_on_disk(file):
        return FfmpegDecoder("mov", source=file), True
    return open_decoder(form.encoding, sample_rate=form.sample_rate, channels=form.channels), False


def _is_on_disk(file: BinaryIO) -> bool:
    try:
        return file.fileno() >= 0
    except UnsupportedOperation:
        return False


def wav(pcm: Pcm) -> bytes:
    """Return samples as a WAV file, mono, 16 bits."""
    file = BytesIO()
    with wave.open(file, "wb") as writer:
        writer.setnchannels(1)
        writer.setsampwidth(2)
        writer.setframerate(SAMPLE_RATE)
        writer.writeframes(pcm.astype("<i2").tobytes())
    return file.getvalue()


def with_stages(vad: VadSettings, settings: Settings) -> VadSettings:
    """Return a counter's voice detection with the stages that the operator chose."""
    return replace(
        vad,
        energy_gate=settings.vad_energy_gate,
        webrtc=settings.vad_webrtc,
        neural=settings.vad_neural,
        offer_ms=settings.vad_offer_ms,
    )


def find_phrases(pcm: Pcm, settings: VadSettings, *, progress: Progress | None = None) -> list[Heard]:
    """Run voice-activity detection over all of the samples."""
    segmenter = Segmenter(settings, speech_model())
    heard: list[Heard] = []
    for at in range(0, pcm.size, _BLOCK_SAMPLES):
        block = pcm[at : at + _BLOCK_SAMPLES]
        heard += segmenter.push(block)
        if progress is not None:
            progress(block.size)
    return [*heard, *segmenter.flush()]


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
    progress: Progress | None = None,
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
        if progress is not None:
            progress(min(chunk_bytes, len(data) - at))
    if not collector.over.done():
        with contextlib.suppress(pykka.ActorDeadError):
            session.tell(AudioFinished("client_finished"))
    await collector.over
    return session_id
