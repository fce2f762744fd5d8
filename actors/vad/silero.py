"""The neural voice detector: Silero VAD v6 as an ONNX graph, one session a process, on one thread."""

import importlib.util
import logging
from functools import cache
from pathlib import Path
from typing import Any, Final, Protocol

import numpy as np
from numpy.typing import NDArray

from actors.vad.network import AT_ONCE, WIDTH, side_by_side
from actors.values import Pcm

logger = logging.getLogger(__name__)

WINDOW: Final = 512
"""Samples that the model judges at a time: 32 ms."""
CONTEXT: Final = 64
"""Samples before a window that it hears with it."""
MODEL: Final = "silero-v6"
_FILE: Final = Path("assets", "silero_vad_v6.onnx")
_HEARD: Final = CONTEXT + WINDOW
_UNITS: Final = 128
_SCALE: Final = np.float32(1 / 32_768)

Memory = tuple[NDArray[np.float32], NDArray[np.float32]]
"""What the model remembers of a stream: hidden and cell state of its LSTM, each of shape (1, 1, 128)."""


class SpeechModel(Protocol):
    """Gives the probability of speech of windows in a row."""

    @property
    def name(self) -> str:
        """As the snapshot of a phrase names it."""
        ...

    def judge(self, samples: Pcm, memory: Memory | None) -> tuple[list[float], Memory]:
        """Judge n windows.

        Args:
            samples: shape (CONTEXT + n * WINDOW,): the windows and what is right before them.
            memory: what it returned for the windows before these; None where nothing was heard before.

        Returns:
            n probabilities from 0 to 1, and its memory. The same for the same arguments.
        """
        ...


class Silero:
    """Silero VAD v6 (MIT; Silero Team, 2025) on onnxruntime; many sessions and threads may share one.

    Args:
        path: the ONNX file.

    Raises:
        ImportError: onnxruntime isn't there.
        OSError: the file can't be read; `ValueError`: it is another network's.
        Exception: onnxruntime's own, for what it can't load.
    """

    name = MODEL

    def __init__(self, path: Path) -> None:
        import onnxruntime as ort  # type: ignore[import-untyped]  # noqa: PLC0415 - untyped, and only where it is used

        options = ort.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.log_severity_level = 3
        # All but those of memory layout, with which the same network comes to other numbers.
        options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_EXTENDED
        network = side_by_side(path.read_bytes())
        self._run: Any = ort.InferenceSession(network, options, providers=["CPUExecutionProvider"]).run

    def judge(self, samples: Pcm, memory: Memory | None) -> tuple[list[float], Memory]:
        """Judge windows; see `SpeechModel.judge`."""
        count = (samples.size - CONTEXT) // WINDOW
        if count > AT_ONCE:
            early, memory = self.judge(samples[: CONTEXT + AT_ONCE * WINDOW], memory)
            late, memory = self.judge(samples[AT_ONCE * WINDOW :], memory)
            return early + late, memory
        scaled = samples * _SCALE
        image = np.empty((1, 1, count, WIDTH), dtype=np.float32)
        rows = image[0, 0]
        rows[:, :CONTEXT] = scaled[:-CONTEXT].reshape(count, WINDOW)[:, :CONTEXT]
        rows[:, CONTEXT:_HEARD] = scaled[CONTEXT:].reshape(count, WINDOW)
        rows[:, _HEARD:] = rows[:, _HEARD - 2 : 2 * _HEARD - WIDTH - 2 : -1]
        hidden, cell = memory or (np.zeros((1, 1, _UNITS), np.float32), np.zeros((1, 1, _UNITS), np.float32))
        probabilities, hidden, cell = self._run(None, {"rows": image, "h": hidden, "c": cell})
        told: list[float] = probabilities.tolist()
        return told, (hidden, cell)


def model_file() -> Path | None:
    """Return where the network is; None where faster-whisper isn't installed."""
    spec = importlib.util.find_spec("faster_whisper")
    path = None if spec is None or spec.origin is None else Path(spec.origin).parent / _FILE
    return path if path is not None and path.is_file() else None


@cache
def speech_model() -> SpeechModel | None:
    """Return the process's model; None, with one warning in the log, where it isn't installed or can't be loaded.

    It comes with faster-whisper, Balto's extra `local`. The first call takes a tenth of a second.
    """
    path = model_file()
    if path is None:
        logger.warning("no %s here: voices are found by energy and webrtcvad alone", MODEL)
        return None
    try:
        return Silero(path)
    except Exception as error:
        logger.warning("%s can't be loaded (%s): voices are found without it", MODEL, type(error).__name__)
        return None
