"""The voice detector: WebRTC's, on frames of 30 ms."""

from typing import Final

import webrtcvad

from actors.values import SAMPLE_RATE

FRAME_MS: Final = 30
FRAME: Final = SAMPLE_RATE * FRAME_MS // 1000
"""Samples of a frame: 480."""
GENERATION: Final = 30_000 // FRAME_MS
"""Frames from one detector's start to its successor's."""
WARM_UP: Final = 15_000 // FRAME_MS
"""Frames that a successor hears before it takes over."""


def in_charge_from(frame: int) -> int:
    """Return the first frame that the detector in charge of a frame has heard: no earlier one matters to it."""
    return max(0, (frame - WARM_UP) // GENERATION) * GENERATION


class VoiceDetector:
    """Tells voice from other sounds, frame by frame; it adapts, so it must hear every frame of a stream.

    WebRTC's detector never quite forgets: one that starts later disagrees with it about a frame in a hundred for good.
    So that a stream can be taken up in its middle and come to the same phrases, a fresh one takes over every 30 s,
    having listened along for 15 s.

    Args:
        mode: aggressiveness, 0 to 3.

    Raises:
        ValueError: no such mode.
    """

    def __init__(self, mode: int) -> None:
        if mode not in (0, 1, 2, 3):
            raise ValueError(f"mode must be 0 to 3, not {mode}")
        self._mode = mode
        self._vad = webrtcvad.Vad(mode)
        self._successor: webrtcvad.Vad | None = None
        self._frame = 0

    def is_voice(self, frame: bytes) -> bool:
        """Tell whether the next frame, `FRAME` little-endian int16 samples, holds a voice."""
        at = self._frame % GENERATION
        if at == 0 and self._frame:
            self._successor = webrtcvad.Vad(self._mode)
        elif at == WARM_UP and self._successor is not None:
            self._vad, self._successor = self._successor, None
        self._frame += 1
        if self._successor is not None:
            self._successor.is_speech(frame, SAMPLE_RATE)
        return bool(self._vad.is_speech(frame, SAMPLE_RATE))
