"""Damaged streams: whatever the bytes are, there is audio or an `AudioUndecodableError`, and nothing is opened.

A share of `python -m benchmarks fuzz`, which runs 20,000 of them.
"""

import socket
import sys
from pathlib import Path

import pytest

from benchmarks.fuzz.child import Watch
from benchmarks.fuzz.mutations import QUICK, SLOW, case, fault, originals

ROUNDS = 600
SLOW_ROUNDS = 40
HOOK = Watch()
"""Audit hooks can't be taken away again, so there is one, and it is off between tests."""


@pytest.fixture(scope="module", autouse=True)
def hook() -> None:
    originals()
    fault(case("warm-up", 0, slow=1.0))
    sys.addaudithook(HOOK)


@pytest.fixture
def watch() -> Watch:
    HOOK.seen.clear()
    HOOK.allowed.clear()
    return HOOK


def test_damaged_streams_are_decoded_or_refused_in_process_and_open_nothing(watch: Watch) -> None:
    refused = 0
    for number in range(ROUNDS):
        damaged = case("suite", number, slow=0.0)
        with watch:
            error = fault(damaged)
        if error is not None:
            refused += 1
            assert 0 <= error.byte_offset <= len(damaged.raw)
    assert ROUNDS / 10 < refused < ROUNDS / 2
    assert not watch.seen


def test_damaged_files_for_ffmpeg_are_decoded_or_refused_and_open_nothing_else(watch: Watch) -> None:
    for number in range(SLOW_ROUNDS):
        damaged = case("suite", number, slow=1.0)
        with watch:
            error = fault(damaged)
        assert error is None or 0 <= error.byte_offset <= len(damaged.raw)
    assert not watch.seen
    assert watch.allowed["ffmpeg"] >= SLOW_ROUNDS / 2


def test_the_watch_sees_what_is_opened(watch: Watch, tmp_path: Path) -> None:
    with watch, socket.socket():
        (tmp_path / "file").write_bytes(b"")
    told = " ".join(watch.seen)
    assert "open (" in told
    assert "socket.__new__" in told


def test_every_kind_is_among_the_cases() -> None:
    assert set(originals()) == {*QUICK, *SLOW}
    kinds = {case("suite", number, slow=0.5).kind for number in range(400)}
    assert kinds == {*QUICK, *SLOW, "blob"}


def test_a_case_is_the_same_every_time() -> None:
    assert case("suite", 7) == case("suite", 7)
    assert case("suite", 7) != case("another", 7)
