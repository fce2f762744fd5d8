"""Events of speech-to-text that hears a phrase while it is being said: its stream opened, and closed with its cost."""

from dataclasses import dataclass
from typing import Literal

from events.catalogue.base import Event, recorded

StreamOutcome = Literal["answered", "failed", "discarded", "lost"]
"""Its text is the phrase's; another engine's is, or none; it heard what was no phrase, or not where one ended; it was
open in a process that is gone."""


@recorded()
@dataclass(frozen=True, slots=True, kw_only=True)
class TranscriptionStreamOpened(Event):
    """While a phrase is being said its audio goes to a speech-to-text engine; recorded before the stream is opened."""

    phrase: int
    provider: str
    model: str
    sample_start: int
    """First sample that it is sent: the phrase's own first, pre-roll included."""


@recorded()
@dataclass(frozen=True, slots=True, kw_only=True)
class TranscriptionStreamClosed(Event):
    """A phrase's stream is over."""

    phrase: int
    provider: str
    model: str
    outcome: StreamOutcome
    sample_end: int
    """One past the last sample that it counts for."""
    cost_usd: float
    """Of the audio from `sample_start` to `sample_end`, by the price list, whatever came of it. Counted here alone: the
    transcripts that the stream wrote cost 0. What had been sent of the silence behind a phrase isn't counted."""
