"""The neural voice detector: Silero VAD v6 as an ONNX graph, one session a process, on one thread."""

import importlib.util
import logging
from functools import cache
from pathlib import Path
from typing import Any, Final, Protocol

import numpy as np
from numpy.typing import NDArray

from actors.values import Pcm

logger = logging.getLogger(__name__)

WINDOW: Final = 512
"""Samples that the model judges at a time: 32 ms."""
CONTEXT: Final = 64
"""Samples before a window that it hears with it."""
MODEL: Final = "silero-v6"
_FILE: Final = Path("assets", "silero_vad_v6.onnx")
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
        path: the ONNX file: inputs `input` (n, 576), `h` and `c`; outputs probabilities, `hn` and `cn`.

    Raises:
        ImportError: onnxruntime isn't there.
        Exception: onnxruntime's own, for a file that it can't load.
    """

    name = MODEL

    def __init__(self, path: Path) -> None:
        import onnxruntime as ort  # type: ignore[import-untyped]  # noqa: PLC0415 - untyped, and only where it is used

        options = ort.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.log_severity_level = 3
        self._run: Any = ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"]).run

    def judge(self, samples: Pcm, memory: Memory | None) -> tuple[list[float], Memory]:
        """Judge windows; see `SpeechModel.judge`."""
        count = (samples.size - CONTEXT) // WINDOW
        heard = np.empty((count, CONTEXT + WINDOW), dtype=np.float32)
        heard[:, :CONTEXT] = samples[: count * WINDOW].reshape(count, WINDOW)[:, :CONTEXT]
        heard[:, CONTEXT:] = samples[CONTEXT:].reshape(count, WINDOW)
        heard *= _SCALE
        hidden, cell = memory or (np.zeros((1, 1, _UNITS), np.float32), np.zeros((1, 1, _UNITS), np.float32))
        probabilities, hidden, cell = self._run(None, {"input": heard, "h": hidden, "c": cell})
        told: list[float] = probabilities.tolist()
        return told, (hidden, cell)


@cache
def speech_model() -> SpeechModel | None:
    """Return the process's model; None, with one warning in the log, where it isn't installed or can't be loaded.

    It comes with faster-whisper, Balto's extra `local`. The first call takes a tenth of a second.
    """
    spec = importlib.util.find_spec("faster_whisper")
    path = None if spec is None or spec.origin is None else Path(spec.origin).parent / _FILE
    if path is None or not path.is_file():
        logger.warning("no %s here: voices are found by energy and webrtcvad alone", MODEL)
        return None
    try:
        return Silero(path)
    except Exception as error:
        logger.warning("%s can't be loaded (%s): voices are found without it", MODEL, type(error).__name__)
        return None
