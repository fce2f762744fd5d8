"""Resampling against an ideal resampler, and against what must not come through."""

import numpy as np
import pytest
from scipy.signal import resample

from actors.audio.resample import Resampler
from actors.values import SAMPLE_RATE
from tests.sounds import Sound, tone

RATES = [8_000, 11_025, 22_050, 24_000, 32_000, 44_100, 48_000, 96_000, 192_000]
EDGE = 2_000
"""Samples at either end where a filter hears the silence around the sound."""


def resampled(sound: Sound, rate: int) -> Sound:
    resampler = Resampler(rate)
    pushed = [resampler.push(part.astype(np.float32)) for part in np.array_split(sound, 37)]
    joined: Sound = np.concatenate([*pushed, resampler.flush()]) / 32_768
    return joined


def hiss(rate: int, up_to_hz: float) -> Sound:
    """Return two seconds of noise that holds nothing below 50 Hz and above a frequency."""
    spectrum = np.fft.rfft(np.random.default_rng(rate).standard_normal(2 * rate))
    hz = np.fft.rfftfreq(2 * rate, 1 / rate)
    spectrum[(hz < 50) | (hz > up_to_hz)] = 0
    sound = np.fft.irfft(spectrum)
    return sound * 0.2 / sound.std()


@pytest.mark.parametrize("rate", RATES)
def test_what_16_khz_can_hold_is_as_an_ideal_resampler_gives_it(rate: int) -> None:
    sound = hiss(rate, min(6_500, 0.425 * rate))
    ours, ideal = resampled(sound, rate), resample(sound, 2 * SAMPLE_RATE)
    assert len(ours) == 2 * SAMPLE_RATE
    middle = slice(EDGE, -EDGE)
    error = np.mean((ours[middle] - ideal[middle]) ** 2)
    assert 10 * np.log10(np.mean(ideal[middle] ** 2) / error) > 65


@pytest.mark.parametrize("rate", [rate for rate in RATES if rate > 20_000])
@pytest.mark.parametrize("hz", [9_000, 10_500, 15_000, 20_000])
def test_what_16_khz_cannot_hold_does_not_come_back_as_something_else(rate: int, hz: float) -> None:
    if hz >= 0.49 * rate:
        hz = 0.48 * rate
    heard = resampled(tone(hz, 1.0, 0.5, rate=rate), rate)[EDGE:-EDGE]
    assert np.sqrt(np.mean(heard**2)) < 0.5 / np.sqrt(2) * 10 ** (-58 / 20)


@pytest.mark.parametrize("rate", RATES)
def test_where_sound_is_cut_changes_no_sample_and_none_is_kept_back(rate: int) -> None:
    sound = hiss(rate, min(6_500, 0.425 * rate)).astype(np.float32)
    whole, pieces = Resampler(rate), Resampler(rate)
    expected = np.concatenate([whole.push(sound), whole.flush()])
    ends = np.cumsum(np.random.default_rng(rate).integers(1, rate // 20, sound.size))
    given = [pieces.push(part) for part in np.split(sound, ends[ends < sound.size])]
    late = np.cumsum([part.size for part in given]) - expected.size
    assert np.array_equal(np.concatenate([*given, pieces.flush()]), expected)
    assert late[-1] > -SAMPLE_RATE // 250
