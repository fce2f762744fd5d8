"""Resampling any rate to 16 kHz mono int16, statefully, through libav's swresample."""

import contextlib
import math
from typing import cast

import av
import av.logging
import numpy as np
from av.audio.frame import AudioFrame
from av.filter import Graph
from av.filter.context import FilterContext
from numpy.typing import NDArray

from actors.audio.decoder import no_samples
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
        self._ends = None if rate == SAMPLE_RATE else _graph(rate)

    @property
    def period(self) -> int:
        """Samples of input after which the filter stands as at the start: a fresh resampler can take over there."""
        return self.rate // math.gcd(self.rate, SAMPLE_RATE)

    def push(self, samples: NDArray[np.float32]) -> Pcm:
        """Resample samples of full scale 1.0, all finite, shape (n,)."""
        if not samples.size or self._ends is None:
            return to_int16(samples)
        frame = AudioFrame.from_ndarray(samples.reshape(1, -1), format="fltp", layout="mono")
        frame.sample_rate = self.rate
        return self.push_frame(frame).copy()

    def push_frame(self, frame: AudioFrame) -> Pcm:
        """Resample a mono frame of libav's, of planar float32 at this resampler's rate, which isn't 16 kHz.

        Returns:
            A view of libav's memory, which lasts as long as the view.
        """
        assert self._ends is not None  # noqa: S101 - the caller's rate is never 16 kHz
        source, sink = self._ends
        source.push(frame)
        try:
            return _pulled(sink)
        except BlockingIOError:
            # not enough for a sample yet
            return no_samples()

    def flush(self) -> Pcm:
        """Return the last samples; nothing may be pushed after it."""
        parts = [no_samples()]
        if self._ends is not None:
            source, sink = self._ends
            source.push(None)
            with contextlib.suppress(EOFError):
                while True:
                    parts.append(_pulled(sink))
        return np.concatenate(parts)


def _graph(rate: int) -> tuple[FilterContext, FilterContext]:
    """Return both ends of a graph that resamples; what is pushed into one comes out of the other, a frame for a frame.

    PyAV's own resampler is such a graph, asked a second time whether there is more, which costs as much as 40 ms of
    sound.
    """
    graph = Graph()
    graph.threads = 1
    source = graph.add(
        "abuffer", sample_rate=str(rate), sample_fmt="fltp", channel_layout="mono", time_base=f"1/{rate}"
    )
    resample = graph.add("aresample", osr=str(SAMPLE_RATE), osf="s16", ochl="mono")
    sink = graph.add("abuffersink")
    source.link_to(resample)
    resample.link_to(sink)
    graph.configure()
    return source, sink


def _pulled(sink: FilterContext) -> Pcm:
    frame = cast("AudioFrame", sink.pull())
    return np.frombuffer(frame.planes[0], np.int16, frame.samples)
