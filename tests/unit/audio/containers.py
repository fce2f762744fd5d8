"""Encoded files for tests, made with PyAV or by hand."""

import io
import struct
from fractions import Fraction
from functools import cache

import av
import numpy as np
from av.audio.frame import AudioFrame
from av.audio.resampler import AudioResampler
from av.audio.stream import AudioStream
from av.container import OutputContainer
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from actors.audio.decode import open_decoder
from actors.audio.decoder import Decoder
from actors.values import Pcm
from tests.sounds import tone


@cache
def encoded(
    container: str,
    codec: str,
    *,
    rate: int = 48_000,
    layout: str = "stereo",
    seconds: float = 1.0,
    video: str | None = None,
    fragmented: bool = False,
    frame_size: int = 960,
) -> bytes:
    """Encode a tone of 440 Hz."""
    options = {"movflags": "frag_keyframe+empty_moov"} if fragmented else {}
    target = io.BytesIO()
    with av.open(target, "w", format=container, options=options) as file:
        picture = file.add_stream(video, rate=10) if video else None
        sound = file.add_stream(codec, rate=rate)
        assert isinstance(sound, AudioStream)
        sound.codec_context.layout = layout
        if picture is not None:
            assert isinstance(picture, VideoStream)
            _show(file, picture, seconds)
        _play(file, sound, rate, layout, seconds, frame_size)
    return target.getvalue()


def _show(file: OutputContainer, stream: VideoStream, seconds: float) -> None:
    stream.width = stream.height = 64
    stream.pix_fmt = "yuv420p"
    for index in range(int(seconds * 10)):
        frame = VideoFrame.from_ndarray(np.full((64, 64, 3), index * 9 % 255, dtype=np.uint8), format="rgb24")
        frame.pts = index
        file.mux(stream.encode(frame))
    file.mux(stream.encode(None))


def _play(file: OutputContainer, stream: AudioStream, rate: int, layout: str, seconds: float, frame_size: int) -> None:
    channels = 1 if layout == "mono" else 2
    samples = np.repeat(tone(440, seconds, rate=rate)[None].astype(np.float32), channels, axis=0)
    frame = AudioFrame.from_ndarray(samples, format="fltp", layout=layout)
    frame.sample_rate, frame.pts, frame.time_base = rate, 0, Fraction(1, rate)
    cutter = AudioResampler(format=stream.codec_context.format.name, layout=layout, rate=rate, frame_size=frame_size)
    for part in [*cutter.resample(frame), *cutter.resample(None)]:
        file.mux(stream.encode(part))
    file.mux(stream.encode(None))


def wav(
    data: bytes,
    *,
    tag: int = 1,
    bits: int = 16,
    channels: int = 1,
    rate: int = 16_000,
    size: int | None = None,
    before: bytes = b"",
    after: bytes = b"",
    extensible: bool = False,
) -> bytes:
    """Build a WAV file around bytes of samples."""
    block = channels * bits // 8
    fields = struct.pack("<HHIIHH", 0xFFFE if extensible else tag, channels, rate, rate * block, block, bits)
    if extensible:
        fields += struct.pack("<HHIH", 22, bits, 0, tag) + bytes.fromhex("000000001000800000aa00389b71")
    body = (
        b"WAVE"
        + before
        + struct.pack("<4sI", b"fmt ", len(fields))
        + fields
        + struct.pack("<4sI", b"data", len(data) if size is None else size)
        + data
        + after
    )
    return struct.pack("<4sI", b"RIFF", len(body)) + body


def decoded(raw: bytes, encoding: str = "auto", *, chunk: int | None = None) -> Pcm:
    """Decode a whole stream, in chunks of a size."""
    decoder = open_decoder(encoding)
    try:
        return fed(decoder, raw, [chunk or max(1, len(raw))])
    finally:
        decoder.close()


def fed(decoder: Decoder, raw: bytes, sizes: list[int]) -> Pcm:
    """Feed a stream in chunks of the given sizes, over and over, and flush."""
    parts: list[Pcm] = []
    at = turn = 0
    while at < len(raw):
        size = sizes[turn % len(sizes)]
        parts.append(decoder.feed(raw[at : at + size]))
        at, turn = at + size, turn + 1
    return np.concatenate([*parts, decoder.flush()])


def reference(raw: bytes, layout: str = "mono") -> Pcm:
    """What libav makes of a whole file."""
    resampler = av.AudioResampler(format="s16", layout=layout, rate=16_000)
    parts: list[Pcm] = []
    with av.open(io.BytesIO(raw), "r") as file:
        for frame in file.decode(audio=0):
            parts += [np.asarray(out.to_ndarray()[0], dtype=np.int16) for out in resampler.resample(frame)]
    parts += [np.asarray(out.to_ndarray()[0], dtype=np.int16) for out in resampler.resample(None)]
    return np.concatenate(parts)


def loudest_hz(samples: Pcm) -> float:
    """Return the frequency of the strongest component."""
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples))))
    return float(spectrum.argmax() * 16_000 / len(samples))


def snr_db(reference: Pcm, other: Pcm) -> float:
    """Return how far the difference of two signals lies below the first one."""
    one, two = reference.astype(np.float64), other.astype(np.float64)
    return float(10 * np.log10(np.mean(one**2) / max(np.mean((one - two) ** 2), 1e-9)))
