"""Cleaning phrases with the session's noise profile."""

import numpy as np
import pytest

from actors.audio.clean import METHOD, SILENT, TOO_LITTLE_NOISE, TOO_SHORT, clean
from actors.values import Pcm
from tests.sounds import noise, pcm, silence, vowel

PROFILE = pcm(noise(1.5, 0.02, seed=3))


def power(samples: Pcm) -> float:
    return float(np.mean(samples.astype(np.float64) ** 2))


def test_noise_between_words_becomes_quieter_and_words_stay() -> None:
    speech = np.concatenate([vowel(140, 0.6), silence(0.5), vowel(180, 0.6)])
    phrase = pcm(speech + noise(1.7, 0.02))
    cleaned = clean(phrase, PROFILE)
    assert cleaned.method == METHOD
    assert cleaned.pcm.dtype == np.int16
    assert cleaned.pcm.shape == phrase.shape
    assert cleaned.noise_profile_ms == 1_500
    pause = slice(11_200, 16_000)
    assert 10 * np.log10(power(phrase[pause]) / power(cleaned.pcm[pause])) > 5
    words = np.correlate(cleaned.pcm[:9_600].astype(float), pcm(speech)[:9_600].astype(float))[0]
    assert (
        words / np.linalg.norm(cleaned.pcm[:9_600].astype(float)) / np.linalg.norm(pcm(speech)[:9_600].astype(float))
        > 0.95
    )
    assert cleaned.reduction_db > 0


@pytest.mark.parametrize("length", [512, 513, 4_799, 16_000, 100_001])
def test_a_cleaned_phrase_has_its_length(length: int) -> None:
    phrase = pcm(noise(7, 0.05))[:length]
    assert clean(phrase, PROFILE).pcm.shape == (length,)


@pytest.mark.parametrize(
    ("phrase", "profile", "method"),
    [
        (pcm(noise(1, 0.1)), pcm(noise(0.24, 0.02)), TOO_LITTLE_NOISE),
        (pcm(noise(1, 0.1)), pcm(silence(0)), TOO_LITTLE_NOISE),
        (pcm(noise(0.02, 0.1)), PROFILE, TOO_SHORT),
        (pcm(silence(1)), PROFILE, SILENT),
        (pcm(noise(1, 0.1)), pcm(silence(1)), SILENT),
    ],
)
def test_a_phrase_that_cannot_be_cleaned_stays_as_it_is_and_the_method_says_why(
    phrase: Pcm, profile: Pcm, method: str
) -> None:
    cleaned = clean(phrase, profile)
    assert cleaned.method == method
    assert cleaned.pcm is phrase
    assert (cleaned.noise_profile_ms, cleaned.reduction_db) == (0.0, 0.0)
