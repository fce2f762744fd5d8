"""The energy gate and the history: how the floor moves, and what is given back."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from actors.vad.gate import EnergyGate, window_rms
from actors.vad.history import SampleHistory


def test_the_rms_of_windows_is_the_root_of_the_mean_square() -> None:
    frames = np.array([[3, -4, 0, 0], [-32_768] * 4], dtype=np.int16)
    assert window_rms(frames) == [2.5, 32_768.0]


def test_the_floor_falls_at_once_and_rises_slowly() -> None:
    gate = EnergyGate(1.5, 0.0, 32)
    assert gate.floor == 0
    gate.loud([1_000] * 10, [False] * 10)
    gate.loud([100], [False])
    assert gate.floor == 100
    gate.loud([1_000] * 33, [True] * 33)
    slow = gate.floor
    assert 100 < slow < 120
    gate.loud([1_000] * 33, [False] * 33)
    assert 1.8 < gate.floor / slow < 2.2


def test_the_threshold_is_never_below_the_least_energy() -> None:
    gate = EnergyGate(1.5, 120.0, 32)
    assert gate.loud([60, 120], [True, False]) == [False, True]
    assert gate.threshold == 120


@given(st.lists(st.tuples(st.integers(0, 5_000), st.integers(0, 6_000)), max_size=60))
@settings(max_examples=40, deadline=None)
def test_the_history_gives_back_what_came(steps: list[tuple[int, int]]) -> None:
    history = SampleHistory()
    stream = np.zeros(0, dtype=np.int16)
    kept_from = 0
    for add, forget in steps:
        fresh = np.arange(len(stream), len(stream) + add).astype(np.int16)
        stream = np.concatenate([stream, fresh])
        history.append(fresh)
        kept_from = min(kept_from + forget, len(stream))
        history.forget(kept_from)
        assert np.array_equal(history.take(kept_from, history.end), stream[kept_from:])
        assert sum(block.size for block in history._blocks) <= history.end - kept_from + 2 * 2_048
    with pytest.raises(IndexError):
        history.take(kept_from, history.end + 1)
    if kept_from >= 2_048:
        with pytest.raises(IndexError):
            history.take(0, history.end)
