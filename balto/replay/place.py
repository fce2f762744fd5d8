"""A place in a session as people name it: an event's position, a time since its start, or a time of day."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from events.envelope import RecordedEvent

_SINCE_START: Final = re.compile(r"(?:(?:(?P<h>\d+):)?(?P<m>\d+):)?(?P<s>\d+(?:\.\d+)?)(?P<unit>ms|s|m)?")
_SECONDS: Final = {"ms": 0.001, "s": 1.0, "m": 60.0, None: 1.0}
_MOST_S: Final = 1e9
HELP: Final = "an event's number (14), a time since the start (12.5s, 1:02.5) or a time of day (2026-11-26T14:30:05)"


@dataclass(frozen=True, slots=True)
class Place:
    """The events up to here, and this one too."""

    position: int | None = None
    """Of the last event."""
    elapsed: timedelta | None = None
    """Since the session's start."""
    moment: datetime | None = None
    """UTC."""

    def reaches(self, recorded: RecordedEvent) -> bool:
        """Tell whether an event is not behind this place."""
        if self.position is not None:
            return recorded.stream_position <= self.position
        if self.elapsed is not None:
            return timedelta(microseconds=recorded.elapsed_us) <= self.elapsed
        return self.moment is None or recorded.occurred_at <= self.moment


EVERYTHING: Final = Place()
"""The end."""


def parse_place(text: str) -> Place:
    """Read a place: `14`, `12.5s`, `850ms`, `1:02.5`, `1:00:00`, `2026-11-26T14:30:05` (UTC where no zone is told).

    Raises:
        ValueError: it is none; the message says what would be.
    """
    if text.isascii() and text.isdigit():
        return Place(position=int(text))
    match = _SINCE_START.fullmatch(text)
    if match is not None and (match["unit"] or match["m"]) and not (match["unit"] and match["m"]):
        seconds = float(match["s"]) * _SECONDS[match["unit"]] + 60 * int(match["m"] or 0) + 3600 * int(match["h"] or 0)
        return Place(elapsed=timedelta(seconds=min(seconds, _MOST_S)))
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(f"{text} is no place in a session: give {HELP}") from None
    return Place(moment=moment.replace(tzinfo=moment.tzinfo or UTC))
