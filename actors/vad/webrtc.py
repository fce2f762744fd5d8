"""The voice detector: WebRTC's, on frames of 30 ms, told by windows of another length."""

from typing import Final

import webrtcvad

from actors.values import SAMPLE_RATE

FRAME: Final = SAMPLE_RATE * 30 // 1000
"""Samples of a frame: 480."""
_BYTES: Final = 2 * FRAME
_ALIGNED: Final = 15 * 2_048
"""Samples after which frames, and the blocks that the cascade hears, begin together again."""
GENERATION: Final = 16 * _ALIGNED
"""Samples from one detector's start to its successor's: 31 s."""
WARM_UP: Final = GENERATION // 2
"""Samples that a successor hears before it takes over."""


def in_charge_from(sample: int) -> int:
    """Return from which sample on the detector in charge of a sample has heard: no earlier one matters to it."""
    return max(0, (sample - WARM_UP) // GENERATION) * GENERATION


class VoiceDetector:
    """Tells voice from other sounds; it adapts to a stream, of which what is quieter than any speech may be skipped.

    WebRTC's detector never quite forgets: one that starts later disagrees with it about a frame in a hundred for good.
    So that a stream can be taken up in its middle and come to the same phrases, a fresh one takes over every 31 s,
    having listened along for 15 s.

    Args:
        mode: aggressiveness, 0 to 3.

    Raises:
        ValueError: no such mode.
    """

    __slots__ = ("_at", "_generation", "_mode", "_rest", "_successor", "_vad")

    def __init__(self, mode: int) -> None:
        if mode not in (0, 1, 2, 3):
            raise ValueError(f"mode must be 0 to 3, not {mode}")
        self._mode = mode
        self._vad = webrtcvad.Vad(mode)
        self._successor: webrtcvad.Vad | None = None
        self._generation = 0
        self._rest = b""
        self._at = 0
        """First sample of what is left for the next frame."""

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
        at = 0
        while at + _BYTES <= len(raw):
            if self._is_voice(raw[at : at + _BYTES]):
                start, end = at // 2 - first, at // 2 + FRAME - 1 - first
                flags[max(0, start) // window] = True
                flags[end // window] = True
            at += _BYTES
        self._rest = raw[at:]
        return flags

    def _is_voice(self, frame: bytes) -> bool:
        generation, age = divmod(self._at, GENERATION)
        if generation != self._generation:
            self._generation, self._successor = generation, webrtcvad.Vad(self._mode)
        if self._successor is not None:
            if age >= WARM_UP:
                self._vad, self._successor = self._successor, None
            else:
                self._successor.is_speech(frame, SAMPLE_RATE)
        self._at += FRAME
        return bool(self._vad.is_speech(frame, SAMPLE_RATE))

    def skip(self, samples: int) -> None:
        """Pass over the next samples, and the frame that they would have completed."""
        self._at += len(self._rest) // 2 + samples
        self._rest = b""
