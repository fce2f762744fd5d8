"""Measuring phrases, against plain definitions and known sounds."""

import dataclasses
import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from actors.audio.biometrics import measure
from actors.audio.pitch import pitch_track
from actors.values import Pcm
from tests.sounds import Sound, noise, pcm, silence, tone, vowel


@pytest.mark.parametrize("f0", [70, 85, 110, 147.3, 185, 220, 261.6, 330, 400, 480])
def test_the_pitch_of_a_vowel_is_its_fundamental(f0: float) -> None:
    measured = measure(pcm(vowel(f0, 1.0)))
    assert measured.pitch_mean_hz == pytest.approx(f0, rel=0.01)
    assert measured.pitch_std_hz is not None
    assert measured.pitch_std_hz < 0.02 * f0


@pytest.mark.parametrize("f0", [65, 120, 240, 490])
def test_the_pitch_of_a_tone_in_noise_is_its_frequency(f0: float) -> None:
    measured = measure(pcm(tone(f0, 1.0, 0.3) + noise(1.0, 0.02)), pcm(noise(1.0, 0.02, seed=2)))
    assert measured.pitch_mean_hz == pytest.approx(f0, rel=0.02)


def test_a_missing_fundamental_is_still_the_pitch() -> None:
    sound = sum((tone(150 * k, 1.0, 0.1) for k in range(3, 9)), start=silence(1.0))
    assert measure(pcm(sound)).pitch_mean_hz == pytest.approx(150, rel=0.01)


def test_pitch_follows_a_glide() -> None:
    t = np.arange(32_000) / 16_000
    glide = 0.3 * np.sin(2 * np.pi * (100 * t + 25 * t**2))
    measured = measure(pcm(glide))
    assert measured.pitch_mean_hz == pytest.approx(150, rel=0.02)
    assert measured.pitch_std_hz == pytest.approx(100 / math.sqrt(12), rel=0.1)


def test_noise_has_no_pitch() -> None:
    assert measure(pcm(noise(2.0, 0.1))).pitch_mean_hz is None


