"""Going on in the middle: a fresh decoder at a bookmark gives the samples of one that heard everything."""

from collections.abc import Callable
from unittest.mock import Mock

import numpy as np
import pytest

from actors.audio.bookmarks import Bookmarks
from actors.audio.decode import open_decoder
from actors.audio.decoder import Decoder
from actors.audio.pcm import PcmDecoder
from actors.values import SAMPLE_RATE, Pcm
from events.catalogue import Bookmark
from tests.recordings import conversation, ogg, wav, webm
from tests.sounds import tone
from tests.unit.audio.containers import encoded
from tests.unit.audio.containers import wav as wav_of

PCM = np.concatenate([conversation("dor_de_cabeca", "tosse")] * 3)
SETTLED = 5 * SAMPLE_RATE
"""Samples after a jump from which on everything is bit-exact."""


def stereo(rate: int, seconds: float = 9.0) -> bytes:
    sound = np.rint(tone(440, seconds, rate=rate) * 32_768).astype("<i2")
    return np.repeat(sound[:, None], 2, axis=1).tobytes()


STREAMS: dict[str, tuple[Callable[[], Decoder], bytes]] = {
    "pcm": (lambda: open_decoder("pcm_s16le"), PCM.tobytes()),
    "pcm 44.1 kHz stereo": (lambda: PcmDecoder(44_100, 2), stereo(44_100)),
    "pcm 8 kHz stereo": (lambda: PcmDecoder(8_000, 2), stereo(8_000)),
    "wav": (lambda: open_decoder("wav"), wav(PCM)),
    "wav 44.1 kHz stereo": (lambda: open_decoder("wav"), wav_of(stereo(44_100), rate=44_100, channels=2)),
    "webm": (lambda: open_decoder("webm-opus"), webm(PCM)),
    "ogg": (lambda: open_decoder("ogg-opus"), ogg(PCM)),
    "detected": (lambda: open_decoder("auto"), webm(PCM)),
}


def decode_with_bookmarks(decoder: Decoder, data: bytes, piece: int) -> tuple[Pcm, list[Bookmark]]:
    parts, bookmarks = [], []
    for at in range(0, len(data), piece):
        parts.append(decoder.feed(data[at : at + piece]))
        noted = decoder.bookmark()
        if noted is not None:
            bookmarks.append(noted)
            assert noted.byte_offset <= at + piece
    return np.concatenate([*parts, decoder.flush()]), bookmarks


@pytest.mark.parametrize("kind", STREAMS)
def test_a_fresh_decoder_goes_on_at_a_bookmark_where_the_other_one_stood(kind: str) -> None:
    fresh, data = STREAMS[kind]
    whole, bookmarks = decode_with_bookmarks(fresh(), data, max(997, len(data) // 60))
    assert len(bookmarks) > 20
    for bookmark in bookmarks[:: len(bookmarks) // 9]:
        decoder = open_decoder(bookmark.encoding) if kind == "detected" else fresh()
        if bookmark.header_bytes:
            assert not decoder.feed(data[: bookmark.header_bytes]).size
        decoder.jump(bookmark)
        rest = np.concatenate([decoder.feed(data[bookmark.byte_offset :]), decoder.flush()])
        expected = whole[bookmark.sample :]
        assert len(rest) == len(expected)
        assert np.array_equal(rest[SETTLED:], expected[SETTLED:])
        if kind in ("pcm", "wav"):
            assert np.array_equal(rest, expected)


@pytest.mark.parametrize("kind", STREAMS)
def test_a_decoder_that_went_on_makes_the_same_bookmarks(kind: str) -> None:
    fresh, data = STREAMS[kind]
    piece = max(997, len(data) // 60)
    _, bookmarks = decode_with_bookmarks(fresh(), data, piece)
    first = bookmarks[len(bookmarks) // 3]
    decoder = open_decoder(first.encoding) if kind == "detected" else fresh()
    decoder.feed(data[: first.header_bytes])
    decoder.jump(first)
    decoder.feed(data[first.byte_offset : piece * 50])
    other = fresh()
    other.feed(data[: piece * 50])
    assert decoder.bookmark() == other.bookmark() is not None


def test_there_is_no_bookmark_within_the_header() -> None:
    for kind in ("wav", "webm", "ogg", "detected"):
        fresh, data = STREAMS[kind]
        decoder = fresh()
        decoder.feed(data[:20])
        assert decoder.bookmark() is None


def test_other_formats_can_only_begin_at_the_first_byte() -> None:
    decoder = open_decoder("auto")
    decoder.feed(encoded("mp3", "mp3"))
    assert decoder.bookmark() is None
    with pytest.raises(ValueError, match="middle"):
        decoder.jump(Bookmark(encoding="ffmpeg", header_bytes=0, byte_offset=9, sample=9, place=()))
    decoder.close()


@pytest.mark.parametrize("kind", ["wav", "webm", "ogg", "pcm"])
def test_a_bookmark_of_another_stream_is_refused(kind: str) -> None:
    fresh, data = STREAMS[kind]
    decoder = fresh()
    decoder.feed(data[:200])
    with pytest.raises(ValueError, match="bookmark of another"):
        decoder.jump(Bookmark(encoding="flac", header_bytes=0, byte_offset=0, sample=0, place=()))


DUE = [(30 * number - 6) * SAMPLE_RATE for number in (1, 2, 3)]


@pytest.mark.parametrize("ms", [20, 100, 1_000, 1_999, 3_500, 10_000])
def test_the_last_place_before_each_that_is_due_is_noted_once_it_is_past(ms: int) -> None:
    decoder, step = PcmDecoder(), ms * 16
    bookmarks, noted = Bookmarks(decoder), []
    for number in range(1, 100_000 // ms):
        bookmarks.given(decoder.feed(bytes(2 * step)).size)
        found = bookmarks.due()
        if found is not None:
            noted.append((found.sample, number * step))
    assert [sample for sample, _ in noted] == [due - due % step for due in DUE]
    assert [at for _, at in noted] == [due - due % step + step for due in DUE]


def test_a_place_is_found_where_what_was_given_in_pieces_is_past_it() -> None:
    decoder = PcmDecoder()
    bookmarks = Bookmarks(decoder)
    for _ in range(2):
        decoder.feed(bytes(2 * 20 * SAMPLE_RATE))
        for _ in range(20):
            bookmarks.given(SAMPLE_RATE)
        found = bookmarks.due()
    assert found is not None
    assert found.sample == 20 * SAMPLE_RATE


def test_after_a_jump_the_next_place_is_due_where_it_would_have_been() -> None:
    decoder = PcmDecoder()
    bookmarks = Bookmarks(decoder)
    place = Bookmark(encoding="pcm_s16le", header_bytes=0, byte_offset=2 * DUE[0], sample=DUE[0], place=())
    decoder.jump(place)
    bookmarks.go_on(place)
    noted = []
    for _ in range(350):
        bookmarks.given(decoder.feed(bytes(2 * SAMPLE_RATE // 10)).size)
        noted.append(bookmarks.due())
    assert [found.sample for found in noted if found is not None] == [DUE[1]]


def test_a_decoder_is_not_asked_where_no_place_is_due_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = Mock()
    monkeypatch.setattr(PcmDecoder, "bookmark", asked)
    bookmarks = Bookmarks(PcmDecoder())
    for _ in range(19 * 50):
        bookmarks.given(SAMPLE_RATE // 50)
        bookmarks.due()
    assert not asked.called
