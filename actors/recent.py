"""What was lately thought about a few sentences, for who asks again: stage after stage, and before it is asked."""

from typing import Final

_SENTENCES: Final = 64
"""What a hundred counters say while one phrase is being understood."""
_LONGEST: Final = 2_000
"""Letters of a sentence that is kept."""


class Recent[V]:
    """The last few sentences, each with a value. Any thread may ask and tell."""

    def __init__(self) -> None:
        self._values: dict[str, V] = {}

    def get(self, text: str) -> V | None:
        """Return what is known of a sentence."""
        return self._values.get(text)

    def keep(self, text: str, value: V) -> V:
        """Remember a sentence in the place of the oldest one, unless it is a long one, and return its value."""
        if len(text) <= _LONGEST:
            self._values.pop(text, None)
            self._values[text] = value
            for oldest in list(self._values)[:-_SENTENCES]:
                self._values.pop(oldest, None)
        return value
