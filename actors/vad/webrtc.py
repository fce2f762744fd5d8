"""The voice detector: WebRTC's, on frames of 30 ms, told by windows of another length."""

from typing import Final

import webrtcvad

from actors.values import SAMPLE_RATE

FRAME: Final = SAMPLE_RATE * 30 // 1000
"""Samples of a frame: 480."""
_BYTES: Final = 2 * FRAME


class VoiceDetector:
    """Tells voice from other sounds; it adapts to a stream, of which what is quieter than any speech may be skipped.

    Args:
        mode: aggressiveness, 0 to 3.

    Raises:
        ValueError: no such mode.
    """

    __slots__ = ("_rest", "_vad")

    def __init__(self, mode: int) -> None:
        if mode not in (0, 1, 2, 3):
            raise ValueError(f"mode must be 0 to 3, not {mode}")
        self._vad = webrtcvad.Vad(mode)
        self._rest = b""

    def voiced(self, audio: bytes, window: int) -> list[bool]:
        """Tell which of the next windows a frame with a voice reaches into.

        The frame that is cut by the end of the audio is heard with the next call and counts for its windows only.

        Args:
            audio: little-endian int16 samples, whole windows.
            window: samples of a window, more than a frame has.
        """
        raw = self._rest + audio
        first = len(self._rest) // 2
        flags = [False] * (len(audio) // (2 * window))
        is_speech = self._vad.is_speech
        at = 0
        while at + _BYTES <= len(raw):
            if is_speech(raw[at : at + _BYTES], SAMPLE_RATE):
                start, end = at // 2 - first, at // 2 + FRAME - 1 - first
                flags[max(0, start) // window] = True
                flags[end // window] = True
            at += _BYTES
        self._rest = raw[at:]
        return flags

    def skip(self) -> None:
        """Pass over the next windows, and the frame that they would have completed."""
        self._rest = b""
