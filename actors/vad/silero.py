"""The neural voice detector: Silero VAD v6 as an ONNX graph, one session a process, on one thread."""

import importlib.util
import logging
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any, Final, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from actors.vad.network import AT_ONCE, WIDTH, OtherNetworkError, side_by_side
from actors.values import Pcm

logger = logging.getLogger(__name__)

WINDOW: Final = 512
"""Samples that the model judges at a time: 32 ms."""
CONTEXT: Final = 64
"""Samples before a window that it hears with it."""
MODEL: Final = "silero-v6"
UNKNOWN: Final = "silero-unknown"
"""A network in its file's place that is another one than ours is laid out from."""
_FILE: Final = Path("assets", "silero_vad_v6.onnx")
_ROW: Final = np.pad(np.arange(CONTEXT + WINDOW), (0, WIDTH - CONTEXT - WINDOW), mode="reflect")
_ROWS: Final = np.arange(AT_ONCE)[:, np.newaxis] * WINDOW + _ROW
"""Which samples the network's rows are, shape (AT_ONCE, WIDTH)."""
_UNITS: Final = 128
COMPANY: Final = 6
"""Streams that are judged in one call at most: more hardly make it cheaper, and hold others up."""
WITH_OTHERS: Final = 4
"""Windows that are judged with those of other streams, of each stream as many: a block's."""
_STEPS: Final = [[np.array([count, streams, _UNITS]) for count in range(AT_ONCE + 1)] for streams in range(COMPANY + 1)]
_SCALE: Final = np.float32(1 / 32_768)

Memory = tuple[NDArray[np.float32], NDArray[np.float32]]
"""What the model remembers of a stream: hidden and cell state of its LSTM, each of shape (1, 1, 128)."""
Judged = tuple[list[float], Memory]
"""What the model says of windows in a row, and remembers then."""


class Question(NamedTuple):
    """What the model is asked: see `SpeechModel.judge`."""

    samples: Pcm
    memory: Memory | None

    @property
    def windows(self) -> int:
        """How many are to be judged."""
        return (self.samples.size - CONTEXT) // WINDOW


class SpeechModel(Protocol):
    """Gives the probability of speech of windows in a row."""

    @property
    def name(self) -> str:
        """As the snapshot of a phrase names it."""
        ...

    def judge(self, samples: Pcm, memory: Memory | None) -> Judged:
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
        OSError: the file can't be read; `OtherNetworkError`: it is another network's.
        Exception: onnxruntime's own, for what it can't load.
    """

    name = MODEL

    def __init__(self, path: Path) -> None:
        # Without optimisations of memory layout, with which the same network comes to other numbers.
        self._run = _runner(side_by_side(path.read_bytes()), layout=False)
        self.sociable = self._is_the_same_in_company()
        """Whether a stream is told the same, to the bit, alone and with others: so it is wherever it was measured, but
        which order sums are taken in is the processor's affair."""

    def judge(self, samples: Pcm, memory: Memory | None) -> Judged:
        """Judge windows; see `SpeechModel.judge`."""
        count = (samples.size - CONTEXT) // WINDOW
        if count > AT_ONCE:
            early, memory = self.judge(samples[: CONTEXT + AT_ONCE * WINDOW], memory)
            late, memory = self.judge(samples[AT_ONCE * WINDOW :], memory)
            return early + late, memory
        return self._judge(samples[np.newaxis], memory or _nothing(), count)[0]

    def judge_together(self, questions: Sequence[Question]) -> list[Judged]:
        """Judge windows of up to `COMPANY` streams, equally many of each and no more than `AT_ONCE`."""
        memories = [question.memory or _nothing() for question in questions]
        hidden, cell = (np.concatenate(each, axis=1) for each in zip(*memories, strict=True))
        heard = np.stack([question.samples for question in questions])
        return self._judge(heard, (hidden, cell), questions[0].windows)

    def _judge(self, heard: NDArray[np.int16], memory: Memory, count: int) -> list[Judged]:
        rows = (heard * _SCALE).take(_ROWS[:count], axis=1, mode="clip")[:, np.newaxis]
        asked = {"rows": rows, "h": memory[0], "c": memory[1], "steps": _STEPS[len(heard)][count]}
        probabilities, hidden, cell = self._run(None, asked)
        told: list[list[float]] = probabilities[0, 0].tolist()
        if len(told) == 1:
            return [(told[0], (hidden, cell))]
        return [(each, (hidden[:, at : at + 1], cell[:, at : at + 1])) for at, each in enumerate(told)]

    def _is_the_same_in_company(self) -> bool:
        size = CONTEXT + WITH_OTHERS * WINDOW
        hiss, states = _hiss(COMPANY * size), _hiss(COMPANY * 2 * _UNITS).astype(np.float32)
        questions = [
            Question((sound * 2 * 10.0 ** (at % 4)).astype(np.int16), (memory[:1, np.newaxis], memory[1:, np.newaxis]))
            for at, (sound, memory) in enumerate(
                zip(hiss.reshape(COMPANY, size), states.reshape(COMPANY, 2, _UNITS), strict=True)
            )
        ]
        alone = [self.judge(*question) for question in questions]
        return all(
            said == told and np.array_equal(hidden, after[0]) and np.array_equal(cell, after[1])
            for count in range(2, COMPANY + 1)
            for (said, (hidden, cell)), (told, after) in zip(
                self.judge_together(questions[:count]), alone, strict=False
            )
        )


