"""Small frames of raw audio on their way to a session, put together to as much as is listened to at a time."""

from typing import Final

from actors.messages import AudioArrived
from actors.session.ports import AudioFormat
from actors.vad.cascade import BLOCK_SAMPLES
from actors.values import SAMPLE_RATE

_SAMPLE_BYTES: Final = 2


class Gathering:
    """Holds a client's bytes until they complete a block: before that, nothing could be heard in them anyway.

    A message to a session has a price of its own, which frames of 20 ms would pay six times as often. What is held is
    given out at once where the bytes do not follow one another, as when a client sends some again.

    Args:
        block: bytes, counted from the session's first one, in which voices are looked for; 0 to hold nothing.
        bytes_per_s: of the audio.
    """

    __slots__ = ("_block", "_counted", "_end", "_held", "_start", "bytes_per_s")

    def __init__(self, block: int, bytes_per_s: int) -> None:
        self._block = block
        self.bytes_per_s = bytes_per_s
        self._held: list[bytes] = []
        self._start = self._end = 0
        self._counted = False

    @classmethod
    def of(cls, audio: AudioFormat) -> "Gathering":
        """Return what suits a format: only of raw PCM at our own rate is it known where a block ends."""
        known = audio.encoding == "pcm_s16le" and audio.sample_rate == SAMPLE_RATE
        sample = _SAMPLE_BYTES * audio.channels
        return cls(BLOCK_SAMPLES * sample if known else 0, SAMPLE_RATE * sample)

    @property
    def missing(self) -> int:
        """Bytes until the next block is complete; 0 where none is waited for."""
        return self._block - self._end % self._block if self._block else 0

    def take(self, data: bytes, byte_start: int | None) -> list[AudioArrived]:
        """Take a frame and return what the session is to have now, in order.

        Args:
            data: the frame.
            byte_start: where it begins in the session, as a client that counts its bytes says.
        """
        if not self._block:
            return [AudioArrived(data, byte_start)]
        start = self._end if byte_start is None else byte_start
        ready = [] if start == self._end else self.rest()
        if not self._held:
            self._start = start
            self._counted = byte_start is not None
        self._held.append(data)
        self._end = start + len(data)
        if self._end // self._block > self._start // self._block:
            ready += self.rest()
        return ready

    def rest(self) -> list[AudioArrived]:
        """Return what is held, as nothing more may come."""
        if not self._held:
            return []
        data = self._held[0] if len(self._held) == 1 else b"".join(self._held)
        self._held.clear()
        return [AudioArrived(data, self._start if self._counted else None)]
