"""Ogg: a push parser of pages and packets for Opus; another codec goes to ffmpeg."""

import struct
import zlib
from dataclasses import dataclass
from typing import Final

from actors.audio.decoder import AudioUndecodableError, Decoder, StreamDecoder
from actors.audio.ffmpeg import FfmpegDecoder
from actors.audio.opus import MAX_PACKET, OPUS_RATE, OpusDecoder, OpusHead, packet_duration
from events.catalogue import Bookmark

_MAX_LOST: Final = 1024 * 1024
"""Bytes in a row without a sound page before the stream is given up."""
_MAX_STREAMS: Final = 16
_HEADER: Final = struct.Struct("<4sBBqIIIB")
_CONTINUED, _FIRST, _LAST = 0x01, 0x02, 0x04
_REVERSED: Final = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))


def page_checksum(page: bytes) -> int:
    """Return the checksum of a page whose own checksum field is zeroed (RFC 3533 section 6).

    Ogg's CRC runs over the bits in the other order than zlib's, from 0 instead of ones: with the bits of every byte
    reversed, and those of the result, zlib's is the same.
    """
    crc = zlib.crc32(page.translate(_REVERSED), 0xFFFFFFFF) ^ 0xFFFFFFFF
    return int.from_bytes(crc.to_bytes(4, "little").translate(_REVERSED), "big")


@dataclass(frozen=True, slots=True)
class Page:
    """One page with a sound checksum."""

    flags: int
    granule: int
    serial: int
    sequence: int
    lacing: bytes
    body: bytes


