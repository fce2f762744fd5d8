"""A phrase under way: what its windows were, whether it is one, and where it is best cut."""

from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Final, Literal

import numpy as np

from actors.vad.cascade import WINDOW_MS, Window
from actors.vad.silero import WINDOW
from actors.values import VadSettings
from events.catalogue import VadSnapshot

_CUT_SEARCH: Final = 0.4
"""Last part of a phrase of the greatest length in which its quietest place is searched."""


class State(Enum):
    """Where a segmenter is."""

    QUIET = auto()
    STARTING = auto()
    SPEAKING = auto()
    STOPPING = auto()


@dataclass(slots=True)
class OpenPhrase:
    """A phrase under way, in samples and windows of the stream."""

    start: int
    first: int
    """Window that `windows[0]` is."""
    windows: list[Window] = field(default_factory=list)
    last_speech_end: int = 0

    def until(self, end: int) -> list[Window]:
        """Return the windows that begin before a sample."""
        return self.windows[: max(1, -(-(end - self.first * WINDOW) // WINDOW))]

    def quietest(self, max_phrase_ms: int) -> int:
        """Return the index of the window that the phrase, grown too long, is best cut before."""
        levels = np.array([window.rms for window in self.windows])
        smooth = np.convolve(levels, np.full(3, 1 / 3), mode="same")
        begin = max(1, len(levels) - int(_CUT_SEARCH * max_phrase_ms / WINDOW_MS))
        return begin + int(np.argmin(smooth[begin:-1])) if len(levels) - begin > 1 else len(levels) - 1


def flaw(windows: list[Window], settings: VadSettings, threshold: float) -> Literal["too_short", "too_quiet"] | None:
    """Return why windows are no phrase; None where they are one.

    Args:
        windows: of the phrase.
        settings: the session's.
        threshold: of the energy gate now. Where the floor has risen since, what opened the phrase was a new noise;
            the neural stage knows that better, so it is looked at only without one.
    """
    speech = [window for window in windows if window.speech]
    if not speech or len(speech) * WINDOW_MS < settings.min_phrase_ms:
        return "too_short"
    confirmed = speech[0].probability is not None
    loud = sum(window.loud for window in speech)
    if confirmed:
        return None if loud * WINDOW_MS >= settings.onset_ms else "too_quiet"
    return "too_quiet" if float(np.median([window.rms for window in speech])) < threshold else None


def snapshot(
    windows: list[Window], settings: VadSettings, *, floor: float, threshold: float, model: str | None
) -> VadSnapshot:
    """Return what the stages made of a phrase's windows."""
    speech = [window for window in windows if window.speech]
    told = [window.probability for window in speech if window.probability is not None]
    return VadSnapshot(
        noise_floor_rms=floor,
        threshold_rms=threshold,
        threshold_multiplier=settings.threshold_multiplier,
        min_energy=settings.min_energy,
        voiced_ratio=len(speech) / len(windows),
        mode=settings.mode,
        loud_ratio=_share([window.loud for window in windows]) if settings.energy_gate else None,
        webrtc_ratio=_share([window.voiced for window in windows]) if settings.webrtc else None,
        neural=model,
        neural_mean=sum(told) / len(told) if told else None,
    )


def _share(flags: list[bool]) -> float:
    return sum(flags) / len(flags)
