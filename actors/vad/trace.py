"""What each stage of voice detection makes of a recording, window by window: for people who tune a counter."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from actors.vad.gate import EnergyGate, frame_rms
from actors.vad.settings import check
from actors.vad.webrtc import FRAME, FRAME_MS, VoiceDetector
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


def trace(pcm: Pcm, settings: VadSettings) -> VadTrace:
    """Run the stages over a whole recording and keep what each of them said.

    Args:
        pcm: shape (n,); what is left behind the last whole window is not judged.
        settings: checked here.

    Raises:
        ValueError: a setting is out of range.
    """
    gate = EnergyGate(check(settings).threshold_multiplier, settings.min_energy, FRAME_MS)
    detector = VoiceDetector(settings.mode)
    frames = pcm[: pcm.size - pcm.size % FRAME].reshape(-1, FRAME)
    levels = frame_rms(frames)
    raw = frames.astype("<i2", copy=False).tobytes()
    loud, voiced = np.zeros(len(levels), dtype=np.bool_), np.zeros(len(levels), dtype=np.bool_)
    thresholds = np.zeros(len(levels))
    for index, rms in enumerate(levels.tolist()):
        voiced[index] = detector.is_voice(raw[2 * FRAME * index : 2 * FRAME * (index + 1)])
        loud[index] = gate.passes(rms, voiced=bool(voiced[index]))
        thresholds[index] = gate.threshold
    return VadTrace(
        window=FRAME,
        stages=(
            Stage(name="energy gate", passed=loud, value=levels, threshold=thresholds, measure="rms"),
            Stage(name="webrtcvad", passed=voiced),
            Stage(name="speech", passed=loud & voiced),
        ),
    )
