"""Events of comparison: a sampled phrase is heard by a second engine too, after its transcript was chosen."""

from dataclasses import dataclass

from events.catalogue.base import Event, personal, recorded
from events.catalogue.transcription import Word


@recorded()
@dataclass(frozen=True, slots=True, kw_only=True)
class ComparisonRequested(Event):
    """A phrase that has its transcript goes to another engine as well, to compare the two."""

    phrase: int
    provider: str
    model: str
    audio_ms: float
    may_cost_usd: float
    """By the price list."""
    chosen_provider: str
    """Whose transcript the session goes on with."""
    chosen_model: str
    chosen_latency_ms: float
    chosen_cost_usd: float
    """Counted where that transcript was received; not again here."""


@recorded()
@dataclass(frozen=True, slots=True, kw_only=True)
class TranscriptCompared(Event):
    """What the other engine wrote. Nothing follows from it but the comparison."""

    phrase: int
    provider: str
    model: str
    text: str = personal()
    words: tuple[Word, ...] = personal(default=())
    confidence: float | None
    """0 to 1 as the engine gives or implies it."""
    rejected: str | None
    """Why the text was taken for noise or invention; None for a good one."""
    latency_ms: float
    cost_usd: float
    word_errors: int
    """Words to insert, delete or replace to make one text of the other, without case and punctuation."""
    chosen_words: int
    """Words of the chosen transcript: `word_errors` over them is the word error rate between the two."""
    chosen_provider: str
    chosen_model: str
    chosen_latency_ms: float
    chosen_cost_usd: float
    """As in `ComparisonRequested`."""
    audio_ms: float


@recorded()
@dataclass(frozen=True, slots=True, kw_only=True)
class ComparisonFailed(Event):
    """The other engine wrote nothing."""

    phrase: int
    provider: str
    model: str
    code: str
    """Ours, never the provider's words; `circuit_open` for one that was left alone, `abandoned` at a session's end."""
    latency_ms: float
    cost_usd: float
    """0 where the provider bills nothing; the list price where a stopped call may be billed all the same."""
    chosen_provider: str
    chosen_model: str
