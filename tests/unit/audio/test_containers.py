"""Decoding WebM, Ogg and everything else, cut anywhere."""

import io
import struct

import av
import numpy as np
import psutil
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from actors.audio.decode import AudioUndecodableError, open_decoder
from actors.audio.ffmpeg import FfmpegDecoder
from actors.audio.ogg import page_checksum
from actors.audio.opus import OpusHead, packet_duration
from actors.audio.webm import WebmDecoder
from tests.unit.audio.containers import decoded, encoded, fed, loudest_hz, reference, snr_db

SIZES = st.lists(st.integers(1, 700), min_size=1, max_size=5)


@pytest.mark.parametrize("container", ["webm", "ogg"])
@pytest.mark.parametrize("layout", ["mono", "stereo"])
def test_opus_decodes_to_what_libav_makes_of_the_whole_file(container: str, layout: str) -> None:
    raw = encoded(container, "libopus", layout=layout)
    pcm = decoded(raw, chunk=333)
    assert len(pcm) == 16_000
    assert snr_db(reference(raw)[:16_000], pcm) > 40


@pytest.mark.parametrize("container", ["webm", "ogg", "matroska"])
def test_an_opus_stream_says_what_it_is_once_its_header_is_complete(container: str) -> None:
    raw = encoded(container, "libopus")
    decoder = open_decoder()
    decoder.feed(raw[:20])
    before = decoder.encoding
    decoder.feed(raw[20:])
    expected = "ogg-opus" if container == "ogg" else "webm-opus"
    assert before is None
    assert (decoder.encoding, decoder.sample_rate, decoder.channels) == (expected, 48_000, 2)


@pytest.mark.parametrize("container", ["webm", "ogg"])
@given(sizes=SIZES)
@settings(max_examples=25, deadline=None)
def test_where_an_opus_stream_is_cut_never_changes_a_sample(container: str, sizes: list[int]) -> None:
    raw = encoded(container, "libopus")
    assert np.array_equal(decoded(raw), fed(open_decoder(), raw, sizes))


@pytest.mark.parametrize("container", ["webm", "ogg"])
def test_an_opus_stream_may_come_byte_by_byte(container: str) -> None:
    raw = encoded(container, "libopus", seconds=0.3)
    assert np.array_equal(decoded(raw), decoded(raw, chunk=1))


def test_a_webm_with_a_video_track_first_gives_its_audio() -> None:
    pcm = decoded(encoded("webm", "libopus", video="libvpx"), chunk=500)
    assert len(pcm) == 16_000
    assert loudest_hz(pcm) == pytest.approx(440, abs=2)


def test_a_webm_without_audio_has_no_audio() -> None:
    target = io.BytesIO()
    with av.open(target, "w", format="webm") as file:
        stream = file.add_stream("libvpx", rate=10)
        stream.width = stream.height = 64
        stream.pix_fmt = "yuv420p"
        frame = av.VideoFrame.from_ndarray(np.zeros((64, 64, 3), dtype=np.uint8), format="rgb24")
        frame.pts = 0
        file.mux(stream.encode(frame))
        file.mux(stream.encode(None))
    with pytest.raises(AudioUndecodableError) as caught:
        decoded(target.getvalue())
    assert caught.value.code == "no_audio"


def test_segment_and_clusters_of_unknown_size_are_a_live_recording() -> None:
    raw = live_webm(encoded("webm", "libopus"))
    assert np.array_equal(decoded(raw, chunk=97), decoded(encoded("webm", "libopus")))


def live_webm(raw: bytes) -> bytes:
    """Give the segment and every cluster an unknown size, as a live muxer writes them."""
    raw = raw[: raw.rindex(b"\x1c\x53\xbb\x6b")]
    segment = raw.index(b"\x18\x53\x80\x67")
    out = bytearray(raw)
    out[segment + 4 : segment + 12] = b"\x01" + b"\xff" * 7
    at = raw.index(b"\x1f\x43\xb6\x75")
    while at >= 0:
        length = 9 - out[at + 4].bit_length()
        out[at + 4 : at + 4 + length] = ((1 << 7 * length + 1) - 1).to_bytes(length, "big")
        at = raw.find(b"\x1f\x43\xb6\x75", at + 4)
    return bytes(out)


