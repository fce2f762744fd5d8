"""The contract of audio decoding: what every decoder offers, the error it raises, and what all of them share."""

from abc import ABC, abstractmethod
from typing import Final, Literal, Protocol

import numpy as np

from actors.values import SAMPLE_RATE, Pcm
from events.catalogue import Bookmark

UndecodableCode = Literal[
    "bad_container", "no_audio", "unsupported", "too_large", "truncated", "corrupt", "decoder_failed", "decoder_limit"
]
"""Why bytes are undecodable:

- `bad_container`: the structure of the container contradicts itself.
- `no_audio`: the container is sound but carries no audio track.
- `unsupported`: audio that no decoder here may or can take (encrypted, an unknown variant).
- `too_large`: something declares a size beyond the fixed limits.
- `truncated`: the stream ended before its headers were complete.
- `corrupt`: the container is sound but its audio packets don't decode.
- `decoder_failed`: the external decoder gave up.
- `decoder_limit`: the external decoder used more time or memory than it may, or made no progress.
"""


MAX_BURST: Final = 4_000 * SAMPLE_RATE
"""Samples that one call may return, a good hour: a few compressed bytes can stand for days of silence."""


class AudioUndecodableError(Exception):
    """From `byte_offset` on, nothing of the stream can be decoded. The message never quotes the stream."""

    def __init__(self, code: UndecodableCode, byte_offset: int, detail: str = "") -> None:
        super().__init__(f"{code} at byte {byte_offset}" + (f": {detail}" if detail else ""))
        self.code: UndecodableCode = code
        self.byte_offset = byte_offset
        """Offset in the stream, from its first byte, of what can't be decoded."""


class Decoder(Protocol):
    """Turns the bytes of one stream, cut anywhere, into samples. Where the bytes are cut never changes the samples."""

    @property
    def encoding(self) -> str | None:
        """`pcm_s16le`, `wav`, `webm-opus`, `ogg-opus` or `ffmpeg`; None until the first bytes told."""
        ...

    @property
    def sample_rate(self) -> int | None:
        """Hz as declared by the stream; None where that isn't known (yet)."""
        ...

    @property
    def channels(self) -> int | None:
        """Channels as declared by the stream; None where that isn't known (yet)."""
        ...

    def feed(self, data: bytes) -> Pcm:
        """Take the next bytes and return the samples that became complete: int16, mono, 16 kHz, shape (n,).

        Raises:
            AudioUndecodableError: nothing more can be decoded. Samples before the fault are returned first: then the
                next call raises.
        """
        ...

    def flush(self) -> Pcm:
        """End the stream and return the last samples. Nothing may be fed after it.

        Raises:
            AudioUndecodableError: as `feed`.
        """
        ...

    def bookmark(self) -> Bookmark | None:
        """Return where a fresh decoder can go on from here, None where it must begin at the first byte.

        All samples before the bookmark's have been returned; some after it may have been, too.
        """
        ...

    def jump(self, bookmark: Bookmark) -> None:
        """Go on at a bookmark of the same stream: only its header has been fed, and the next bytes are the bookmark's.

        Samples are those of an uninterrupted decoder, but for a while after the jump in which filters settle: 5 s for
        Opus, which is bit-exact from then on.

        Raises:
            ValueError: the bookmark is none of this kind of decoder, or the header was not the stream's.
        """
        ...

    def close(self) -> None:
        """Release what the decoder holds. May be called at any time and more than once."""
        ...


def no_samples() -> Pcm:
    """Return an empty array of samples."""
    return np.zeros(0, dtype=np.int16)


class StreamDecoder(ABC):
    """What decoders share: collecting samples, handing them over before a fault, and refusing bytes after the end."""

    def __init__(self) -> None:
        self._out: list[Pcm] = []
        self._fault: AudioUndecodableError | None = None
        self._ended = False

    @property
    @abstractmethod
    def encoding(self) -> str | None:
        """See `Decoder.encoding`."""

    @property
    def sample_rate(self) -> int | None:
        """See `Decoder.sample_rate`."""
        return None

    @property
    def channels(self) -> int | None:
        """See `Decoder.channels`."""
        return None

    @abstractmethod
    def _consume(self, data: bytes) -> None:
        """Decode bytes, appending samples to `_out`; raise at a fault."""

    @abstractmethod
    def _finish(self) -> None:
        """Decode what is left at the end of the stream, appending samples to `_out`; raise at a fault."""

    def feed(self, data: bytes) -> Pcm:
        """See `Decoder.feed`."""
        if self._ended:
            raise ValueError("the decoder has been flushed or closed")
        if self._fault is None:
            try:
                self._consume(data)
            except AudioUndecodableError as fault:
                self._fault = fault
        return self._collect()

    def flush(self) -> Pcm:
        """See `Decoder.flush`."""
        if self._ended:
            return no_samples()
        if self._fault is None:
            try:
                self._finish()
            except AudioUndecodableError as fault:
                self._fault = fault
        pcm = self._collect()
        self._ended = self._fault is None
        return pcm

    def bookmark(self) -> Bookmark | None:
        """See `Decoder.bookmark`; a decoder that is not overridden here can only begin at the first byte."""
        return None

    def jump(self, bookmark: Bookmark) -> None:
        """See `Decoder.jump`."""
        raise ValueError(f"no way to go on in the middle of {self.encoding}, at {bookmark.sample}")

    def close(self) -> None:
        """See `Decoder.close`."""
        self._ended = True
        self._out.clear()

    def _collect(self) -> Pcm:
        parts = [part for part in self._out if part.size]
        self._out.clear()
        if not parts:
            if self._fault is not None:
                raise self._fault
            return no_samples()
        return parts[0] if len(parts) == 1 else np.concatenate(parts)
