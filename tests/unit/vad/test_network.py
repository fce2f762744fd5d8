"""The network laid out anew says what the original says, and no other network is taken for it, but run as it comes."""

import logging
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime  # type: ignore[import-untyped]
import pytest

from actors.vad import silero as module
from actors.vad.network import AT_ONCE, OtherNetworkError, side_by_side
from actors.vad.silero import CONTEXT, WINDOW, Silero, SileroAsInstalled, model_file, speech_model
from actors.values import Pcm
from tests.recordings import conversation
from tests.sounds import noise, pcm

_PATH = model_file()
assert _PATH is not None
_FILE = _PATH.read_bytes()
_SPOKEN = conversation("dor_de_cabeca", "tosse", pause_s=0.5)
_HEARD = pcm(_SPOKEN / 32_768 + noise(len(_SPOKEN) / 16_000, 0.01, 3))
_OTHER = _FILE.replace(b"decoder.conv1d", b"decoder.conv2d")
"""The same network under names that are not known."""
_CPU = Path("/proc/cpuinfo")
_MEASURED_HERE = _CPU.exists() and "avx512f" in _CPU.read_text().split()
"""Whether this is of the family of processors on which both add up in the same order: those with AVX-512."""


@pytest.fixture(scope="module")
def original() -> Any:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(_FILE, options, providers=["CPUExecutionProvider"])


@pytest.fixture(scope="module")
def silero() -> Silero:
    assert _PATH is not None
    return Silero(_PATH)


def batch(samples: Pcm) -> Any:
    starts = range(0, samples.size - CONTEXT - WINDOW + 1, WINDOW)
    return np.stack([samples[at : at + CONTEXT + WINDOW] for at in starts]).astype(np.float32) / np.float32(32_768)


@pytest.mark.parametrize("count", [*range(1, AT_ONCE + 3), 2 * AT_ONCE + 1])
def test_it_says_what_the_original_says(original: Any, silero: Silero, count: int) -> None:
    memory, hidden, cell = None, np.zeros((1, 1, 128), np.float32), np.zeros((1, 1, 128), np.float32)
    step = count * WINDOW
    for at in range(0, min(_HEARD.size - CONTEXT - step, 40 * step), step):
        samples = _HEARD[at : at + CONTEXT + step]
        told, memory = silero.judge(samples, memory)
        wanted, hidden, cell = original.run(None, {"input": batch(samples), "h": hidden, "c": cell})
        said = [(np.array(told), wanted), (memory[0], hidden), (memory[1], cell)]
        for ours, theirs in said:
            np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-5)
        assert [each >= 0.5 for each in told] == (wanted >= 0.5).tolist()
        if _MEASURED_HERE:
            assert all(np.array_equal(ours.astype(np.float32), theirs) for ours, theirs in said)


@pytest.mark.parametrize(
    "other",
    [b"", b"\xff", b"\x3a", b"\x3a\x7f", _FILE[:1_000_000], _OTHER],
)
def test_another_network_is_not_taken_for_it(other: bytes) -> None:
    with pytest.raises(OtherNetworkError, match="not"):
        side_by_side(other)


@pytest.fixture
def in_its_place(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    path = tmp_path / "another.onnx"
    monkeypatch.setattr(module, "_FILE", path)
    return path


def test_another_network_is_run_as_it_comes_with_one_warning(
    in_its_place: Path, silero: Silero, caplog: pytest.LogCaptureFixture
) -> None:
    in_its_place.write_bytes(_OTHER)
    with caplog.at_level(logging.WARNING):
        model = speech_model.__wrapped__()
    assert isinstance(model, SileroAsInstalled)
    (line,) = caplog.messages
    assert line == "another.onnx is another network than silero-v6: it is run as it comes, at twice the cost"
    memory, found = None, []
    for at in range(0, 40_000, 4 * WINDOW):
        part = _HEARD[at : at + CONTEXT + 4 * WINDOW]
        wanted, _ = silero.judge(part, memory)
        told, memory = model.judge(part, memory)
        np.testing.assert_allclose(told, wanted, rtol=0, atol=1e-5)
        found += told
    assert min(found) < 0.1
    assert max(found) > 0.9


def test_a_network_that_takes_something_else_is_found_out_when_it_is_loaded(
    in_its_place: Path, caplog: pytest.LogCaptureFixture
) -> None:
    in_its_place.write_bytes(_OTHER.replace(b"input", b"inpux"))
    with caplog.at_level(logging.WARNING):
        assert speech_model.__wrapped__() is None
    (line,) = caplog.messages
    assert line.startswith("silero-v6 can't be loaded")
