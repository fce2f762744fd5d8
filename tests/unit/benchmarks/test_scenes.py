"""The scenes that hearing is measured on: their noise is as loud as it is said to be, their truth is the voices'."""

import numpy as np
import pytest

from benchmarks.corpus.noise import RATE, Sound, air_conditioning, babble, music, till
from benchmarks.corpus.scenes import FRAME, Sentence, bridged, scene, sentences
from benchmarks.hearing.detectors import Ends, frame_f1, phrase_ends
from benchmarks.hearing.scenery import REPORTED, TUNING

WINDOW = 512


def some(count: int = 3) -> list[Sentence]:
    return sentences()[:count]


@pytest.mark.parametrize("make", [air_conditioning, till, music])
def test_a_noise_is_of_its_seed_and_of_unit_level(make: object) -> None:
    one, same, other = (make(RATE * 5, seed=seed) for seed in (1, 1, 2))  # type: ignore[operator] # one of three functions
    assert np.array_equal(one, same)
    assert not np.array_equal(one, other)
    assert float(np.sqrt(np.mean(np.square(one, dtype=np.float64)))) == pytest.approx(1.0, abs=1e-3)


def test_a_scene_has_the_share_of_speech_and_the_snr_that_was_asked_for() -> None:
    def flat(samples: int, seed: int) -> Sound:
        return np.random.default_rng(seed).standard_normal(samples).astype(np.float32)

    mixed = scene(some(), seed=3, share=0.4, noise=flat, snr_db=10.0)
    clean = scene(some(), seed=3, share=0.4)
    assert np.array_equal(mixed.truth, clean.truth)
    assert 0.3 < mixed.truth.mean() < 0.45
    speaking = np.repeat(mixed.truth, FRAME)
    noise = mixed.samples[: speaking.size].astype(float) - clean.samples[: speaking.size]
    voice = clean.samples[: speaking.size][speaking].astype(float)
    assert 10 * np.log10(np.mean(voice**2) / np.mean(noise**2)) == pytest.approx(10.0, abs=0.1)


def test_the_truth_is_where_the_voices_are_and_bridges_short_gaps_only() -> None:
    quiet = scene(some(), seed=4, share=0.3)
    levels = np.sqrt(
        np.mean(np.square(quiet.samples[: quiet.truth.size * FRAME].reshape(-1, FRAME), dtype=float), axis=1)
    )
    assert np.median(levels[quiet.truth]) > 20 * np.median(levels[~quiet.truth])
    gaps = np.array([1] * 5 + [0] * 29 + [1] * 5 + [0] * 30 + [1] * 5, dtype=bool)
    assert bridged(gaps).tolist() == [True] * 39 + [False] * 30 + [True] * 5


def test_a_detector_that_says_the_truth_has_every_frame_right_and_one_that_is_deaf_none() -> None:
    quiet = scene(some(), seed=5, share=0.4)
    count = quiet.samples.size // WINDOW
    told = [bool(quiet.truth[min(at * WINDOW // FRAME + 1, quiet.truth.size - 1)]) for at in range(count)]
    assert frame_f1(quiet.truth, told) > 98.5
    assert frame_f1(quiet.truth, [False] * count) == 0
    assert 40 < frame_f1(quiet.truth, [True] * count) < 70


def test_babble_is_many_voices_at_once() -> None:
    crowd = babble(RATE * 4, [sentence.sound for sentence in some()], seed=1, talkers=40)
    levels = np.sqrt(np.mean(np.square(crowd[: 4 * RATE].reshape(-1, FRAME * 10), dtype=np.float64), axis=1))
    assert levels.min() > 0.4


def test_every_sentence_of_a_clean_scene_becomes_a_phrase_of_its_own() -> None:
    ends = phrase_ends(scene(some(), seed=6, share=0.4))
    assert isinstance(ends, Ends)
    assert (ends.sentences, ends.phrases, ends.merged, ends.lost) == (3, 3, 0, 0)


def test_what_is_reported_was_not_tuned_on() -> None:
    assert not set(TUNING) & set(REPORTED)
