"""The voice detector: WebRTC's, on frames of 30 ms."""

from typing import Final

import webrtcvad

from actors.values import SAMPLE_RATE

FRAME_MS: Final = 30
FRAME: Final = SAMPLE_RATE * FRAME_MS // 1000
"""Samples of a frame: 480."""


class VoiceDetector:
    """Tells voice from other sounds, frame by frame; it adapts, so it must hear every frame of a stream.

    Args:
        mode: aggressiveness, 0 to 3.

    Raises:
        ValueError: no such mode.
    """

    def __init__(self, mode: int) -> None:
        if mode not in (0, 1, 2, 3):
            raise ValueError(f"mode must be 0 to 3, not {mode}")
        self._vad = webrtcvad.Vad(mode)

    def is_voice(self, frame: bytes) -> bool:
        """Tell whether the next frame, `FRAME` little-endian int16 samples, holds a voice."""
        return bool(self._vad.is_speech(frame, SAMPLE_RATE))
