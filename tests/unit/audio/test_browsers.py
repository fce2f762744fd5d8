"""What browsers really send: recordings by the MediaRecorder of Chromium 156 and Firefox 153, in slices of 250 ms.

Chromium's is one of the suite's synthetic phrases as 48 kHz stereo; Firefox's are the tone of its own fake microphone,
which it labels 44.1 kHz mono.
"""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.signal import ShortTimeFFT, correlate

from actors.audio.decode import open_decoder
from actors.values import SAMPLE_RATE, Pcm
from tests.recordings import ASSETS, spoken
from tests.unit.audio.containers import decoded, fed, loudest_hz, reference

CHROME = ASSETS / "mediarecorder_chrome.webm"
FIREFOX = ASSETS / "mediarecorder_firefox.webm"
FIREFOX_OGG = ASSETS / "mediarecorder_firefox.ogg"
UNKNOWN_SEGMENT = b"\x18\x53\x80\x67\x01" + b"\xff" * 7
UNKNOWN_CLUSTER = b"\x1f\x43\xb6\x75\x01" + b"\xff" * 7


@pytest.mark.parametrize(
    ("path", "encoding", "rate", "channels", "seconds"),
    [
        (CHROME, "webm-opus", 48_000, 2, 3.96),
        (FIREFOX, "webm-opus", 44_100, 1, 3.0),
        (FIREFOX_OGG, "ogg-opus", 44_100, 1, 3.0),
    ],
)
def test_a_browsers_recording_is_told_from_its_first_bytes_and_decoded_as_libav_does(
    path: Path, encoding: str, rate: int, channels: int, seconds: float
) -> None:
    raw = path.read_bytes()
    decoder = open_decoder()
    first = decoder.feed(raw[:600])
    assert (decoder.encoding, decoder.sample_rate, decoder.channels) == (encoding, rate, channels)
    pcm = np.concatenate([first, decoder.feed(raw[600:]), decoder.flush()])
    assert len(pcm) / SAMPLE_RATE == pytest.approx(seconds, abs=0.02)
    whole = reference(raw)
    length = min(len(whole), len(pcm))
    assert likeness_db(whole[:length], pcm[:length]) > 30


def likeness_db(reference: Pcm, other: Pcm) -> float:
    """Return how far two sounds' magnitudes up to 6 kHz differ, in dB below the first one's.

    Not their samples: in Chromium's mode, a mix of both codecs of Opus, libav's mono comes 1/24 ms after its stereo.
    """
    transform = ShortTimeFFT.from_window("hann", SAMPLE_RATE, 1_024, 768)
    one, two = (np.abs(transform.stft(pcm))[:384] for pcm in (reference, other))
    return float(10 * np.log10(np.mean(one**2) / max(np.mean((one - two) ** 2), 1e-9)))


def test_what_was_played_to_chromium_is_what_is_heard() -> None:
    played, heard = spoken("tosse").astype(np.float64), decoded(CHROME.read_bytes()).astype(np.float64)
    similarity = correlate(heard, played[: len(heard) - SAMPLE_RATE // 2], mode="valid")
    at = int(similarity.argmax())
    length = len(heard) - SAMPLE_RATE // 2
    both = np.linalg.norm(heard[at : at + length]) * np.linalg.norm(played[:length])
    assert similarity[at] / both > 0.95


@pytest.mark.parametrize("path", [FIREFOX, FIREFOX_OGG])
def test_firefoxs_fake_microphone_is_a_tone_of_1_khz(path: Path) -> None:
    assert loudest_hz(decoded(path.read_bytes())) == pytest.approx(1_000, abs=1)


def test_the_segments_of_both_browsers_and_the_clusters_of_chromium_have_no_known_size() -> None:
    chrome, firefox = CHROME.read_bytes(), FIREFOX.read_bytes()
    assert UNKNOWN_SEGMENT in chrome
    assert UNKNOWN_CLUSTER in chrome
    assert UNKNOWN_SEGMENT in firefox


@pytest.mark.parametrize("path", [CHROME, FIREFOX, FIREFOX_OGG])
@given(sizes=st.lists(st.integers(1, 2_000), min_size=1, max_size=5))
@settings(max_examples=15, deadline=None)
def test_where_a_browsers_recording_is_cut_never_changes_a_sample(path: Path, sizes: list[int]) -> None:
    raw = path.read_bytes()
    assert np.array_equal(decoded(raw), fed(open_decoder(), raw, sizes))
