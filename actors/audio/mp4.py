"""MP4 and QuickTime: streamed to ffmpeg where that is possible, put aside until the end where the index comes last."""

import tempfile
from typing import IO, Final

from actors.audio.decoder import AudioUndecodableError, Decoder, StreamDecoder
from actors.audio.ffmpeg import FfmpegDecoder

_STREAMABLE: Final = frozenset({b"moov", b"moof", b"styp", b"sidx"})
_PREFACE: Final = frozenset({b"ftyp", b"free", b"skip", b"wide", b"uuid", b"pdin", b"pnot"})
_MAX_PREFACE: Final = 1024 * 1024
_MAX_ASIDE: Final = 32 * 1024 * 1024
"""Bytes of a file with its index at the end; at the usual 64 kbit/s more than an hour."""


class Mp4Decoder(StreamDecoder):
    """Decides by the file's first boxes (ISO/IEC 14496-12): index first, or fragmented, is streamed.

    A file whose samples come before their index can't be decoded before its end: it goes to an unnamed temporary
    file, gives all its samples at `flush`, and is refused beyond 32 MiB.
    """

    def __init__(self) -> None:
        super().__init__()
        self._head = bytearray()
        self._seen = 0
        self._inner: Decoder | None = None
        self._aside: IO[bytes] | None = None
        self._size = 0

    @property
    def encoding(self) -> str:
        """Always `ffmpeg`."""
        return "ffmpeg"

    def close(self) -> None:
        """Release ffmpeg and the temporary file."""
        if self._inner is not None:
            self._inner.close()
        if self._aside is not None:
            self._aside.close()
        super().close()

    def _consume(self, data: bytes) -> None:
        if self._inner is not None:
            self._out.append(self._inner.feed(data))
            return
        if self._aside is not None:
            self._put_aside(data)
            return
        self._head += data
        self._walk()
        if self._inner is not None:
            self._out.append(self._inner.feed(bytes(self._head)))
        elif self._aside is not None:
            self._put_aside(bytes(self._head))
        elif len(self._head) > _MAX_PREFACE:
            raise AudioUndecodableError("too_large", self._seen, "boxes before the audio")
        else:
            return
        self._head.clear()

    def _finish(self) -> None:
        if self._inner is None and self._aside is not None:
            self._aside.seek(0)
            self._inner = FfmpegDecoder("mov", source=self._aside)
        if self._inner is None:
            # the last box may have promised more than came
            raise AudioUndecodableError("truncated", min(self._seen, len(self._head)), "no audio boxes")
        self._out.append(self._inner.flush())

    def _walk(self) -> None:
        """Go over the boxes before the one that tells how the file is laid out."""
        while len(self._head) >= self._seen + 8:
            size = int.from_bytes(self._head[self._seen : self._seen + 4], "big")
            kind = bytes(self._head[self._seen + 4 : self._seen + 8])
            if kind in _STREAMABLE:
                self._inner = FfmpegDecoder("mov")
                return
            if kind == b"mdat":
                self._aside = tempfile.TemporaryFile()  # noqa: SIM115 - lives as long as the decoder, closed with it
                return
            if kind not in _PREFACE or size < 8:
                raise AudioUndecodableError("bad_container", self._seen, "an unexpected MP4 box")
            if size > _MAX_PREFACE:
                raise AudioUndecodableError("too_large", self._seen, "a box before the audio")
            self._seen += size

    def _put_aside(self, data: bytes) -> None:
        assert self._aside is not None  # noqa: S101 - the callers looked
        self._size += len(data)
        if self._size > _MAX_ASIDE:
            raise AudioUndecodableError("too_large", self._size, "an MP4 with its index at the end")
        self._aside.write(data)
