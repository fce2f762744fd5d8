"""Events of transcription: a provider was asked, answered, failed, or its answer was refused."""

from dataclasses import dataclass
from typing import Literal

from events.catalogue.base import Event, personal, recorded
from events.upcasters import Data, upcaster

TranscriptRole = Literal["chosen", "comparison"]

EngineRule = Literal["default", "counter", "long_and_clean", "budget"]
"""Why an engine comes first: the server's order, the counter's preference, a phrase that the cheaper one hears as well,
or a daily budget that is spent, so that only free ones are asked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Word:
    """One word of a transcript. Times are seconds from the start of the phrase."""

    text: str
    start_s: float | None = None
    end_s: float | None = None
    confidence: float | None = None


@recorded(version=2)
@dataclass(frozen=True, slots=True, kw_only=True)
class TranscriptionRequested(Event):
    """A phrase goes to a speech-to-text engine."""

    phrase: int
    provider: str
    model: str
    audio_ms: float
    role: TranscriptRole = "chosen"
    why: EngineRule = "default"


@upcaster("TranscriptionRequested", 1)
def _only_the_servers_order(data: Data) -> Data:
    return {**data, "why": "default"}


@recorded(version=3)
@dataclass(frozen=True, slots=True, kw_only=True)
class TranscriptionReceived(Event):
    """The final transcript of a phrase from one engine."""

    phrase: int
    provider: str
    model: str
    text: str = personal()
    words: tuple[Word, ...] = personal(default=())
    confidence: float | None
    """0 to 1 as the engine gives or implies it."""
    latency_ms: float
    cost_usd: float
    role: TranscriptRole = "chosen"
    words_per_minute: float | None = None
    """Speech rate from the first timed word's start to the last one's end; None where the engine times fewer than 3.
    In the clear, as `PhraseMeasured` is: the words and their times are not."""
    offer: int = 0
    """Number of the `OfferTranscribed` whose text and call this is, so that no call is counted twice; 0 for its own."""


@upcaster("TranscriptionReceived", 1)
def _rate_was_not_told(data: Data) -> Data:
    # the words may be sealed by now, so what version 1 could have told of them stays untold
    return {**data, "words_per_minute": None}


@upcaster("TranscriptionReceived", 2)
def _received_by_itself(data: Data) -> Data:
    return {**data, "offer": 0}


@recorded()
@dataclass(frozen=True, slots=True, kw_only=True)
class TranscriptionFailed(Event):
    """An engine gave no transcript. The code is ours; the provider's message stays out, since it may quote speech."""

    phrase: int
    provider: str
    model: str
    code: str
    latency_ms: float


@recorded(version=2)
@dataclass(frozen=True, slots=True, kw_only=True)
class TranscriptionRejected(Event):
    """A transcript came but was taken for noise or invention."""

    phrase: int
    provider: str
    model: str
    reason: str
    text: str = personal()
    latency_ms: float
    cost_usd: float
    offer: int = 0
    """As in `TranscriptionReceived`."""


@upcaster("TranscriptionRejected", 1)
def _rejected_by_itself(data: Data) -> Data:
    return {**data, "offer": 0}
