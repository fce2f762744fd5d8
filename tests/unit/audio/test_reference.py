"""Bio-metrics of the recorded counter against reference tools: Praat's pitch, and the truth of a mixture."""

import json
from functools import cache

import numpy as np
import parselmouth
import pytest

from actors.audio.biometrics import measure
from actors.audio.pitch import HIGHEST_HZ, LOWEST_HZ
from actors.values import SAMPLE_RATE, Pcm
from balto.listening import decode_audio
from benchmarks.corpus.noise import room_tone
from tests.recordings import DEMO
from tests.sounds import Sound, noise, pcm

MARGIN = SAMPLE_RATE // 10
LEAD = 3 * SAMPLE_RATE // 2


@cache
def counter() -> tuple[Pcm, tuple[tuple[int, int], ...]]:
    """Return the recorded counter and where its lines are, in samples."""
    lines = json.loads(DEMO.with_suffix(".json").read_text("utf-8"))["lines"]
    places = ((line["start_ms"] * SAMPLE_RATE // 1000, line["end_ms"] * SAMPLE_RATE // 1000) for line in lines)
    return decode_audio(DEMO.read_bytes()), tuple(places)


def praat(phrase: Pcm) -> tuple[float, float]:
    """Return Praat's mean and standard deviation of F0 over voiced frames, in Hz."""
    sound = parselmouth.Sound(phrase / 32_768, SAMPLE_RATE)
    track = sound.to_pitch(pitch_floor=LOWEST_HZ, pitch_ceiling=HIGHEST_HZ).selected_array["frequency"]
    voiced = track[track > 0]
    return float(voiced.mean()), float(voiced.std())


def test_pitch_is_within_2_percent_of_praats_on_the_median_phrase() -> None:
    whole, places = counter()
    errors, spreads = [], []
    for start, end in places:
        phrase = whole[start - MARGIN : end + MARGIN]
        measured = measure(phrase, whole[:SAMPLE_RATE])
        mean, deviation = praat(phrase)
        assert measured.pitch_mean_hz is not None
        assert measured.pitch_std_hz is not None
        errors.append(abs(measured.pitch_mean_hz / mean - 1))
        spreads.append(measured.pitch_std_hz / deviation - 1)
    assert len(errors) >= 25
    assert np.median(errors) < 0.02
    assert abs(np.median(spreads)) < 0.1


def active_power(speech: Sound) -> float:
    """Return the mean power of the 20 ms frames that are within 20 dB of the loud ones."""
    powers = np.square(speech[: speech.size // 320 * 320].reshape(-1, 320)).mean(axis=1)
    return float(powers[powers >= np.percentile(powers, 95) / 100].mean())


@pytest.mark.parametrize("kind", ["air-conditioning", "hiss"])
@pytest.mark.parametrize("snr", [0, 5, 10, 15, 20, 25, 30])
def test_the_snr_of_speech_in_noise_is_that_of_the_mixture(kind: str, snr: float) -> None:
    whole, places = counter()
    for seed, (start, end) in enumerate(places):
        speech = whole[start:end] / 32_768
        length = LEAD + speech.size + 2 * MARGIN
        if kind == "hiss":
            around = noise(length / SAMPLE_RATE, 1.0, seed=seed)
        else:
            around = room_tone(length, dbfs=0.0, seed=seed).astype(np.float64)
        around *= np.sqrt(active_power(speech) / 10 ** (snr / 10) / np.mean(around**2))
        mixed = around[LEAD:].copy()
        mixed[MARGIN : MARGIN + speech.size] += speech
        assert measure(pcm(mixed), pcm(around[:LEAD])).snr_db == pytest.approx(snr, abs=1.5)
