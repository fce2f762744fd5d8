"""WebM and Matroska: a push parser that takes the file cut anywhere and hands its Opus packets to the decoder."""

from itertools import batched
from typing import Final

from actors.audio import matroska as mkv
from actors.audio.decoder import AudioUndecodableError, Decoder, StreamDecoder
from actors.audio.ebml import UNKNOWN, read_id, read_size
from actors.audio.ffmpeg import FfmpegDecoder
from actors.audio.opus import MAX_PACKET, OPUS_RATE, OpusDecoder, OpusHead
from events.catalogue import Bookmark

_MAX_EBML_HEADER: Final = 4_096
_MAX_TRACKS: Final = 1024 * 1024
_MAX_BLOCK: Final = 256 * (MAX_PACKET // 8)
"""Bytes of one block of the audio track; a laced one holds up to 256 frames."""
_MAX_HEAD: Final = 4 * 1024 * 1024
"""Bytes before the tracks, kept so that another decoder can start from the first byte."""
_MAX_DEPTH: Final = 8
_LONGEST_HEADER: Final = 12
_MASTERS: Final = frozenset({mkv.SEGMENT, mkv.CLUSTER, mkv.BLOCK_GROUP})
_ENDLESS: Final = frozenset({mkv.SEGMENT, mkv.CLUSTER})
_WHOLE: Final = {mkv.EBML: _MAX_EBML_HEADER, mkv.TRACKS: _MAX_TRACKS, mkv.DISCARD_PADDING: 8}
"""Elements that are read whole, and the most bytes that each may have."""


class WebmDecoder(StreamDecoder):
    """Decodes the first Opus track of WebM or Matroska; another audio codec goes to ffmpeg.

    Nothing is buffered but the element at hand: video frames and unknown elements are skipped as they come. Segments
    and clusters of unknown size end where an element comes that can't be inside them. Source: RFC 8794, RFC 9559.
    """

    def __init__(self) -> None:
        super().__init__()
        self._buffer = bytearray()
        self._at = 0
        self._dropped = 0
        self._skip = 0
        self._open: list[tuple[int, int | None]] = []
        self._head: bytearray | None = bytearray()
        self._track: mkv.Track | None = None
        self._opus: OpusDecoder | None = None
        self._other: Decoder | None = None
        self._held: tuple[list[bytes], int] | None = None
        self._padding_ns = 0
        self._header_bytes = 0

    @property
    def encoding(self) -> str | None:
        """`webm-opus`, or `ffmpeg` for another codec; None before the tracks."""
        if self._other is not None:
            return self._other.encoding
        return "webm-opus" if self._opus else None

    @property
    def sample_rate(self) -> int | None:
        """Hz as the track declares; None before it or with another codec."""
        return (self._opus.head.input_rate or OPUS_RATE) if self._opus else None

    @property
    def channels(self) -> int | None:
        """As the track declares; None before it or with another codec."""
        return self._opus.head.channels if self._opus else None

    @property
    def _position(self) -> int:
        return self._dropped + self._at

    def close(self) -> None:
        """Release the decoders and the buffers."""
        if self._other is not None:
            self._other.close()
        self._opus = None
        self._buffer.clear()
        super().close()

    def bookmark(self) -> Bookmark | None:
        """See `Decoder.bookmark`. There is one between any two elements of the first segment, its header being over."""
        if self._opus is None or self._header_bytes <= 0 or self._skip or self._held is not None or self._padding_ns:
            return None
        masters = [number for name, end in self._open for number in (name, -1 if end is None else end)]
        return Bookmark(
            encoding="webm-opus",
            header_bytes=self._header_bytes,
            byte_offset=self._position,
            sample=self._opus.sample,
            place=(self._opus.position, *masters),
        )

    def jump(self, bookmark: Bookmark) -> None:
        """See `Decoder.jump`."""
        if bookmark.encoding != "webm-opus" or self._opus is None or not bookmark.place:
            raise ValueError("a bookmark of another stream")
        position, *masters = bookmark.place
        self._opus = OpusDecoder(self._opus.head, position)
        self._open = [(name, None if end < 0 else end) for name, end in batched(masters, 2)]
        self._buffer.clear()
        self._dropped, self._at, self._skip = bookmark.byte_offset, 0, 0

    def _consume(self, data: bytes) -> None:
        if self._other is not None:
            self._out.append(self._other.feed(data))
            return
        if self._head is not None:
            self._head += data
        self._buffer += data
        try:
            while self._other is None:
                self._read_plain_blocks()
                if not self._element():
                    break
        except ValueError as error:
            raise AudioUndecodableError("bad_container", self._position, str(error)) from error
        finally:
            self._drop_read()
            if self._opus is not None:
                self._out.append(self._opus.take())
        if self._head is not None and len(self._head) > _MAX_HEAD:
            raise AudioUndecodableError("too_large", self._position, "bytes before the tracks")

    def _finish(self) -> None:
        if self._other is not None:
            self._out.append(self._other.flush())
            return
        if self._opus is None:
            if self._position or self._buffer:
                raise AudioUndecodableError("truncated", self._position, "no tracks")
            return
        self._emit_held()
        self._out.append(self._opus.finish())

    def _drop_read(self) -> None:
        del self._buffer[: self._at]
        self._dropped += self._at
        self._at = 0

    def _element(self) -> bool:
        """Read one element, or skip on; False where more bytes are needed."""
        if self._skip:
            step = min(self._skip, len(self._buffer) - self._at)
            self._skip -= step
            self._at += step
            if self._skip:
                return False
        element = read_id(self._buffer, self._at)
        size = read_size(self._buffer, self._at + element[1]) if element else None
        if element is None or size is None:
            return False
        name, header, length = element[0], element[1] + size[1], size[0]
        if not self._open and name not in (mkv.EBML, mkv.SEGMENT) and not self._dropped + self._at:
            raise ValueError("not an EBML file")
        self._close_ended(name)
        self._check_fit(name, header, length)
        if name in _MASTERS:
            self._at += header
            self._open.append((name, None if length == UNKNOWN else self._position + length))
            if len(self._open) > _MAX_DEPTH:
                raise ValueError("elements nested too deep")
            if name == mkv.CLUSTER and self._track is None:
                raise AudioUndecodableError("bad_container", self._position, "audio before the tracks")
            return True
        if name in (mkv.SIMPLE_BLOCK, mkv.BLOCK):
            return self._read_block(name, header, length)
        if name in _WHOLE:
            return self._read_whole(name, header, length)
        self._at += header
        self._skip = length
        return True

    def _check_fit(self, name: int, header: int, length: int) -> None:
        if length == UNKNOWN:
            if name not in _ENDLESS:
                raise ValueError("an element of unknown size")
            return
        end = self._open[-1][1] if self._open else None
        if end is not None and self._position + header + length > end:
            raise ValueError("an element larger than its parent")

    def _close_ended(self, name: int) -> None:
        """Leave the masters that end here, by their size or because `name` can't be inside them."""
        while self._open:
            master, end = self._open[-1]
            if end is not None:
                if self._position < end:
                    return
            elif name not in (mkv.EBML, mkv.SEGMENT) and not (master == mkv.CLUSTER and name in mkv.TOP_LEVEL):
                return
            self._open.pop()
            if master == mkv.BLOCK_GROUP:
                self._emit_held()

    def _read_whole(self, name: int, header: int, length: int) -> bool:
        if length > _WHOLE[name]:
            raise AudioUndecodableError("too_large", self._position, "a header element")
        start = self._at + header
        if len(self._buffer) < start + length:
            return False
        content = bytes(self._buffer[start : start + length])
        if name == mkv.EBML:
            if mkv.doc_type(content) not in ("webm", "matroska"):
                raise AudioUndecodableError("unsupported", self._position, "an EBML file of another type")
        elif name == mkv.TRACKS:
            self._choose(mkv.read_tracks(content))
            self._header_bytes = -1 if self._header_bytes else self._dropped + start + length
        else:
            self._padding_ns = mkv.signed(content)
        self._at = start + length
        return True

    def _choose(self, tracks: list[mkv.Track]) -> None:
        audio = [track for track in tracks if track.is_audio]
        if not audio:
            raise AudioUndecodableError("no_audio", self._position, "no audio track")
        plain = [track for track in audio if track.codec == "A_OPUS" and not track.encoded]
        if plain:
            self._start_opus(plain[0])
        elif all(track.encrypted for track in audio):
            raise AudioUndecodableError("unsupported", self._position, "encrypted audio")
        elif self._opus is not None or self._head is None:
            raise AudioUndecodableError("unsupported", self._position, "a second segment of another codec")
        else:
            self._other = FfmpegDecoder("matroska")
            self._out.append(self._other.feed(bytes(self._head)))
            self._buffer.clear()
        self._head = None

    def _start_opus(self, track: mkv.Track) -> None:
        if track.private:
            head = OpusHead.parse(track.private)
        else:
            pre_skip = round(track.delay_ns * OPUS_RATE / 1e9)
            head = OpusHead.made(track.channels, pre_skip, int(track.rate) if 0 < track.rate < 1e6 else 0)
        if self._opus is not None:
            self._out.append(self._opus.finish())
        self._track, self._opus = track, OpusDecoder(head)

    def _read_block(self, name: int, header: int, length: int) -> bool:
        start = self._at + header
        number = read_size(self._buffer, start)
        if number is None:
            return False
        if self._track is None or number[0] != self._track.number:
            self._at += header
            self._skip = length
            return True
        if length > _MAX_BLOCK:
            raise AudioUndecodableError("too_large", self._position, "a block of audio")
        if len(self._buffer) < start + length:
            return False
        frames = mkv.block_frames(bytes(self._buffer[start : start + length]), number[1])
        if self._held is not None:
            self._emit_held()
        self._held = (frames, self._position)
        self._at = start + length
        if name == mkv.SIMPLE_BLOCK:
            self._emit_held()
        return True

    def _read_plain_blocks(self) -> None:
        """Read the blocks at hand that hold one frame each: nearly all there is. The rest is left to `_element`."""
        if not self._open or self._open[-1][0] != mkv.CLUSTER or self._skip or self._padding_ns or self._held:
            return
        if self._opus is None or self._track is None:
            return
        end = self._open[-1][1]
        limit = len(self._buffer) if end is None else min(len(self._buffer), end - self._dropped)
        for start, frame, stop in mkv.plain_blocks(self._buffer, self._at, limit, self._track.number):
            self._at = stop
            self._opus.decode(bytes(self._buffer[frame:stop]), self._dropped + start)

    def _emit_held(self) -> None:
        """Decode the block at hand; one of a block group waits for the padding that may follow it."""
        if self._held is None or self._opus is None:
            return
        (frames, offset), self._held = self._held, None
        drop = max(0, round(self._padding_ns * OPUS_RATE / 1e9)) if self._padding_ns else 0
        self._padding_ns = 0
        *others, last = frames
        for frame in others:
            self._opus.decode(frame, offset)
        self._opus.decode(last, offset, drop_end=drop)
