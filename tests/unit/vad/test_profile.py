"""The noise profile: the same with and without what it lets go of, and no more than it says."""

import numpy as np
import pytest

from actors.vad.history import SampleHistory
from actors.vad.profile import LONGEST, NoiseProfile
from actors.vad.silero import WINDOW

STREAM = np.random.default_rng(7).integers(-3_000, 3_000, 400 * WINDOW).astype(np.int16)


@pytest.mark.parametrize("seed", range(8))
def test_what_a_silence_lets_go_of_would_have_been_displaced(seed: int) -> None:
    places = np.random.default_rng(seed)
    history, all_of_it = SampleHistory(), SampleHistory()
    profile, expected = NoiseProfile(), np.zeros(0, np.int16)
    now = quiet_from = 0
    while now < 300 * WINDOW:
        for _ in range(int(places.integers(1, 90))):
            history.append(STREAM[now : now + WINDOW])
            all_of_it.append(STREAM[now : now + WINDOW])
            now += WINDOW
            profile.wait(now)
            history.forget(profile.needed_from(now))
        profile.learn(history, now)
        begin = max(quiet_from, now - 10 * WINDOW - LONGEST)
        if now - 10 * WINDOW > begin:
            expected = np.concatenate([expected, all_of_it.take(begin, now - 10 * WINDOW)])[-LONGEST:]
        assert np.array_equal(profile.samples, expected)
        quiet_from = profile.quiet_from = now


def test_it_holds_nothing_but_itself() -> None:
    history, profile = SampleHistory(), NoiseProfile()
    history.append(STREAM)
    for onset in (80, 160, 240):
        profile.learn(history, onset * WINDOW)
        profile.quiet_from = (onset + 40) * WINDOW
        assert profile.samples.base is None
    assert profile.samples.size == LONGEST


def test_after_a_long_silence_nothing_of_the_former_one_is_kept() -> None:
    history, profile = SampleHistory(), NoiseProfile()
    history.append(STREAM)
    profile.learn(history, 100 * WINDOW)
    assert profile.samples.size == LONGEST
    profile.quiet_from = 120 * WINDOW
    profile.wait(120 * WINDOW)
    assert profile.samples.size == LONGEST
    profile.wait(150 * WINDOW)
    assert profile.samples.size == LONGEST - 20 * WINDOW
    profile.wait(180 * WINDOW)
    assert not profile.samples.size
