"""The door to decoding: opens the decoder for a declared encoding, or for what the first bytes turn out to be."""

# ruff: noqa: PLC0415 - decoders bring libav along: 15 MB and a tenth of a second, which only who decodes shall pay

from typing import Final

from actors.audio.decoder import AudioUndecodableError, Decoder, StreamDecoder, UndecodableCode
from actors.audio.sniff import sniff
from actors.values import SAMPLE_RATE
from events.catalogue import Bookmark

__all__ = ["ENCODINGS", "AudioUndecodableError", "Decoder", "UndecodableCode", "open_decoder", "warm"]

ENCODINGS: Final = ("auto", "webm-opus", "ogg-opus", "wav", "pcm_s16le")
"""What a client may declare."""


def warm() -> None:
    """Import the decoders, so that the first stream doesn't wait for it."""
    _decoder_of("pcm").close()
    _decoder_of("webm").close()


def open_decoder(encoding: str = "auto", *, sample_rate: int = SAMPLE_RATE, channels: int = 1) -> Decoder:
    """Open a decoder for one stream.

    Args:
        encoding: one of `ENCODINGS`.
        sample_rate: Hz of raw PCM, 4000 to 192000; containers tell their own.
        channels: of raw PCM, 1 to 32.

    Raises:
        ValueError: an argument is unknown or out of range; one line says which.
    """
    match encoding:
        case "auto":
            return AutoDecoder()
        case "pcm_s16le":
            from actors.audio.pcm import PcmDecoder

            return PcmDecoder(sample_rate, channels)
        case "wav":
            return _decoder_of("wav")
        case "webm-opus":
            return _decoder_of("webm")
        case "ogg-opus":
            return _decoder_of("ogg")
    raise ValueError(f"audio encoding must be one of {', '.join(ENCODINGS)}")


def _decoder_of(kind: str) -> Decoder:
    from actors.audio.ffmpeg import FfmpegDecoder

    match kind:
        case "pcm":
            from actors.audio.pcm import PcmDecoder

            return PcmDecoder()
        case "wav":
            from actors.audio.wav import WavDecoder

            return WavDecoder()
        case "webm":
            from actors.audio.webm import WebmDecoder

            return WebmDecoder()
        case "ogg":
            from actors.audio.ogg import OggDecoder

            return OggDecoder()
        case "rifx":
            return FfmpegDecoder("wav")
        case "mov":
            from actors.audio.mp4 import Mp4Decoder

            return Mp4Decoder()
        case "unsupported":
            raise AudioUndecodableError("unsupported", 0, "a chunk file of an unknown kind")
    return FfmpegDecoder(kind)


class AutoDecoder(StreamDecoder):
    """Holds the first bytes back until they tell what the stream is, then lets that decoder have them."""

    def __init__(self) -> None:
        super().__init__()
        self._start = b""
        self._decoder: Decoder | None = None

    @property
    def encoding(self) -> str | None:
        """See `Decoder.encoding`."""
        return self._decoder.encoding if self._decoder else None

    @property
    def sample_rate(self) -> int | None:
        """See `Decoder.sample_rate`."""
        return self._decoder.sample_rate if self._decoder else None

    @property
    def channels(self) -> int | None:
        """See `Decoder.channels`."""
        return self._decoder.channels if self._decoder else None

    def bookmark(self) -> Bookmark | None:
        """See `Decoder.bookmark`."""
        return self._decoder.bookmark() if self._decoder else None

    def close(self) -> None:
        """Close the decoder inside."""
        if self._decoder is not None:
            self._decoder.close()
        super().close()

    def _consume(self, data: bytes) -> None:
        self._decide(data, ended=False)
        if self._decoder is not None and data:
            self._out.append(self._decoder.feed(data if not self._start else self._start))
            self._start = b""

    def _decide(self, data: bytes, *, ended: bool) -> None:
        if self._decoder is not None:
            return
        self._start += data
        kind = sniff(self._start, ended=ended)
        if kind is not None:
            self._decoder = _decoder_of(kind)

    def _finish(self) -> None:
        self._decide(b"", ended=True)
        if self._decoder is not None:
            if self._start:
                self._out.append(self._decoder.feed(self._start))
            self._out.append(self._decoder.flush())
