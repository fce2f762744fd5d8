"""Raw PCM: little-endian int16 of a declared rate and number of channels."""

import numpy as np

from actors.audio.decoder import StreamDecoder
from actors.audio.resample import Resampler
from actors.values import SAMPLE_RATE
from events.catalogue import Bookmark

MAX_CHANNELS = 32


class PcmDecoder(StreamDecoder):
    """Decodes raw s16le; a sample frame cut by a chunk's end is completed by the next chunk, or dropped at the end.

    Args:
        sample_rate: Hz.
        channels: interleaved channels; they are averaged.

    Raises:
        ValueError: rate or channels out of range.
    """

    def __init__(self, sample_rate: int = SAMPLE_RATE, channels: int = 1) -> None:
        super().__init__()
        if not 1 <= channels <= MAX_CHANNELS:
            raise ValueError(f"channels must be 1 to {MAX_CHANNELS}, not {channels}")
        self._resampler = Resampler(sample_rate)
        self._channels = channels
        self._rest = b""
        self._frames = 0

    @property
    def encoding(self) -> str:
        """Always `pcm_s16le`."""
        return "pcm_s16le"

    @property
    def sample_rate(self) -> int:
        """Hz as declared."""
        return self._resampler.rate

    @property
    def channels(self) -> int:
        """As declared."""
        return self._channels

    def bookmark(self) -> Bookmark:
        """See `Decoder.bookmark`."""
        frames = self._frames - self._frames % self._resampler.period
        return Bookmark(
            encoding=self.encoding,
            header_bytes=0,
            byte_offset=frames * 2 * self._channels,
            sample=frames * SAMPLE_RATE // self._resampler.rate,
            place=(),
        )

    def jump(self, bookmark: Bookmark) -> None:
        """See `Decoder.jump`."""
        if bookmark.encoding != self.encoding:
            raise ValueError("a bookmark of another decoder")
        self._frames = bookmark.byte_offset // (2 * self._channels)

    def _consume(self, data: bytes) -> None:
        data = self._rest + data if self._rest else data
        whole = len(data) - len(data) % (2 * self._channels)
        self._rest = data[whole:]
        self._frames += whole // (2 * self._channels)
        samples = np.frombuffer(data, dtype="<i2", count=whole // 2)
        if self._channels == 1 and self._resampler.rate == SAMPLE_RATE:
            self._out.append(samples.astype(np.int16))
            return
        mono = samples.reshape(-1, self._channels).sum(axis=1, dtype=np.float32)
        self._out.append(self._resampler.push(mono * np.float32(1 / (32_768 * self._channels))))

    def _finish(self) -> None:
        self._out.append(self._resampler.flush())
