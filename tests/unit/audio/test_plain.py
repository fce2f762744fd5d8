"""Decoding raw PCM and WAV, cut anywhere, and telling what a stream is."""

import struct

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from actors.audio.decode import AudioUndecodableError, open_decoder
from actors.audio.pcm import PcmDecoder
from actors.audio.sniff import sniff
from tests.sounds import noise, pcm, tone
from tests.unit.audio.containers import decoded, encoded, fed, loudest_hz, snr_db, wav

SIZES = st.lists(st.integers(1, 900), min_size=1, max_size=5)
SAMPLES = pcm(tone(440, 0.5) + noise(0.5, 0.05))


@given(sizes=SIZES)
@settings(max_examples=25, deadline=None)
def test_raw_pcm_passes_through_bit_for_bit_however_it_is_cut(sizes: list[int]) -> None:
    assert np.array_equal(fed(open_decoder("pcm_s16le"), SAMPLES.tobytes(), sizes), SAMPLES)


def test_an_odd_byte_at_the_end_is_dropped() -> None:
    assert np.array_equal(decoded(SAMPLES.tobytes() + b"\x01", chunk=3), SAMPLES)


@pytest.mark.parametrize(("rate", "channels"), [(8_000, 1), (48_000, 2), (44_100, 1), (192_000, 1), (16_000, 6)])
@given(sizes=SIZES)
@settings(max_examples=6, deadline=None)
def test_pcm_of_any_rate_and_channels_is_the_same_however_it_is_cut(rate: int, channels: int, sizes: list[int]) -> None:
    sound = np.rint(tone(440, 0.15, rate=rate) * 32_768).astype("<i2")
    raw = np.repeat(sound[:, None], channels, axis=1).tobytes()
    whole = fed(PcmDecoder(rate, channels), raw, [len(raw)])
    assert len(whole) == pytest.approx(2_400, abs=1)
    assert loudest_hz(whole) == pytest.approx(440, abs=8)
    assert np.array_equal(whole, fed(PcmDecoder(rate, channels), raw, sizes))


@pytest.mark.parametrize(("rate", "channels"), [(0, 1), (3_999, 1), (192_001, 1), (16_000, 0), (16_000, 33)])
def test_impossible_pcm_is_refused(rate: int, channels: int) -> None:
    with pytest.raises(ValueError, match=r"sample rate|channels"):
        open_decoder("pcm_s16le", sample_rate=rate, channels=channels)


FORMATS = {
    "u8": ((SAMPLES >> 8) + 128).astype(np.uint8).tobytes(),
    "s16": SAMPLES.tobytes(),
    "s24": b"".join(struct.pack("<i", int(sample) << 8)[:3] for sample in SAMPLES),
    "s32": (SAMPLES.astype("<i4") << 16).tobytes(),
    "f32": (SAMPLES.astype("<f4") / 32_768).tobytes(),
    "f64": (SAMPLES.astype("<f8") / 32_768).tobytes(),
}
KINDS = {"u8": (1, 8), "s16": (1, 16), "s24": (1, 24), "s32": (1, 32), "f32": (3, 32), "f64": (3, 64)}


@pytest.mark.parametrize("kind", FORMATS)
@pytest.mark.parametrize("extensible", [False, True])
@given(sizes=SIZES)
@settings(max_examples=6, deadline=None)
def test_wav_of_every_sample_format_gives_the_samples(kind: str, sizes: list[int], *, extensible: bool) -> None:
    tag, bits = KINDS[kind]
    raw = wav(FORMATS[kind], tag=tag, bits=bits, extensible=extensible)
    heard = fed(open_decoder(), raw, sizes)
    expected = SAMPLES if kind != "u8" else (SAMPLES >> 8) << 8
    assert np.array_equal(heard, expected)


@pytest.mark.parametrize(("codec", "least_db"), [("pcm_mulaw", 30), ("pcm_alaw", 30)])
def test_g711_is_expanded(codec: str, least_db: float) -> None:
    raw = encoded("wav", codec, rate=16_000, layout="mono")
    expected = pcm(tone(440, 1.0))
    assert snr_db(expected, decoded(raw, chunk=77)) > least_db


@pytest.mark.parametrize("rate", [4_000, 11_025, 22_050, 44_100, 96_000])
@given(sizes=SIZES)
@settings(max_examples=5, deadline=None)
def test_wav_of_any_rate_is_the_same_however_it_is_cut(rate: int, sizes: list[int]) -> None:
    sound = np.rint(tone(440, 0.15, rate=rate) * 32_768).astype("<i2")
    raw = wav(np.repeat(sound[:, None], 2, axis=1).tobytes(), rate=rate, channels=2)
    whole = decoded(raw)
    assert len(whole) == pytest.approx(2_400, abs=2)
    assert np.array_equal(whole, fed(open_decoder(), raw, sizes))