def test_two_recordings_behind_one_another_are_both_heard() -> None:
    for container in ("webm", "ogg"):
        raw = encoded(container, "libopus", seconds=0.5)
        assert len(decoded(raw + raw, chunk=211)) == 16_000


def test_a_damaged_ogg_page_costs_only_itself() -> None:
    raw = bytearray(encoded("ogg", "libopus", seconds=4))
    pages = [at for at in range(len(raw)) if raw[at : at + 4] == b"OggS"]
    assert len(pages) >= 5
    raw[pages[3] + 200] ^= 0xFF
    pcm = decoded(bytes(raw), chunk=1000)
    assert 40_000 < len(pcm) < 64_000


def test_the_page_checksum_is_the_one_that_libav_writes() -> None:
    raw = encoded("ogg", "libopus")
    segments = raw[26]
    page = raw[: 27 + segments + sum(raw[27 : 27 + segments])]
    assert page_checksum(page[:22] + bytes(4) + page[26:]) == int.from_bytes(page[22:26], "little")


@pytest.mark.parametrize(
    ("container", "codec", "video", "fragmented"),
    [
        ("mp3", "libmp3lame", None, False),
        ("flac", "flac", None, False),
        ("adts", "aac", None, False),
        ("mp4", "aac", None, False),
        ("mp4", "aac", None, True),
        ("matroska", "aac", "mpeg4", False),
        ("ogg", "flac", None, False),
        ("avi", "libmp3lame", "mpeg4", False),
        ("mpegts", "aac", None, False),
        ("aiff", "pcm_s16be", None, False),
    ],
)
@given(sizes=st.lists(st.integers(50, 20_000), min_size=1, max_size=4))
@settings(max_examples=3, deadline=None)
def test_other_formats_go_through_ffmpeg_whole_however_they_are_cut(
    container: str, codec: str, video: str | None, sizes: list[int], *, fragmented: bool
) -> None:
    raw = encoded(container, codec, rate=44_100, video=video, fragmented=fragmented, seconds=2, frame_size=1_024)
    decoder = open_decoder()
    pcm = fed(decoder, raw, sizes)
    assert decoder.encoding == "ffmpeg"
    assert 32_000 <= len(pcm) < 33_300
    assert loudest_hz(pcm[4_000:28_000]) == pytest.approx(440, abs=2)
    assert np.array_equal(pcm, decoded(raw))


def test_a_long_mp4_with_its_index_at_the_end_is_decoded_at_its_end() -> None:
    raw = encoded("mp4", "aac", rate=44_100, seconds=20, frame_size=1_024)
    assert raw.index(b"mdat") < raw.index(b"moov")
    assert len(decoded(raw, chunk=5_000)) == 320_000


def test_closing_a_decoder_leaves_no_process_behind() -> None:
    decoder = FfmpegDecoder("mp3")
    decoder.feed(encoded("mp3", "libmp3lame", rate=44_100, frame_size=1_152)[:3_000])
    children = psutil.Process().children()
    assert [child for child in children if "ffmpeg" in child.name()]
    decoder.close()
    assert not [child for child in psutil.Process().children() if "ffmpeg" in child.name()]


def test_a_forgotten_decoder_takes_its_process_along() -> None:
    decoder = FfmpegDecoder("mp3")
    decoder.feed(b"\xff\xfb\x90\x00" + bytes(413))
    del decoder
    assert not [child for child in psutil.Process().children() if "ffmpeg" in child.name()]


def test_bytes_that_ffmpeg_finds_no_audio_in_are_undecodable() -> None:
    with pytest.raises(AudioUndecodableError) as caught:
        decoded(b"fLaC" + bytes(5_000))
    assert caught.value.code == "decoder_failed"


def test_a_decoder_for_an_unknown_encoding_or_demuxer_is_refused() -> None:
    with pytest.raises(ValueError, match="encoding"):
        open_decoder("mp5")
    with pytest.raises(ValueError, match="demuxer"):
        FfmpegDecoder("concat")


HUGE = b"\x01" + (2**40).to_bytes(7, "big")


