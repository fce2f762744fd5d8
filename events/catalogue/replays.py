"""Events of replay: a recorded session was put through the same actors once more, on a stream of its own."""

from dataclasses import dataclass
from typing import Any, Literal

from events.catalogue.base import Event, recorded

AnswerSource = Literal["recorded", "live", "pinned"]
"""Where the answers of a step come from: the session's own stream; its engine, asked again; a file."""


@recorded()
@dataclass(frozen=True, slots=True, kw_only=True)
class ReplayStarted(Event):
    """A session's recording is heard again. What follows on this stream is what its actors make of it."""

    original: str
    """Name of the session's stream."""
    original_position: int
    """Position in that stream up to which it was read."""
    changes: dict[str, Any]
    """What is set differently from the session's own settings, by name; empty for nothing."""
    transcription: AnswerSource
    understanding: AnswerSource
    versions: dict[str, str]
    """Of Balto and what decides, now; those of then are in the session's own `SessionStarted`."""


@recorded()
@dataclass(frozen=True, slots=True, kw_only=True)
class ReplayEnded(Event):
    """The recording was heard to its end, or as far as it goes."""

    events: int
    """Of the session, between this and `ReplayStarted`."""
    answers_exact: int
    """Answers taken from the recording for the very same input."""
    answers_near: int
    """Transcripts taken from a recorded phrase that begins or ends a little elsewhere."""
    answers_missing: int
    """Steps that failed with `no_recording`: what was asked for here was never asked there."""
    remarks: tuple[str, ...] = ()
    """What of the recording was missing or could not be read, a line each; nothing that was said."""
