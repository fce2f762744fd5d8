"""What the session decides on: the inputs it takes beside its children's messages, and the policy of a session."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from actors.comparison import Compared
from actors.messages import (
    AttemptDue,
    Classify,
    ClassifyDone,
    Decoded,
    DecodingFailed,
    Delivered,
    Examine,
    Examined,
    Listened,
    Normalise,
    NormaliseDone,
    RecommendationReply,
    Transcribe,
    Transcribed,
)
from actors.session.conversation import Rules
from actors.session.phrase import Stage
from actors.session.purse import Allowance
from actors.values import Classified, Conversation, Phrase, Resolved, Withheld
from events.catalogue import EndReason, Entity, GatheringEnd


@dataclass(frozen=True, slots=True)
class EngineName:
    """An engine as events name it."""

    name: str
    model: str
    usd_per_hour: float = 0.0
    """Of audio; what a call that is cancelled may cost all the same."""


@dataclass(frozen=True, slots=True)
class StreamingName(EngineName):
    """A speech-to-text engine that hears phrases while they are said."""

    goes_on: bool = True
    """Whether it hears on after a pause at which its text was asked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """What decisions depend on beside the state; fixed for the life of a session."""

    transcribers: tuple[EngineName, ...]
    """In order of preference; the next is asked when one fails."""
    understandings: tuple[EngineName, ...]
    resolve: Callable[[Classified, tuple[Entity, ...], Conversation], Resolved | Withheld]
    """The basket engine. Must be pure."""
    engines: tuple[EngineName, ...] = ()
    """What the one transcriber chooses from, in the server's order of preference; empty where it is one engine."""
    lexicon: EngineName | None = None
    """The free engine that stands behind a paid one of understanding, or alone."""
    rules: Rules = field(default_factory=Rules)
    """Of the conversation."""
    streaming: StreamingName | None = None
    """Hears phrases while they are said, before the first transcriber is asked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Began:
    """Input: the handshake is over."""

    session_id: str
    counter_id: str
    protocol: int
    encoding: str
    settings: dict[str, Any]
    versions: dict[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Resources:
    """Readings of the process and the machine; units as in `events.catalogue.ResourcesSampled`."""

    cpu_percent: float
    system_cpu_percent: float
    rss_bytes: int
    system_memory_percent: float
    loop_lag_ms: float


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Progressed:
    """Input: the detector worked through more samples, with the resources at that moment if a phrase came out."""

    listened: Listened
    resources: Resources | None = field(default=None)
    streaming: bool = False
    """Whether streams may be opened: the engine is not known to be ill."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Classification:
    """Input: stage 2 answered, while the client was there or not."""

    done: ClassifyDone
    client_present: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class GatherDue:
    """Input: the utterance that waits has waited long enough, unless it is being gone on with."""

    last: int
    """Number of its last phrase. Ignored if another has come since."""
    reason: GatheringEnd
    forced: bool = False
    """Whether it waits no longer even so."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PhraseFailed:
    """Input: an actor broke down over a phrase and was restarted; the phrase is skipped."""

    number: int
    sample_start: int
    sample_end: int
    stage: Stage
    """What was being done. Ignored if the phrase is past that."""


@dataclass(frozen=True, slots=True)
class OfferFailed:
    """Input: what was offered of a phrase cannot be worked on."""

    number: int
    offer: int


def phrase_failed(message: object, phrases: Mapping[int, Phrase]) -> PhraseFailed | OfferFailed | None:
    """Return the input that follows from the message that an actor broke down over; None where it was about none."""
    stage: Stage
    match message:
        case Examine(Phrase(number=number), offer=offer) | Transcribe(number=number, offer=offer) if offer:
            return OfferFailed(number, offer)
        case Examine(Phrase(number=number)):
            stage = "captured"
        case Transcribe(number=number):
            stage = "transcribing"
        case Normalise(number=number):
            stage = "normalising"
        case Classify(number=number):
            stage = "classifying"
        case _:
            return None
    phrase = phrases.get(number)
    if phrase is None:
        # Words alone are worked on in a later life of a session, without the audio.
        return PhraseFailed(number=number, sample_start=0, sample_end=0, stage=stage)
    return PhraseFailed(number=number, sample_start=phrase.sample_start, sample_end=phrase.sample_end, stage=stage)


@dataclass(frozen=True, slots=True, kw_only=True)
class Drained:
    """Input: no audio will come, and nothing that could still be answered is under way."""

    reason: EndReason
    byte_end: int
    """Bytes received in all."""


@dataclass(frozen=True, slots=True)
class Lost:
    """Input: the connection is gone; it may come back within the grace time."""

    grace_s: float


@dataclass(frozen=True, slots=True)
class TakenUp:
    """Input: a connection takes the session up; `byte_offset` bytes are there."""

    byte_offset: int


@dataclass(frozen=True, slots=True)
class AudioLost:
    """Input: the audio of a phrase under way is nowhere any more."""

    number: int


@dataclass(frozen=True, slots=True)
class StreamsLost:
    """Input: the session begins another life; the streams that were open are not its own any more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rested:
    """Input: nothing has come for a while and nothing is under way; what was received last is recorded."""

    byte_end: int
    sample_end: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Undelivered:
    """Input: messages to an actor of the session were not handled."""

    actor: str
    kinds: Mapping[str, int]
    """How many, by type."""
    reason: Literal["stopped", "expired"]


Input = (
    Began
    | Decoded
    | Progressed
    | DecodingFailed
    | Examined
    | Transcribed
    | NormaliseDone
    | Classification
    | Delivered
    | RecommendationReply
    | PhraseFailed
    | OfferFailed
    | GatherDue
    | Drained
    | Lost
    | TakenUp
    | AudioLost
    | Rested
    | StreamsLost
    | Undelivered
    | AttemptDue
    | Compared
    | Allowance
)
