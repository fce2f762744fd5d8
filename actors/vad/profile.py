"""The noise profile: the latest audio of a stream that was not speech, which phrases are measured and cleaned by."""

from typing import Final

import numpy as np

from actors.vad.cascade import WINDOW_MS
from actors.vad.history import SampleHistory
from actors.vad.silero import WINDOW
from actors.values import Pcm

LONGEST: Final = 1_500 // WINDOW_MS * WINDOW
"""Samples of it."""
_DELAY: Final = 10 * WINDOW
"""Samples before an onset that are not taken for noise, since soft consonants hide there."""


class NoiseProfile:
    """Learns from the silence before each onset; keeps nothing that the next one will displace."""

    __slots__ = ("quiet_from", "samples")

    def __init__(self) -> None:
        self.samples: Pcm = np.zeros(0, dtype=np.int16)
        """As learned last, shape (n,), at most `LONGEST`; in a silence, as much of it as may still count."""
        self.quiet_from = 0
        """Sample from which nothing has been taken for speech."""

    def learn(self, history: SampleHistory, onset: int) -> None:
        """Take the silence before what may be an onset."""
        until = onset - _DELAY
        begin = self.needed_from(onset)
        if until > begin:
            self._keep(LONGEST - (until - begin))
            self.samples = np.concatenate([self.samples, history.take(begin, until)])
        self.quiet_from = onset

    def needed_from(self, onset: int) -> int:
        """Return from which sample on an onset would need the stream."""
        return max(self.quiet_from, onset - _DELAY - LONGEST)

    def wait(self, onset: int) -> None:
        """Let go of what would be displaced, since no onset comes before this sample."""
        self._keep(LONGEST - max(0, min(LONGEST, onset - _DELAY - self.quiet_from)))

    def _keep(self, samples: int) -> None:
        # A view would keep all of what it is a part of.
        if self.samples.size > samples:
            self.samples = self.samples[self.samples.size - samples :].copy()
