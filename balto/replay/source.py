"""Where the answers of a replay come from: what was recorded, and what was given in a file."""

from collections.abc import Callable
from dataclasses import dataclass, field

from balto.replay.answer import Place, Tally
from balto.replay.answers import Answers
from balto.replay.pins import Pins


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Answers for one replay."""

    answers: Answers
    place_of: Callable[[int, int], Place | None]
    """Gives where a phrase, or what was offered of it, is in the replay; by its number and the offer's, 0 for none."""
    pins: Pins | None = None
    tally: Tally = field(default_factory=Tally)
    """Of how answers were come by."""