class OggDecoder(StreamDecoder):
    """Decodes the Opus stream of an Ogg file, chained streams included (RFC 3533, RFC 7845).

    Damaged pages are left out and the next sound one is searched for. Where the file begins with streams of other
    codecs only, ffmpeg takes it.
    """

    def __init__(self) -> None:
        super().__init__()
        self._buffer = bytearray()
        self._dropped = 0
        self._lost = 0
        self._head: bytearray | None = bytearray()
        self._others: set[int] = set()
        self._serial: int | None = None
        self._sequence: int | None = None
        self._packet: bytearray | None = None
        self._headers_left = 0
        self._granule = 0
        self._open = False
        self._opus: OpusDecoder | None = None
        self._other: Decoder | None = None
        self._header_bytes = 0

    @property
    def encoding(self) -> str | None:
        """`ogg-opus`, or `ffmpeg` for another codec; None before the first pages."""
        if self._other is not None:
            return self._other.encoding
        return "ogg-opus" if self._opus else None

    @property
    def sample_rate(self) -> int | None:
        """Hz as the header declares; None before it or with another codec."""
        return (self._opus.head.input_rate or OPUS_RATE) if self._opus else None

    @property
    def channels(self) -> int | None:
        """As the header declares; None before it or with another codec."""
        return self._opus.head.channels if self._opus else None

    def close(self) -> None:
        """Release the decoders and the buffers."""
        if self._other is not None:
            self._other.close()
        self._opus = None
        self._buffer.clear()
        super().close()

    def bookmark(self) -> Bookmark | None:
        """See `Decoder.bookmark`. There is one where a page ends with its packets, in a file's first Opus stream."""
        if self._opus is None or self._header_bytes <= 0 or self._packet is not None or self._sequence is None:
            return None
        return Bookmark(
            encoding="ogg-opus",
            header_bytes=self._header_bytes,
            byte_offset=self._dropped,
            sample=self._opus.sample,
            place=(self._opus.position, self._sequence, self._granule),
        )

    def jump(self, bookmark: Bookmark) -> None:
        """See `Decoder.jump`."""
        if bookmark.encoding != "ogg-opus" or self._opus is None or len(bookmark.place) != 3:
            raise ValueError("a bookmark of another stream")
        position, self._sequence, self._granule = bookmark.place
        self._opus = OpusDecoder(self._opus.head, position)
        self._buffer.clear()
        self._dropped = bookmark.byte_offset

    def _consume(self, data: bytes) -> None:
        if self._other is not None:
            self._out.append(self._other.feed(data))
            return
        if self._head is not None:
            self._head += data
        self._buffer += data
        try:
            while self._other is None and (page := self._next_page()) is not None:
                self._take_page(page)
        finally:
            if self._opus is not None:
                self._out.append(self._opus.take())

    def _finish(self) -> None:
        if self._other is None and self._opus is None and self._others:
            self._hand_over()
        if self._other is not None:
            self._out.append(self._other.flush())
        elif self._opus is not None:
            self._out.append(self._opus.finish())
        elif self._dropped or self._buffer:
            raise AudioUndecodableError("truncated", self._dropped, "no page of a known stream")

    def _next_page(self) -> Page | None:
        while True:
            start = self._buffer.find(b"OggS")
            if start != 0:
                self._lose(start if start > 0 else max(0, len(self._buffer) - 3))
                if start < 0:
                    return None
            if len(self._buffer) < _HEADER.size:
                return None
            _, version, flags, granule, serial, sequence, checksum, segments = _HEADER.unpack_from(self._buffer)
            if version != 0:
                self._lose(4)
                continue
            body = _HEADER.size + segments
            if len(self._buffer) < body:
                return None
            lacing = bytes(self._buffer[_HEADER.size : body])
            end = body + sum(lacing)
            if len(self._buffer) < end:
                return None
            raw = bytes(self._buffer[:end])
            if page_checksum(raw[:22] + b"\0\0\0\0" + raw[26:]) != checksum:
                self._lose(4)
                continue
            del self._buffer[:end]
            self._dropped += end
            self._lost = 0
            return Page(flags, granule, serial, sequence, lacing, raw[body:])

    def _lose(self, count: int) -> None:
        del self._buffer[:count]
        self._dropped += count
        self._lost += count
        if self._lost > _MAX_LOST:
            raise AudioUndecodableError("bad_container", self._dropped - self._lost, "no sound page")

    def _take_page(self, page: Page) -> None:
        if page.flags & _FIRST:
            self._open_stream(page)
            return
        if self._opus is None:
            # streams begin before anything else of the file: none of them was Opus
            self._hand_over()
            return
        if page.serial == self._serial:
            self._read_packets(page)

    def _open_stream(self, page: Page) -> None:
        if page.body[:8] == b"OpusHead":
            if self._serial is not None and page.serial != self._serial and self._opus is not None and self._open:
                self._others.add(page.serial)
                return
            try:
                decoder = OpusDecoder(OpusHead.parse(page.body))
            except ValueError as error:
                raise AudioUndecodableError("unsupported", self._dropped, str(error)) from error
            if self._opus is not None:
                self._out.append(self._opus.finish())
            self._opus, self._serial, self._sequence = decoder, page.serial, page.sequence
            self._packet, self._headers_left, self._granule = None, 1, 0
            self._open = True
            self._head = None
            return
        self._others.add(page.serial)
        if len(self._others) > _MAX_STREAMS:
            raise AudioUndecodableError("too_large", self._dropped, "streams in one file")

    def _hand_over(self) -> None:
        if self._head is None or not self._others:
            raise AudioUndecodableError("bad_container", self._dropped, "a page before its stream's first")
        self._other = FfmpegDecoder("ogg")
        self._out.append(self._other.feed(bytes(self._head)))
        self._head = None
        self._buffer.clear()

    def _read_packets(self, page: Page) -> None:
        gap = self._sequence is not None and page.sequence != (self._sequence + 1) & 0xFFFFFFFF
        self._sequence = page.sequence
        if gap:
            self._packet = None
        skipping = bool(page.flags & _CONTINUED) and self._packet is None
        if not page.flags & _CONTINUED:
            self._packet = None
        packets: list[bytes] = []
        at = 0
        for size in page.lacing:
            if not skipping:
                self._packet = self._packet if self._packet is not None else bytearray()
                if len(self._packet) <= MAX_PACKET:
                    self._packet += page.body[at : at + size]
            at += size
            if size < 255:
                if not skipping and self._packet is not None:
                    packets.append(bytes(self._packet))
                self._packet, skipping = None, False
        self._decode(packets, page)

    def _decode(self, packets: list[bytes], page: Page) -> None:
        assert self._opus is not None  # noqa: S101 - a page is only read once its stream is open
        while packets and self._headers_left:
            packets.pop(0)
            self._headers_left -= 1
            if not self._headers_left:
                # A page with headers holds no audio (RFC 7845 section 3).
                self._header_bytes = -1 if self._header_bytes else self._dropped
        drop = 0
        if page.flags & _LAST:
            self._open = False
            if page.granule >= 0 and packets:
                drop = sum(map(packet_duration, packets)) - max(0, page.granule - self._granule)
        durations = [packet_duration(packet) for packet in packets]
        for index, packet in enumerate(packets):
            later = sum(durations[index + 1 :])
            self._opus.decode(packet, self._dropped, drop_end=max(0, min(durations[index], drop - later)))
        if page.granule >= 0:
            self._granule = page.granule
