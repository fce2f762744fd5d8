"""Audio for tests: synthetic speech-like sound, and files of it in every container that clients send."""

import io
import wave
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

from actors.values import SAMPLE_RATE, Pcm
from balto.listening import decode_audio

ASSETS = Path(__file__).parent / "assets"
DEMO = Path(__file__).parent.parent / "balto" / "demo" / "counter.opus"


def spoken(name: str) -> Pcm:
    """Return the samples of one of the recorded phrases."""
    return decode_audio((ASSETS / f"{name}.opus").read_bytes())


def silence(seconds: float, *, seed: int = 0) -> Pcm:
    """Return quiet room noise of about −62 dBFS."""
    rng = np.random.default_rng(seed)
    return (rng.normal(0, 26, int(seconds * SAMPLE_RATE))).astype(np.int16)


def conversation(*names: str, pause_s: float = 1.2) -> Pcm:
    """Return recorded phrases with pauses before, between and after them."""
    parts: list[Pcm] = [silence(pause_s)]
    for seed, name in enumerate(names, start=1):
        parts += [spoken(name), silence(pause_s, seed=seed)]
    return np.concatenate(parts)


def wav(pcm: Pcm) -> bytes:
    """Return the samples as a WAV file."""
    file = io.BytesIO()
    with wave.open(file, "wb") as writer:
        writer.setnchannels(1)
        writer.setsampwidth(2)
        writer.setframerate(SAMPLE_RATE)
        writer.writeframes(pcm.tobytes())
    return file.getvalue()


def webm(pcm: Pcm, *, bit_rate: int | None = None) -> bytes:
    """Return the samples as WebM/Opus, 48 kHz stereo as browsers record it."""
    return _opus(pcm, "webm", bit_rate)


def ogg(pcm: Pcm) -> bytes:
    """Return the samples as Ogg/Opus, 48 kHz stereo."""
    return _opus(pcm, "ogg")


def _opus(pcm: Pcm, container_format: str, bit_rate: int | None = None) -> bytes:
    file = io.BytesIO()
    with av.open(file, "w", format=container_format) as container:
        stream = container.add_stream("libopus", rate=48_000, layout="stereo")
        if bit_rate is not None:
            stream.bit_rate = bit_rate
        resampler = av.AudioResampler(format="s16", layout="stereo", rate=48_000)
        frame = av.AudioFrame.from_ndarray(pcm.reshape(1, -1), format="s16", layout="mono")
        frame.sample_rate = SAMPLE_RATE
        frame.time_base = Fraction(1, SAMPLE_RATE)
        frame.pts = 0
        for piece in (*resampler.resample(frame), *resampler.resample(None)):
            container.mux(stream.encode(piece))
        container.mux(stream.encode(None))
    return file.getvalue()


def mp4_with_picture(pcm: Pcm) -> bytes:
    """Return an MP4 with a picture track beside its sound, as a mistaken client may send."""
    file = io.BytesIO()
    with av.open(file, "w", format="mp4") as container:
        video = container.add_stream("mpeg4", rate=10)
        video.width, video.height, video.pix_fmt = 64, 64, "yuv420p"
        for number in range(10):
            frame = av.VideoFrame.from_ndarray(np.full((64, 64, 3), number * 20, np.uint8), format="rgb24")
            frame.pts = number
            container.mux(video.encode(frame))
        container.mux(video.encode(None))
    return file.getvalue()
