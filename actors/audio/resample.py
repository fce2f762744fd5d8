"""Resampling any rate to 16 kHz mono int16, statefully, through PyAV's swresample."""

import math

import av
import av.logging
import numpy as np
from av.audio.frame import AudioFrame
from av.audio.resampler import AudioResampler
from numpy.typing import NDArray

from actors.values import SAMPLE_RATE, Pcm

# libav prints to standard error on its own when asked to; a decoder has no business there.
av.logging.set_level(None)

MIN_RATE = 4_000
MAX_RATE = 192_000
"""Hz that a stream may have."""

_FULL_SCALE = 32_768.0


def to_int16(samples: NDArray[np.float32]) -> Pcm:
    """Round float samples of full scale 1.0, shape (n,), to int16, clipping; ties go to even."""
    scaled = samples * np.float32(_FULL_SCALE)
    rounded: Pcm = np.clip(np.rint(scaled), -32_768, 32_767).astype(np.int16)
    return rounded


class Resampler:
    """Mono float32 of one rate in, mono int16 at 16 kHz out.

    swresample computes each output sample from the same filter taps in the same order however the input is cut, so
    the cuts don't change the output. At 16 kHz the samples are only rounded.

    Args:
        rate: Hz of the input, `MIN_RATE` to `MAX_RATE`.

    Raises:
        ValueError: the rate is out of range.
    """

    def __init__(self, rate: int) -> None:
        if not MIN_RATE <= rate <= MAX_RATE:
            raise ValueError(f"sample rate must be {MIN_RATE} to {MAX_RATE} Hz, not {rate}")
        self.rate = rate
        self._swr = (
            None if rate == SAMPLE_RATE else AudioResampler(format="s16", layout="mono", rate=SAMPLE_RATE, threads=1)
        )

    @property
    def period(self) -> int:
        """Samples of input after which the filter stands as at the start: a fresh resampler can take over there."""
        return self.rate // math.gcd(self.rate, SAMPLE_RATE)

    def push(self, samples: NDArray[np.float32]) -> Pcm:
        """Resample samples of full scale 1.0, all finite, shape (n,)."""
        if not samples.size or self._swr is None:
            return to_int16(samples)
        frame = AudioFrame.from_ndarray(samples.reshape(1, -1), format="fltp", layout="mono")
        frame.sample_rate = self.rate
        return _joined(self._swr.resample(frame))

    def push_frame(self, frame: AudioFrame) -> Pcm:
        """Resample a mono frame of libav's, of planar float32 at this resampler's rate, which isn't 16 kHz."""
        assert self._swr is not None  # noqa: S101 - the caller's rate is never 16 kHz
        return _joined(self._swr.resample(frame))

    def flush(self) -> Pcm:
        """Return the last samples; nothing may be pushed after it."""
        return _joined(self._swr.resample(None)) if self._swr is not None else np.zeros(0, dtype=np.int16)


def _joined(frames: list[AudioFrame]) -> Pcm:
    # a frame's memory belongs to libav and may be reused once the frame is gone: copy
    parts = [np.frombuffer(frame.planes[0], dtype=np.int16)[: frame.samples] for frame in frames]
    return np.concatenate(parts) if parts else np.zeros(0, dtype=np.int16)
