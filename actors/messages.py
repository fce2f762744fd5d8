"""What the actors say to one another."""

import asyncio
from dataclasses import dataclass, field
from typing import Final, Literal

from actors.live import LiveStream
from actors.routing.attempts import Due, Ended
from actors.runtime.calls import Call
from actors.values import Biometrics, Classified, Cleaned, Heard, Normalised, OpenSpeech, Pcm, Phrase, Transcript
from events.catalogue import AttemptStep, Bookmark, Entity

WITHDRAWN: Final = "withdrawn"
"""Error of a call that the session has taken back."""

# The four that a session has for each block of audio are not frozen, though nobody changes them: to make a frozen one
# takes 2 µs, as long as sending and taking it.


@dataclass(frozen=True, slots=True, eq=False)
class AudioArrived:
    """Bytes from the client, in the order of arrival."""

    data: bytes
    byte_start: int | None = None
    """Where they belong, counted from the session's first byte; None from a client that doesn't count."""


@dataclass(frozen=True, slots=True, eq=False)
class Rehear:
    """Bytes of this session's recording, in order: a resumed session listens to them again."""

    data: bytes


@dataclass(frozen=True, slots=True)
class RehearOver:
    """No more of the recording comes."""

    complete: bool
    """Whether all of it has come that was asked for."""


@dataclass(frozen=True, slots=True)
class HandOver:
    """The process is stopping: leave the session as it is, for another to take up."""


@dataclass(frozen=True, slots=True)
class AudioFinished:
    """No more bytes will come: flush, answer what is under way, then end."""

    reason: Literal["client_finished", "client_left", "server_stopping"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivered:
    """Socket → session: the whole message of a recommendation was written."""

    number: int
    recommendation_id: str


@dataclass(frozen=True, slots=True)
class RecommendationReply:
    """The client's answer to a recommendation."""

    recommendation_id: str
    answer: Literal["exibida", "aceita", "dispensada"]


@dataclass(slots=True, eq=False)
class Decode:
    """Session → audio: decode these bytes."""

    data: bytes


@dataclass(frozen=True, slots=True, eq=False)
class JumpTo:
    """Session → audio, first of all: go on at this place of the stream whose header this is."""

    header: bytes
    bookmark: Bookmark


@dataclass(frozen=True, slots=True)
class FinishDecoding:
    """Session → audio: the stream is over; give what is left in the decoder."""


@dataclass(slots=True, kw_only=True, eq=False)
class Decoded:
    """Audio → session: samples, and how many bytes have been consumed for all samples so far."""

    pcm: Pcm
    byte_end: int
    encoding: str | None = None
    """Set once, when the first bytes told what the stream is."""
    sample_rate: int | None = None
    channels: int | None = None
    bookmark: Bookmark | None = None
    """Set now and then: a place within the bytes consumed."""
    more: bool = False
    """Whether these bytes gave further samples, which follow."""
    final: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class DecodingFailed:
    """Audio → session: from this byte on nothing can be decoded."""

    code: str
    byte_offset: int
    byte_end: int
    """Bytes received when it was found out."""
    final: bool = False


@dataclass(slots=True, eq=False)
class Listen:
    """Session → vad: the next samples of the session, decoded from the bytes up to `byte_end`."""

    pcm: Pcm
    byte_end: int
    bookmark: Bookmark | None = None
    more: bool = False
    """As in `Decoded`."""


@dataclass(frozen=True, slots=True)
class FinishListening:
    """Session → vad: no more samples; close an open phrase."""

    byte_end: int


@dataclass(slots=True, kw_only=True, eq=False)
class Listened:
    """Vad → session: what the samples up to `sample_end`, decoded from the bytes up to `byte_end`, held."""

    heard: tuple[Heard, ...] = field(default=())
    byte_end: int
    sample_end: int
    bookmark: Bookmark | None = None
    """As it came with the samples."""
    speech: OpenSpeech | None = None
    """What has come of the phrase under way, where somebody listens to it meanwhile."""
    more: bool = False
    """As in `Decoded`."""
    final: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Examine:
    """Session → examiner: clean and measure a phrase."""

    phrase: Phrase
    offer: int = 0
    """Number of the offer that the phrase is; 0 for one that is over."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Examined:
    """Examiner → session."""

    number: int
    sample_start: int
    sample_end: int
    biometrics: Biometrics | None
    """None where measuring failed; the phrase goes on."""
    measuring_ms: float
    cleaned: Cleaned | None
    """None where the phrase is clean enough for speech-to-text as it is, or cleaning failed."""
    cleaning_ms: float
    offer: int = 0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class OfferExamined:
    """Session → itself: a phrase turned out to be what was offered of it, and this is what was found in that."""

    examined: Examined


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Transcribe:
    """Session → stt: write down a phrase."""

    number: int
    pcm: Pcm
    attempt: int = 0
    """Which engine of the session's order of preference, from 0."""
    offer: int = 0
    terms: tuple[str, ...] = ()
    """Words of the running conversation that may well be said again, the latest first."""
    call: Call | None = None
    """With which the session may take it back; the answer's error is `WITHDRAWN` then."""
    order: tuple[str, ...] = ()
    """Names of the engines that may be asked where there are several, in that order; empty for as the server has it."""
    live: LiveStream | None = None
    """What has heard the phrase already: the first to be asked for its text."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Transcribed:
    """Stt → session: a transcript, or the code of the error that stands in its place."""

    number: int
    attempt: int
    provider: str
    model: str
    transcript: Transcript | None
    error: str | None = None
    latency_ms: float
    offer: int = 0
    others: tuple[Ended, ...] = ()
    """Engines that had a part in it, where several may be asked, but not the answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Normalise:
    """Session → llm: stage 1."""

    number: int
    text: str
    attempt: int = 0
    engine: str = ""
    """That its event names, which is the last resort alone where no other may be asked."""
    recorded: asyncio.Future[bool] | None = None
    """Tells when the request is durable, until when nobody outside may be asked, or False where it is not wanted any
    more; None where it is durable already."""


@dataclass(frozen=True, slots=True)
class Foresee:
    """Session → llm: a text that is likely to be what a phrase says, to be thought about as far as nobody is asked."""

    text: str


@dataclass(frozen=True, slots=True)
class Foreseen:
    """Llm → session: it has been thought about."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NormaliseDone:
    """Llm → session. Exactly one of `outcome` and `error` is set."""

    number: int
    attempt: int
    engine: str
    model: str
    outcome: Normalised | None
    error: str | None = None
    latency_ms: float
    others: tuple[Ended, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Classify:
    """Session → llm: stage 2."""

    number: int
    text: str
    entities: tuple[Entity, ...]
    attempt: int = 0
    engine: str = ""
    recorded: asyncio.Future[bool] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassifyDone:
    """Llm → session. Exactly one of `outcome` and `error` is set."""

    number: int
    attempt: int
    engine: str
    model: str
    outcome: Classified | None
    error: str | None = None
    latency_ms: float
    others: tuple[Ended, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class AttemptDue:
    """Stt or llm → session: one more engine is to be asked. The gate opens once that is durable, or unwanted."""

    number: int
    step: AttemptStep
    offer: int = 0
    due: Due
    gate: asyncio.Future[bool]