def test_pauses_are_unvoiced() -> None:
    track = pitch_track(pcm(vowel(120, 0.5), silence(0.5), vowel(120, 0.5)).astype(np.float32) * np.float32(1 / 32_768))
    middle = track[len(track) * 2 // 5 : len(track) * 3 // 5]
    assert np.isnan(middle).all()
    assert np.isfinite(track[: len(track) // 4]).mean() > 0.9


def plain_frames(samples: Sound, fill: str) -> list[Sound]:
    padded = np.pad(samples, 1024, mode="edge") if fill == "edge" else np.pad(samples, 1024)
    return [padded[at : at + 2048] for at in range(0, len(padded) - 2047, 512)]


MIXED = pcm(vowel(140, 0.7) + noise(0.7, 0.01), noise(0.4, 0.05), tone(3_000, 0.5, 0.1))


def test_the_zero_crossing_rate_is_the_share_of_sign_changes() -> None:
    rates = []
    for frame in plain_frames(MIXED / 32_768, "edge"):
        signs = [value < 0 for value in frame]
        rates.append(sum(one != two for one, two in itertools.pairwise(signs)) / len(frame))
    assert measure(MIXED).zero_crossing_rate == pytest.approx(np.mean(rates), abs=1e-9)


def test_the_centroid_is_the_mean_frequency_weighted_by_magnitude() -> None:
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(2048) / 2048)
    hz = np.arange(1025) * 16_000 / 2048
    centroids = []
    for frame in plain_frames(MIXED / 32_768, "zero"):
        magnitude = np.abs(np.fft.rfft(frame * window))
        centroids.append((magnitude * hz).sum() / magnitude.sum())
    assert measure(MIXED).spectral_centroid_hz == pytest.approx(np.mean(centroids), rel=1e-4)


def test_a_tone_has_its_frequency_as_centroid_and_crosses_zero_twice_a_period() -> None:
    measured = measure(pcm(tone(1_000, 4.0)))
    assert measured.spectral_centroid_hz == pytest.approx(1_000, rel=0.05)
    assert measured.zero_crossing_rate == pytest.approx(2_000 / 16_000, rel=0.02)


@pytest.mark.parametrize(("hz", "band"), [(200, "low"), (1_000, "mid"), (3_500, "high")])
def test_a_tone_is_in_its_band(hz: float, band: str) -> None:
    bands = measure(pcm(tone(hz, 1.0))).bands
    assert getattr(bands, band) > 0.99
    assert bands.low is not None
    assert bands.mid is not None
    assert bands.high is not None
    assert bands.low + bands.mid + bands.high == pytest.approx(1.0)


@pytest.mark.parametrize("snr", [0, 5, 10, 20, 30])
def test_snr_is_that_of_the_mixture(snr: float) -> None:
    speech = tone(220, 2.0, 0.2)
    rms = 0.2 / math.sqrt(2) / 10 ** (snr / 20)
    phrase = pcm(speech + noise(2.0, rms))
    assert measure(phrase, pcm(noise(1.5, rms, seed=5))).snr_db == pytest.approx(snr, abs=0.5)
    assert measure(phrase, None, rms * 32_768).snr_db == pytest.approx(snr, abs=0.5)


def test_pauses_do_not_lower_the_snr() -> None:
    phrase = pcm(np.concatenate([silence(0.5), tone(220, 1.0, 0.2), silence(0.5)]) + noise(2.0, 0.0141))
    assert measure(phrase, pcm(noise(1.0, 0.0141, seed=9))).snr_db == pytest.approx(20, abs=0.7)


def test_without_a_profile_the_quietest_frames_are_the_noise() -> None:
    phrase = pcm(np.concatenate([silence(0.5), tone(220, 1.0, 0.2), silence(0.5)]) + noise(2.0, 0.0141))
    assert measure(phrase).snr_db == pytest.approx(20, abs=2)


def test_levels_are_of_full_scale() -> None:
    measured = measure(pcm(tone(500, 2.0, 0.5)))
    assert measured.peak_dbfs == pytest.approx(20 * math.log10(0.5), abs=0.01)
    assert measured.rms_max == pytest.approx(0.5 / math.sqrt(2), rel=0.01)
    assert measured.clipping_ratio == 0
    assert measured.dc_offset == pytest.approx(0, abs=1e-4)


def test_clipping_and_offset_are_seen() -> None:
    measured = measure(pcm(tone(100, 1.0, 2.0)))
    assert measured.clipping_ratio == pytest.approx(2 / 3, abs=0.01)
    assert measured.peak_dbfs == 0
    assert measure(pcm(tone(100, 1.0, 0.1) + 0.05)).dc_offset == pytest.approx(0.05, abs=1e-4)


@pytest.mark.parametrize(
    "samples",
    [
        np.zeros(0, dtype=np.int16),
        np.zeros(1, dtype=np.int16),
        np.zeros(20_000, dtype=np.int16),
        np.array([7], dtype=np.int16),
        np.full(5_000, -32_768, dtype=np.int16),
        np.full(5_000, 32_767, dtype=np.int16),
        np.tile(np.array([32_767, -32_768], dtype=np.int16), 3_000),
    ],
)
@pytest.mark.parametrize("noise_rms", [None, 0.0, 500.0, float("nan")])
def test_nothing_is_ever_no_number(samples: Pcm, noise_rms: float | None) -> None:
    values = dataclasses.asdict(measure(samples, None, noise_rms))
    values.update(values.pop("bands"))
    assert all(value is None or (type(value) is float and math.isfinite(value)) for value in values.values())


@given(st.integers(0, 3_000), st.integers(0, 2**32 - 1), st.integers(1, 32_767))
@settings(max_examples=40, deadline=None)
def test_any_samples_can_be_measured(length: int, seed: int, level: int) -> None:
    samples = np.random.default_rng(seed).integers(-level, level + 1, length).astype(np.int16)
    values = dataclasses.asdict(measure(samples, samples[: length // 2], 10.0))
    values.update(values.pop("bands"))
    assert all(value is None or math.isfinite(value) for value in values.values())
    assert 0 <= values["zero_crossing_rate"] <= 1
