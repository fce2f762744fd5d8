"""What each stage of voice detection makes of a recording, window by window: for people who tune a counter."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from actors.vad.cascade import BLOCK_SAMPLES, Cascade, Window
from actors.vad.settings import check
from actors.vad.silero import WINDOW, SpeechModel
from actors.values import Pcm, VadSettings


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Stage:
    """One stage's verdicts; all arrays have the shape (windows,)."""

    name: str
    passed: NDArray[np.bool_]
    """What it let through."""
    value: NDArray[np.float64] | None = None
    """What it judged by, NaN where it wasn't asked; None of a stage that only says yes or no."""
    threshold: NDArray[np.float64] | None = None
    """What the value had to reach."""
    measure: Literal["rms", "probability"] = "probability"
    """What the value is: RMS of int16 samples, or a probability from 0 to 1."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class VadTrace:
    """All stages in the order in which they are asked; the last is what the segmenter takes for speech."""

    window: int
    """Samples of a window."""
    stages: tuple[Stage, ...]


def trace(pcm: Pcm, settings: VadSettings, model: SpeechModel | None) -> VadTrace:
    """Run the stages over a whole recording and keep what each of them said.

    Args:
        pcm: shape (n,); what is left behind the last whole window is not judged.
        settings: checked here.
        model: the neural stage; None where there is none.

    Raises:
        ValueError: a setting is out of range.
    """
    cascade = Cascade(check(settings), model)
    windows: list[Window] = []
    thresholds: list[float] = []
    whole = pcm[: pcm.size - pcm.size % WINDOW]
    for at in range(0, whole.size, BLOCK_SAMPLES):
        windows += cascade.hear(whole[at : at + BLOCK_SAMPLES])
        thresholds += [cascade.threshold] * (len(windows) - len(thresholds))
    speech = np.array([window.speech for window in windows], dtype=np.bool_)
    stages = [
        Stage(
            name="energy gate",
            passed=np.array([window.loud for window in windows], dtype=np.bool_),
            value=np.array([window.rms for window in windows], dtype=np.float64),
            threshold=np.array(thresholds, dtype=np.float64),
            measure="rms",
        ),
        Stage(name="webrtcvad", passed=np.array([window.voiced for window in windows], dtype=np.bool_)),
    ]
    if cascade.model is not None:
        told = [np.nan if window.probability is None else window.probability for window in windows]
        probability = np.array(told, dtype=np.float64)
        stages.append(Stage(name="silero", passed=probability >= settings.neural_threshold, value=probability))
    return VadTrace(window=WINDOW, stages=(*stages, Stage(name="speech", passed=speech)))
