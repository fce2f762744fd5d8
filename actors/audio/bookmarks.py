"""When a place in a stream is noted, from which a fresh decoder can go on: twice a minute."""

from typing import Final

from actors.audio.decoder import Decoder
from actors.values import SAMPLE_RATE
from events.catalogue import Bookmark

_EVERY: Final = 30 * SAMPLE_RATE
_AHEAD: Final = 6 * SAMPLE_RATE
"""Samples by which a bookmark comes before a multiple of that: there a session's listening may be taken up, and by then
the decoder has settled."""
_NEAR: Final = 4 * SAMPLE_RATE
"""Samples before a bookmark is due from which on the decoder is asked for its place each time."""
_LONG: Final = 2 * SAMPLE_RATE
"""Samples at a time that may pass from far ahead to beyond: the decoder is asked after each."""


class Bookmarks:
    """Finds, of the places of a decoder, the last before each that is due.

    Asking for a place costs as much as decoding a message of raw PCM, so it is left where none is due soon.

    Args:
        decoder: whose places they are.
    """

    def __init__(self, decoder: Decoder) -> None:
        self._decoder = decoder
        self._sample = self._unasked = 0
        self._due = _EVERY - _AHEAD
        self._latest: Bookmark | None = None

    def go_on(self, bookmark: Bookmark) -> None:
        """Begin anew at a place."""
        self._sample = bookmark.sample
        self._due = _due_after(bookmark.sample)

    def given(self, samples: int) -> None:
        """Take note of samples that the decoder has given."""
        self._sample += samples
        self._unasked += samples

    def due(self) -> Bookmark | None:
        """Return the last place before one was due, once that is past. To be asked when all is given out."""
        passed, self._unasked = self._unasked, 0
        if passed < _LONG and self._sample + _NEAR < self._due:
            return None
        latest, self._latest = self._latest, self._decoder.bookmark()
        if self._latest is None or self._latest.sample <= self._due:
            return None
        self._due = _due_after(self._latest.sample)
        return latest


def _due_after(sample: int) -> int:
    return ((sample + _AHEAD) // _EVERY + 1) * _EVERY - _AHEAD