def live_head() -> bytes:
    """A live WebM up to and including the header of its first cluster."""
    raw = live_webm(encoded("webm", "libopus"))
    at = raw.index(b"\x1f\x43\xb6\x75") + 4
    return raw[: at + 9 - raw[at].bit_length()]


def test_a_block_of_hostile_size_is_refused_before_it_is_buffered() -> None:
    with pytest.raises(AudioUndecodableError) as caught:
        decoded(live_head() + b"\xa3" + HUGE + b"\x81" + bytes(50))
    assert caught.value.code == "too_large"


def test_tracks_of_hostile_size_are_refused_before_they_are_buffered() -> None:
    head = live_head()
    with pytest.raises(AudioUndecodableError) as caught:
        decoded(head[: head.rindex(b"\x16\x54\xae\x6b")] + b"\x16\x54\xae\x6b" + HUGE + bytes(50))
    assert caught.value.code == "too_large"


def test_an_unknown_element_of_any_size_is_skipped_without_being_held() -> None:
    decoder = WebmDecoder()
    decoder.feed(live_head() + b"\xec" + HUGE)
    for _ in range(100):
        assert decoder.feed(bytes(10_000)).size == 0
        assert len(decoder._buffer) == 0
    decoder.close()


def test_samples_before_a_fault_are_given_before_it_is_raised() -> None:
    raw = live_webm(encoded("webm", "libopus"))
    decoder = open_decoder("webm-opus")
    pcm = decoder.feed(raw + b"\xa1\x01" + b"\x00" * 9)
    assert len(pcm) > 15_000
    with pytest.raises(AudioUndecodableError) as caught:
        decoder.feed(b"more")
    assert caught.value.code == "bad_container"
    assert len(raw) <= caught.value.byte_offset <= len(raw) + 11


def test_packets_that_never_decode_are_corrupt() -> None:
    pages = [ogg_page(0, b"OpusHead" + struct.pack("<BBHIhB", 1, 1, 0, 48_000, 0, 0), flags=2)]
    pages.append(ogg_page(1, b"OpusTags" + bytes(8)))
    pages += [ogg_page(number, b"\xff\xff" + bytes(20)) for number in range(2, 70)]
    with pytest.raises(AudioUndecodableError) as caught:
        decoded(b"".join(pages), chunk=1)
    assert caught.value.code == "corrupt"


def ogg_page(sequence: int, packet: bytes, *, flags: int = 0) -> bytes:
    """Build a page of one packet, shorter than 255 bytes."""
    head = struct.pack("<4sBBqII", b"OggS", 0, flags, 960 * sequence, 7, sequence)
    tail = bytes([1, len(packet)]) + packet
    return head + struct.pack("<I", page_checksum(head + bytes(4) + tail)) + tail


@pytest.mark.parametrize(
    ("packet", "samples"),
    [
        (b"\x00", 480),
        (b"\x08", 960),
        (b"\x60", 480),
        (b"\x80", 120),
        (b"\xf8", 960),
        (b"\xf9", 1_920),
        (b"\xfb\x03", 2_880),
    ],
)
def test_a_packet_tells_its_duration(packet: bytes, samples: int) -> None:
    assert packet_duration(packet) == samples


def test_a_packet_of_more_than_120_ms_or_of_no_bytes_has_no_duration() -> None:
    assert packet_duration(b"\xfb\x3f") == 0
    assert packet_duration(b"") == 0
    assert packet_duration(b"\xfb") == 0


@pytest.mark.parametrize(
    "raw", [b"", b"OpusHead", b"OpusTags" + bytes(11), b"OpusHead\x10" + bytes(10), b"OpusHead\x01\x03" + bytes(9)]
)
def test_a_bad_opus_header_is_refused(raw: bytes) -> None:
    with pytest.raises(ValueError, match=r"Opus|channels|mapping"):
        OpusHead.parse(raw)


def test_an_mp4_whose_last_box_promises_more_than_came_ends_where_it_ended() -> None:
    raw = b"\0\0\0\x14ftypisom\0\0\0\0isom" + (50_000).to_bytes(4, "big") + b"free" + bytes(100)
    with pytest.raises(AudioUndecodableError) as caught:
        decoded(raw, chunk=7)
    assert (caught.value.code, caught.value.byte_offset) == ("truncated", len(raw))
