"""The audio actor: decodes a session's bytes, in order, on the loop."""

import logging
from typing import Any, override

import pykka

from actors.audio.decode import AudioUndecodableError, open_decoder
from actors.messages import Decode, Decoded, DecodingFailed, FinishDecoding, Pcm
from actors.runtime.actor import Actor

logger = logging.getLogger(__name__)


class AudioActor(Actor):
    """Answers each `Decode` with `Decoded`, or once with `DecodingFailed`, after which it only counts bytes.

    Args:
        session: whom to answer.
        encoding: as declared in the handshake, or `auto`.
        sample_rate: Hz, of raw PCM.
        channels: of raw PCM, interleaved.
    """

    def __init__(
        self, session: pykka.ActorRef[Any], *, encoding: str = "auto", sample_rate: int = 16_000, channels: int = 1
    ) -> None:
        super().__init__()
        self._session = session
        self._decoder = open_decoder(encoding, sample_rate=sample_rate, channels=channels)
        self._byte_end = 0
        self._announced = False
        self._failed = False

    @override
    def on_receive(self, message: Decode | FinishDecoding) -> None:
        match message:
            case Decode(data):
                self._byte_end += len(data)
                if not self._failed:
                    self._attempt(lambda: self._decoder.feed(data), final=False)
            case FinishDecoding():
                if not self._failed:
                    self._attempt(self._decoder.flush, final=True)

    def _attempt(self, decode: Any, *, final: bool) -> None:
        try:
            pcm: Pcm = decode()
        except AudioUndecodableError as error:
            self._failed = True
            self._session.tell(
                DecodingFailed(code=error.code, byte_offset=error.byte_offset, byte_end=self._byte_end, final=final)
            )
            return
        encoding = None if self._announced else self._decoder.encoding
        self._announced = self._announced or encoding is not None
        self._session.tell(
            Decoded(
                pcm=pcm,
                byte_end=self._byte_end,
                encoding=encoding,
                sample_rate=self._decoder.sample_rate if encoding else None,
                channels=self._decoder.channels if encoding else None,
                final=final,
            )
        )

    @override
    def on_stop(self) -> None:
        self._decoder.close()

    @override
    def on_failure(self, *exc_info: Any) -> None:
        self._decoder.close()
        super().on_failure(*exc_info)