@pytest.mark.parametrize("size", [0, 0xFFFFFFFF])
def test_a_wav_of_unknown_size_goes_on_to_its_end(size: int) -> None:
    assert np.array_equal(decoded(wav(SAMPLES.tobytes(), size=size), chunk=1_001), SAMPLES)


def test_a_wav_that_promises_more_than_it_has_gives_what_it_has() -> None:
    assert np.array_equal(decoded(wav(SAMPLES.tobytes(), size=10**9)), SAMPLES)


def test_other_chunks_of_a_wav_are_skipped() -> None:
    extra = struct.pack("<4sI", b"LIST", 5) + b"hello\0"
    raw = wav(SAMPLES.tobytes(), before=extra, after=extra)
    for chunk in (1, 13, 100_000):
        assert np.array_equal(decoded(raw, chunk=chunk), SAMPLES)


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        (wav(b"", tag=85), "unsupported"),
        (wav(b"", channels=0, bits=16), "unsupported"),
        (wav(b"", rate=1), "unsupported"),
        (wav(b"", before=struct.pack("<4sI", b"LIST", 2**31)), "too_large"),
        (wav(b"")[:20], "truncated"),
        (b"RIFF\x04\0\0\0WAVE" + struct.pack("<4sI", b"data", 4), "bad_container"),
        (b"RIFF\x04\0\0\0CDXA" + bytes(40), "unsupported"),
    ],
)
def test_a_wav_that_cannot_be_decoded_says_why(raw: bytes, code: str) -> None:
    with pytest.raises(AudioUndecodableError) as caught:
        decoded(raw, chunk=7)
    assert caught.value.code == code
    assert 0 <= caught.value.byte_offset <= len(raw)


def test_float_samples_that_are_no_numbers_are_silence() -> None:
    raw = wav(struct.pack("<4f", float("nan"), float("inf"), float("-inf"), 2.0), tag=3, bits=32)
    assert decoded(raw).tolist() == [0, 32_767, -32_768, 32_767]


@pytest.mark.parametrize(
    ("container", "codec", "kind"),
    [
        ("webm", "libopus", "webm"),
        ("ogg", "libopus", "ogg"),
        ("wav", "pcm_s16le", "wav"),
        ("mp3", "libmp3lame", "mp3"),
        ("adts", "aac", "aac"),
        ("flac", "flac", "flac"),
        ("mp4", "aac", "mov"),
        ("avi", "libmp3lame", "avi"),
        ("mpegts", "aac", "mpegts"),
        ("flv", "aac", "flv"),
    ],
)
def test_the_first_bytes_tell_what_a_stream_is_however_slowly_they_come(container: str, codec: str, kind: str) -> None:
    rate = 44_100 if codec != "libopus" else 48_000
    raw = encoded(container, codec, rate=rate, frame_size=1_024)
    verdicts = [sniff(raw[:count]) for count in range(10_000)]
    decided = next(index for index, verdict in enumerate(verdicts) if verdict is not None)
    assert verdicts[decided] == kind
    assert sniff(raw) == kind


@given(st.binary(max_size=64))
@settings(deadline=None)
def test_every_stream_is_something_once_it_has_ended(start: bytes) -> None:
    assert sniff(start, ended=True) is not None


@given(st.integers(0, 2**32 - 1))
# One stream in some thousands has another frame's header by chance where that of the first points: always the same 50.
@settings(max_examples=50, deadline=None, derandomize=True)
def test_quiet_pcm_is_never_taken_for_a_file(seed: int) -> None:
    samples = np.random.default_rng(seed).integers(-2_000, 2_000, 8_000).astype("<i2")
    samples[0] = -1_025  # the bytes FF FB, like the sync word of MPEG audio
    raw = samples.tobytes()
    assert sniff(raw) == "pcm"
    assert np.array_equal(decoded(raw, chunk=640), samples)


def test_nothing_may_be_fed_after_the_end() -> None:
    decoder = open_decoder("pcm_s16le")
    decoder.flush()
    with pytest.raises(ValueError, match="flushed"):
        decoder.feed(b"\0\0")


def test_an_empty_stream_has_no_samples() -> None:
    for encoding in ("auto", "wav", "webm-opus", "ogg-opus", "pcm_s16le"):
        decoder = open_decoder(encoding)
        assert decoder.flush().size == 0
        decoder.close()
