"""The network laid out anew says what the original says, to the bit, and takes no other network for it."""

from typing import Any

import numpy as np
import onnxruntime  # type: ignore[import-untyped]
import pytest

from actors.vad.network import AT_ONCE, side_by_side
from actors.vad.silero import CONTEXT, WINDOW, Silero, model_file
from actors.values import Pcm
from tests.recordings import conversation
from tests.sounds import noise, pcm

_PATH = model_file()
assert _PATH is not None
_FILE = _PATH.read_bytes()
_SPOKEN = conversation("dor_de_cabeca", "tosse", pause_s=0.5)
_HEARD = pcm(_SPOKEN / 32_768 + noise(len(_SPOKEN) / 16_000, 0.01, 3))


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
        assert told == wanted.tolist()
        assert np.array_equal(memory[0], hidden)
        assert np.array_equal(memory[1], cell)


@pytest.mark.parametrize(
    "other",
    [b"", b"\xff", b"\x3a", b"\x3a\x7f", _FILE[:1_000_000], _FILE.replace(b"decoder.conv1d", b"decoder.conv2d")],
)
def test_another_network_is_not_taken_for_it(other: bytes) -> None:
    with pytest.raises(ValueError, match="not"):
        side_by_side(other)
