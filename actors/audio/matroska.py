"""What Matroska's elements mean: element IDs, the tracks of a file, and the frames of a block (RFC 9559)."""

import struct
from dataclasses import dataclass

from actors.audio.ebml import UNKNOWN, children, read_size

EBML = 0x1A45DFA3
SEGMENT = 0x18538067
CLUSTER = 0x1F43B675
TRACKS = 0x1654AE6B
BLOCK_GROUP = 0xA0
BLOCK = 0xA1
SIMPLE_BLOCK = 0xA3
DISCARD_PADDING = 0x75A2
TOP_LEVEL = frozenset({CLUSTER, TRACKS, 0x114D9B74, 0x1549A966, 0x1C53BB6B, 0x1941A469, 0x1043A770, 0x1254C367})
"""Children of a Segment: besides clusters and tracks, seek head, info, cues, attachments, chapters and tags."""

_DOC_TYPE = 0x4282
_TRACK_ENTRY = 0xAE
_TRACK_NUMBER, _TRACK_TYPE, _CODEC_ID, _CODEC_PRIVATE, _CODEC_DELAY = 0xD7, 0x83, 0x86, 0x63A2, 0x56AA
_AUDIO, _RATE, _CHANNELS = 0xE1, 0xB5, 0x9F
_ENCODINGS = 0x6D80
_ENCRYPTION = 0x5035
_TYPE_AUDIO = 2
_LACING = 0x06
"""Bits of a block's flags that tell how its frames are laced; none of them where there is one frame."""
_SHORTEST_BLOCK = 8
"""Bytes up to which a block, its header included, is not worth knowing quickly."""


@dataclass(slots=True)
class Track:
    """One track of the file."""

    number: int = 0
    kind: int = 0
    codec: str = ""
    private: bytes = b""
    delay_ns: int = 0
    rate: float = 8_000.0
    channels: int = 1
    encoded: bool = False
    """Its frames went through a compression or encryption of the container."""
    encrypted: bool = False

    @property
    def is_audio(self) -> bool:
        """Whether it is an audio track."""
        return self.kind == _TYPE_AUDIO


def doc_type(header: bytes) -> str:
    """Return the document type in the content of an EBML header, `matroska` where it is left out.

    Raises:
        ValueError: malformed.
    """
    for element, content in children(header):
        if element == _DOC_TYPE:
            return content.rstrip(b"\0").decode("ascii", "replace")
    return "matroska"


def read_tracks(body: bytes) -> list[Track]:
    """Return the tracks in the content of a Tracks element.

    Raises:
        ValueError: malformed.
    """
    return [_track(content) for element, content in children(body) if element == _TRACK_ENTRY]


def _track(body: bytes) -> Track:
    track = Track()
    for element, content in children(body):
        if element == _TRACK_NUMBER:
            track.number = _unsigned(content)
        elif element == _TRACK_TYPE:
            track.kind = _unsigned(content)
        elif element == _CODEC_ID:
            track.codec = content.rstrip(b"\0").decode("ascii", "replace")
        elif element == _CODEC_PRIVATE:
            track.private = content
        elif element == _CODEC_DELAY:
            track.delay_ns = _unsigned(content)
        elif element == _ENCODINGS:
            track.encoded = True
            track.encrypted = _has_encryption(content)
        elif element == _AUDIO:
            for inner, value in children(content):
                if inner == _RATE:
                    track.rate = _float(value)
                elif inner == _CHANNELS:
                    track.channels = _unsigned(value)
    return track


def _has_encryption(encodings: bytes) -> bool:
    return any(inner == _ENCRYPTION for _, encoding in children(encodings) for inner, _ in children(encoding))


def _unsigned(content: bytes) -> int:
    if len(content) > 8:
        raise ValueError("integer longer than 8 bytes")
    return int.from_bytes(content, "big")


def signed(content: bytes) -> int:
    """Read a signed integer element.

    Raises:
        ValueError: longer than 8 bytes.
    """
    if len(content) > 8:
        raise ValueError("integer longer than 8 bytes")
    return int.from_bytes(content, "big", signed=True)


def _float(content: bytes) -> float:
    if len(content) not in (0, 4, 8):
        raise ValueError("float of an odd length")
    return 0.0 if not content else struct.unpack(">f" if len(content) == 4 else ">d", content)[0]


def plain_blocks(buffer: bytes | bytearray, at: int, limit: int, track: int) -> list[tuple[int, int, int]]:
    """Find simple blocks of one track that follow upon one another, whole and with one frame each.

    Args:
        buffer: of which a cluster is being read.
        at: where in it its next element begins.
        limit: where the cluster or what is there of it ends.
        track: the track's number.

    Returns:
        Where each block begins, where its frame does and where both end, up to the first element that is anything
        else or is written in an unusual way.
    """
    found = []
    number = 0x80 | track if track < 0x7F else -1
    while at + _SHORTEST_BLOCK <= limit and buffer[at] == SIMPLE_BLOCK:
        size, inside = buffer[at + 1], at + 2
        length = size & 0x7F
        if size < 0x80:
            length, inside = (size & 0x3F) << 8 | buffer[inside], inside + 1
        stop = inside + length
        if size < 0x40 or size == 0xFF or length == 0x3FFF or length < 4 or stop > limit:
            break
        if buffer[inside] != number or buffer[inside + 3] & _LACING:
            break
        found.append((at, inside + 4, stop))
        at = stop
    return found


def block_frames(block: bytes, number: int) -> list[bytes]:
    """Return the frames of a block, whichever way it is laced.

    Args:
        block: the content of a Block or SimpleBlock.
        number: bytes of the track number that it begins with.

    Raises:
        ValueError: the lacing contradicts the block's size.
    """
    at = number + 3
    if len(block) < at:
        raise ValueError("block cut short")
    lacing = block[at - 1] & _LACING
    if not lacing:
        return [block[at:]]
    if at >= len(block):
        raise ValueError("lacing cut short")
    count, at = block[at] + 1, at + 1
    if lacing == 0x04:
        size, odd = divmod(len(block) - at, count)
        if odd:
            raise ValueError("frames of a fixed lacing differ")
        sizes = [size] * count
    else:
        sizes, at = _xiph_sizes(block, at, count) if lacing == 0x02 else _ebml_sizes(block, at, count)
        sizes.append(len(block) - at - sum(sizes))
    if min(sizes) < 0:
        raise ValueError("lacing larger than its block")
    frames = []
    for size in sizes:
        frames.append(block[at : at + size])
        at += size
    return frames


def _xiph_sizes(block: bytes, at: int, count: int) -> tuple[list[int], int]:
    sizes = []
    for _ in range(count - 1):
        size = 0
        while True:
            if at >= len(block):
                raise ValueError("lacing cut short")
            part = block[at]
            size, at = size + part, at + 1
            if part != 255:
                break
        sizes.append(size)
    return sizes, at


def _ebml_sizes(block: bytes, at: int, count: int) -> tuple[list[int], int]:
    sizes: list[int] = []
    for _ in range(count - 1):
        read = read_size(block, at)
        if read is None or read[0] == UNKNOWN:
            raise ValueError("lacing cut short")
        value, length = read
        at += length
        # all but the first are differences, biased to be unsigned
        sizes.append(sizes[-1] + value - ((1 << (7 * length - 1)) - 1) if sizes else value)
        if sizes[-1] < 0:
            raise ValueError("lacing with a negative size")
    return sizes, at
