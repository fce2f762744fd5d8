"""Telling what a stream is from its first bytes, which may come one at a time."""

from typing import Final, Literal

Kind = Literal["webm", "ogg", "wav", "pcm", "unsupported"] | str
"""A decoder of ours, or the name of an ffmpeg demuxer."""

_PREFIXES: Final[tuple[tuple[bytes, str], ...]] = (
    (b"\x1aE\xdf\xa3", "webm"),
    (b"OggS", "ogg"),
    (b"fLaC", "flac"),
    (b"caff\x00\x01", "caf"),
    (b".snd", "au"),
    (b"#!AMR", "amr"),
    (b"FLV\x01", "flv"),
    (b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", "asf"),
    (b"riff\x2e\x91\xcf\x11\xa5\xd6\x28\xdb", "w64"),
)
_FORMS: Final = {
    (b"RIFF", b"WAVE"): "wav",
    (b"RF64", b"WAVE"): "wav",
    (b"RIFX", b"WAVE"): "rifx",
    (b"RIFF", b"AVI "): "avi",
    (b"FORM", b"AIFF"): "aiff",
    (b"FORM", b"AIFC"): "aiff",
}
"""Chunk files: what the first four bytes and those from the ninth on make together."""
_MP4_BOXES: Final = frozenset({b"ftyp", b"styp", b"moov", b"mdat", b"wide", b"free", b"skip", b"moof"})
_TS_PACKET: Final = 188


def sniff(start: bytes, *, ended: bool = False) -> Kind | None:
    """Name what a stream is.

    Args:
        start: its first bytes.
        ended: no more will come.

    Returns:
        The kind, or None where more bytes are needed to tell (never more than about 9 kB). What nothing else claims
        is raw PCM.
    """
    undecided = False
    for magic, kind in _PREFIXES:
        if start.startswith(magic):
            return kind
        undecided |= magic.startswith(start)
    for test in (_form, _mp4, _id3, _mpeg_audio, _transport_stream):
        verdict = test(start)
        if verdict is None:
            undecided = True
        elif verdict:
            return verdict
    return None if undecided and not ended else "pcm"


def _form(start: bytes) -> str | None:
    head, kind = start[:4], start[8:12]
    matching = [form for (first, form) in _FORMS if first.startswith(head)]
    if not matching:
        return ""
    if len(start) < 12:
        return None
    return _FORMS.get((head, kind), "unsupported")


def _mp4(start: bytes) -> str | None:
    if start[:1] not in (b"", b"\0"):
        return ""
    if len(start) < 8:
        return None if any(box.startswith(start[4:]) for box in _MP4_BOXES) else ""
    size = int.from_bytes(start[:4], "big")
    return "mov" if start[4:8] in _MP4_BOXES and (size == 1 or size >= 8) else ""


def _id3(start: bytes) -> str | None:
    if not b"ID3".startswith(start[:3]):
        return ""
    if len(start) < 5:
        return None
    return "mp3" if start[3] < 5 and start[4] < 0xFF else ""


def _mpeg_audio(start: bytes) -> str | None:
    """MPEG audio or ADTS: two bytes alone may be a sample, so the next frame's must be where this one ends."""
    if (start and start[0] != 0xFF) or (len(start) > 1 and start[1] & 0xE0 != 0xE0):
        return ""
    if len(start) < 6:
        return None
    kind, length = ("aac", _adts_length(start)) if start[1] & 0xF6 == 0xF0 else ("mp3", _mpeg_length(start))
    if not length:
        return ""
    if len(start) < length + 2:
        return None
    same = start[length] == 0xFF and start[length + 1] & 0xFE == start[1] & 0xFE
    return kind if same else ""


def _adts_length(header: bytes) -> int:
    rate_index = header[2] >> 2 & 0x0F
    length = (header[3] & 0x03) << 11 | header[4] << 3 | header[5] >> 5
    return length if rate_index < 13 and length >= 7 else 0


_BITRATES: Final = {
    (True, 1): (32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448),
    (True, 2): (32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384),
    (True, 3): (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    (False, 1): (32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256),
    (False, 2): (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
    (False, 3): (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
"""kbit/s by (MPEG-1, layer) and index less one: ISO/IEC 11172-3 and 13818-3."""


def _mpeg_length(header: bytes) -> int:
    version, layer = header[1] >> 3 & 3, 4 - (header[1] >> 1 & 3)
    index, rate = header[2] >> 4, header[2] >> 2 & 3
    if version == 1 or layer == 4 or not 0 < index < 15 or rate == 3:
        return 0
    kbps = _BITRATES[(version == 3, layer)][index - 1]
    hz = (44_100, 48_000, 32_000)[rate] >> {3: 0, 2: 1, 0: 2}[version]
    padding = header[2] >> 1 & 1
    if layer == 1:
        return (12_000 * kbps // hz + padding) * 4
    return (72_000 if layer == 3 and version != 3 else 144_000) * kbps // hz + padding


def _transport_stream(start: bytes) -> str | None:
    if start[:1] not in (b"", b"\x47") or (len(start) > _TS_PACKET and start[_TS_PACKET] != 0x47):
        return ""
    if len(start) <= 2 * _TS_PACKET:
        return None
    return "mpegts" if start[2 * _TS_PACKET] == 0x47 else ""
