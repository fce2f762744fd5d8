"""One phrase of a session between its onset and its outcome, as the fold keeps it."""

from dataclasses import dataclass
from typing import Literal

from actors.values import Captured
from events.catalogue import EngineRule, Entity, OfferTranscribed, PhraseOffered, TranscriptionStreamOpened

Stage = Literal["speaking", "captured", "transcribing", "gathering", "normalising", "classifying"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """A phrase that went to speech-to-text before it was certain to be over."""

    event: PhraseOffered
    answer: OfferTranscribed | None = None
    backups_usd: float = 0.0
    """What the engines may cost that were asked beside the first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PhraseState:
    """A phrase between its onset and its outcome."""

    stage: Stage = "speaking"
    sample_start: int = 0
    captured: Captured | None = None
    """Where it is and how it was cut, from the moment it was."""
    attempt: int = 0
    """Engines of the present stage that have failed already."""
    engine: str = ""
    """Asked for the present stage, as its request names it."""
    why: EngineRule = "default"
    """For which rule, of speech-to-text."""
    audio_for_stt: Literal["raw", "cleaned"] = "raw"
    audio_ms: float = 0.0
    text: str = ""
    entities: tuple[Entity, ...] = ()
    offer: Offer | None = None
    """What was offered of it and not withdrawn; of a captured phrase, all of it."""
    live: TranscriptionStreamOpened | None = None
    """The stream that hears it while it is said."""

    @property
    def offered_to_stream(self) -> bool:
        """Whether an offer of it is still to be written down by its stream, and no request is made of it yet."""
        if self.live is None or self.offer is None or self.offer.answer is not None:
            return False
        asked = self.offer.event
        same = (asked.provider, asked.model) == (self.live.provider, self.live.model)
        return same and self.stage in ("speaking", "captured")

    @property
    def sample_end(self) -> int:
        """Where it ended; of one that was not captured, where it began."""
        return self.sample_start if self.captured is None else self.captured.sample_end
