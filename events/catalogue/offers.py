"""Events of speculative endpointing: a phrase goes to speech-to-text before it is certain that it is over."""

from dataclasses import dataclass
from typing import Literal

from events.catalogue.base import Event, personal, recorded
from events.catalogue.transcription import EngineRule, Word
from events.upcasters import Data, upcaster

WithdrawalReason = Literal["speech_went_on", "cut_elsewhere", "discarded", "transcription_failed", "failed"]


@recorded(version=2)
@dataclass(frozen=True, slots=True, kw_only=True)
class PhraseOffered(Event):
    """After a short pause a phrase that may be over went to speech-to-text. It is withdrawn if speech goes on."""

    phrase: int
    offer: int
    """Number of the offer in its session, growing; some are passed over."""
    sample_start: int
    sample_end: int
    """One past the last sample of what was offered. `PhraseCaptured` has the same if the offer held."""
    provider: str
    model: str
    why: EngineRule = "default"


@upcaster("PhraseOffered", 1)
def _only_the_servers_order(data: Data) -> Data:
    return {**data, "why": "default"}


@recorded()
@dataclass(frozen=True, slots=True, kw_only=True)
class OfferTranscribed(Event):
    """What an engine wrote for an offered phrase. It becomes the phrase's transcript if nothing more is said."""

    phrase: int
    offer: int
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
    """Counted here; the `TranscriptionReceived` or `TranscriptionRejected` that takes it over adds nothing to it."""


@recorded(version=2)
@dataclass(frozen=True, slots=True, kw_only=True)
class PhraseOfferWithdrawn(Event):
    """An offered phrase was taken back; a call to an engine that was under way for it is cancelled."""

    phrase: int
    offer: int
    reason: WithdrawalReason
    cost_usd: float
    """What a call that had not been answered by then may cost all the same, by the price list."""
    provider: str = ""
    """Of the engine that was asked first, for whom the cost is counted, that of its backups too; empty: not told."""
    model: str = ""


@upcaster("PhraseOfferWithdrawn", 1)
def _of_an_engine_not_told(data: Data) -> Data:
    return {**data, "provider": "", "model": ""}
