"""The audio actor: decodes a session's bytes in order, in short steps on the loop and in long ones on the pool."""

from collections.abc import Callable
from typing import Any, ClassVar, Final, override

import numpy as np
import pykka

from actors.audio.bookmarks import Bookmarks
from actors.audio.decode import AudioUndecodableError, open_decoder
from actors.audio.pacing import Pace, PacedSamples
from actors.messages import Decode, Decoded, DecodingFailed, FinishDecoding, JumpTo
from actors.runtime.actor import Actor
from actors.values import Pcm
from events.catalogue import Bookmark

QUICK: Final = frozenset({"pcm_s16le", "wav", "webm-opus", "ogg-opus"})
"""Encodings whose decoding takes less than a hop to another thread. Everything else may wait for ffmpeg."""


_NOTHING: Final = np.zeros(0, dtype=np.int16)


class AudioActor(Actor):
    """Answers each `Decode` with `Decoded`, or once with `DecodingFailed`, after which it only counts bytes.

    Args:
        session: whom to answer.
        encoding: as declared in the handshake, or `auto`.
        sample_rate: Hz, of raw PCM.
        channels: of raw PCM, interleaved.
        pace: when samples are given out; None for as soon as they are decoded.
    """

    capacity: ClassVar[int | None] = 8

    def __init__(
        self,
        session: pykka.ActorRef[Any],
        *,
        encoding: str = "auto",
        sample_rate: int = 16_000,
        channels: int = 1,
        pace: Pace | None = None,
    ) -> None:
        super().__init__()
        self._session = session
        self._decoder = open_decoder(encoding, sample_rate=sample_rate, channels=channels)
        self._byte_end = 0
        self._bookmarks = Bookmarks(self._decoder)
        self._announced = False
        self._failed = False
        self._paced = None if pace is None else PacedSamples(pace)

    @override
    def on_receive(self, message: JumpTo | Decode | FinishDecoding) -> Any:
        match message:
            case JumpTo(header, bookmark):
                return self._jump(header, bookmark)
            case Decode(data):
                self._byte_end += len(data)
                return self._attempt(lambda: self._decoder.feed(data), final=False)
            case FinishDecoding():
                return self._attempt(self._decoder.flush, final=True)

    def _jump(self, header: bytes, bookmark: Bookmark) -> None:
        self._decoder.feed(header)
        self._decoder.jump(bookmark)
        self._byte_end = bookmark.byte_offset
        self._bookmarks.go_on(bookmark)

    def _attempt(self, decode: Callable[[], Pcm], *, final: bool) -> Any:
        if self._failed:
            return None
        if self._paced is not None:
            return self._attempt_in_time(self._paced, decode, final=final)
        if self._decoder.encoding not in QUICK:
            return self._attempt_on_pool(decode, final=final)
        try:
            self._answer(decode(), self._byte_end, final=final)
        except AudioUndecodableError as error:
            self._give_up(error, final=final)
        return None

    async def _attempt_on_pool(self, decode: Callable[[], Pcm], *, final: bool) -> None:
        try:
            self._answer(await self.system.offload(decode), self._byte_end, final=final)
        except AudioUndecodableError as error:
            self._give_up(error, final=final)

    async def _attempt_in_time(self, paced: PacedSamples, decode: Callable[[], Pcm], *, final: bool) -> None:
        failure: AudioUndecodableError | None = None
        try:
            pcm = await self.system.offload(decode)
        except AudioUndecodableError as error:
            # What was decoded before is heard before it is told.
            failure, pcm = error, _NOTHING
        async for given in paced.give(pcm, self._byte_end, final=final or failure is not None):
            more = given.more or failure is not None
            self._answer(given.pcm, given.byte_end, final=final and not more, more=more)
        if failure is not None:
            self._give_up(failure, final=final)

    def _give_up(self, error: AudioUndecodableError, *, final: bool) -> None:
        self._failed = True
        self._session.tell(
            DecodingFailed(code=error.code, byte_offset=error.byte_offset, byte_end=self._byte_end, final=final)
        )

    def _answer(self, pcm: Pcm, byte_end: int, *, final: bool, more: bool = False) -> None:
        encoding = None if self._announced or not self._byte_end else self._decoder.encoding
        self._announced = self._announced or encoding is not None
        self._bookmarks.given(pcm.size)
        self._session.tell(
            Decoded(
                pcm=pcm,
                byte_end=byte_end,
                encoding=encoding,
                sample_rate=self._decoder.sample_rate if encoding else None,
                channels=self._decoder.channels if encoding else None,
                bookmark=None if final or more else self._bookmarks.due(),
                more=more,
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