class SileroAsInstalled:
    """A network of Silero's run as its file has it, windows as a batch: half as fast, but of whatever weights.

    Args:
        path: the ONNX file: inputs `input`, shape (n, 576), `h` and `c`, shape (1, 1, 128); outputs n probabilities and
            both anew. All float32.

    Raises:
        ImportError: onnxruntime isn't there.
        ValueError: what it says has another shape.
        Exception: onnxruntime's own, for what it can't load or run.
    """

    name = UNKNOWN

    def __init__(self, path: Path) -> None:
        self._run = _runner(str(path), layout=True)
        # A network that takes or says something else must be found out here and not in a session.
        told, (hidden, cell) = self.judge(np.zeros(CONTEXT + 2 * WINDOW, np.int16), None)
        if (np.shape(told), hidden.shape, cell.shape) != ((2,), (1, 1, _UNITS), (1, 1, _UNITS)):
            raise ValueError("not a network that judges windows in a row")

    def judge(self, samples: Pcm, memory: Memory | None) -> Judged:
        """Judge windows; see `SpeechModel.judge`."""
        count = (samples.size - CONTEXT) // WINDOW
        heard = np.empty((count, CONTEXT + WINDOW), dtype=np.float32)
        heard[:, :CONTEXT] = samples[: count * WINDOW].reshape(count, WINDOW)[:, :CONTEXT]
        heard[:, CONTEXT:] = samples[CONTEXT:].reshape(count, WINDOW)
        heard *= _SCALE
        hidden, cell = memory or _nothing()
        probabilities, hidden, cell = self._run(None, {"input": heard, "h": hidden, "c": cell})
        told: list[float] = probabilities.tolist()
        return told, (hidden, cell)


def _runner(network: bytes | str, *, layout: bool) -> Any:
    """Load a network, from its bytes or its file's name; return what runs it.

    Args:
        network: as onnxruntime takes it.
        layout: whether onnxruntime may lay tensors out anew too.
    """
    import onnxruntime as ort  # type: ignore[import-untyped]  # noqa: PLC0415 - untyped, and only where it is used

    options = ort.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    levels = ort.GraphOptimizationLevel
    options.graph_optimization_level = levels.ORT_ENABLE_ALL if layout else levels.ORT_ENABLE_EXTENDED
    return ort.InferenceSession(network, options, providers=["CPUExecutionProvider"]).run


def _hiss(count: int) -> NDArray[np.float64]:
    # As good as noise. NumPy's own generators are 4 MB of a server that has no other use for them.
    return np.sin(np.arange(count, dtype=np.float64) ** 2)


def _nothing() -> Memory:
    return np.zeros((1, 1, _UNITS), np.float32), np.zeros((1, 1, _UNITS), np.float32)


def model_file() -> Path | None:
    """Return where the network is; None where faster-whisper isn't installed."""
    spec = importlib.util.find_spec("faster_whisper")
    path = None if spec is None or spec.origin is None else Path(spec.origin).parent / _FILE
    return path if path is not None and path.is_file() else None


@cache
def speech_model() -> SpeechModel | None:
    """Return the process's model; None, with one warning in the log, where it isn't installed or can't be loaded.

    It comes with faster-whisper, Balto's extra `local`; another network in its place is run as its file has it, with
    one warning too. The first call takes a tenth of a second.
    """
    path = model_file()
    if path is None:
        logger.warning("no %s here: voices are found by energy and webrtcvad alone", MODEL)
        return None
    try:
        return _of(path)
    except Exception as error:
        logger.warning("%s can't be loaded (%s): voices are found without it", MODEL, type(error).__name__)
        return None


def _of(path: Path) -> SpeechModel:
    try:
        return Silero(path)
    except OtherNetworkError:
        model = SileroAsInstalled(path)
    logger.warning("%s is another network than %s: it is run as it comes, at twice the cost", path.name, MODEL)
    return model
