"""The audio actor: decodes a session's bytes in order, in short steps on the loop and in long ones on the pool."""

from collections.abc import Callable
from typing import Any, Final, override

import pykka

from actors.audio.decode import AudioUndecodableError, open_decoder
from actors.messages import Decode, Decoded, DecodingFailed, FinishDecoding
from actors.runtime.actor import Actor
from actors.values import Pcm

QUICK: Final = frozenset({"pcm_s16le", "wav", "webm-opus", "ogg-opus"})
"""Encodings whose decoding takes less than a hop to another thread. Everything else may wait for ffmpeg."""


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
    def on_receive(self, message: Decode | FinishDecoding) -> Any:
        match message:
            case Decode(data):
                self._byte_end += len(data)
                return self._attempt(lambda: self._decoder.feed(data), final=False)
            case FinishDecoding():
                return self._attempt(self._decoder.flush, final=True)

    def _attempt(self, decode: Callable[[], Pcm], *, final: bool) -> Any:
        if self._failed:
            return None
        if self._decoder.encoding not in QUICK:
            return self._attempt_on_pool(decode, final=final)
        try:
            self._answer(decode(), final=final)
        except AudioUndecodableError as error:
            self._give_up(error, final=final)
        return None

    async def _attempt_on_pool(self, decode: Callable[[], Pcm], *, final: bool) -> None:
        try:
            self._answer(await self.system.offload(decode), final=final)
        except AudioUndecodableError as error:
            self._give_up(error, final=final)

    def _give_up(self, error: AudioUndecodableError, *, final: bool) -> None:
        self._failed = True
        self._session.tell(
            DecodingFailed(code=error.code, byte_offset=error.byte_offset, byte_end=self._byte_end, final=final)
        )

    def _answer(self, pcm: Pcm, *, final: bool) -> None:
        encoding = None if self._announced or not self._byte_end else self._decoder.encoding
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
