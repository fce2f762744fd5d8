"""Events of a session's life: it starts, pauses, resumes, receives audio and ends."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from events.catalogue.base import Event, personal, recorded

EndReason = Literal[
    "client_finished", "client_left", "audio_undecodable", "server_stopping", "journal_unavailable", "failed"
]


@recorded()
@dataclass(frozen=True, slots=True, kw_only=True)
class SessionStarted(Event):
    """A counter's client passed the handshake and its session began. Sample 0 and elapsed 0 are here."""

    session_id: str
    counter_id: str
    protocol: int
    """Version of the socket protocol that the client speaks: 1 (kept) or 2."""
    encoding: str
    """Audio encoding declared by the client, or `auto`."""
    settings: dict[str, Any]
    """Every setting that a decision of this session can depend on, so that a replay can repeat it."""
    versions: dict[str, str]
    """Versions of Balto, the basket catalogue and the engines in use."""


@recorded()
@dataclass(frozen=True, slots=True, kw_only=True)
class SessionPaused(Event):
    """The connection was lost; the session stays alive for its grace time."""

    grace_s: float


@recorded()
@dataclass(frozen=True, slots=True, kw_only=True)
class SessionResumed(Event):
    """A connection took the session up again, here or on another node."""

    byte_offset: int
    """Bytes that the session had: where the client goes on."""
    epoch: int
    """How often it has been taken up, from 1."""


@recorded()
@dataclass(frozen=True, slots=True, kw_only=True)
class SessionEnded(Event):
    """The session is over; nothing follows on its stream but erasure."""

    reason: EndReason
    bytes_received: int
    samples: int
    """Samples heard, mono at 16 kHz."""
    phrases: int
    recommendations: int


@recorded()
@dataclass(frozen=True, slots=True, kw_only=True)
class AudioFormatDetected(Event):
    """The first bytes told what the stream is."""

    encoding: str
    """`pcm_s16le`, `wav`, `webm-opus`, `ogg-opus` or `ffmpeg`."""
    sample_rate: int | None
    """Hz as declared by the container; None where only the decoder knows."""
    channels: int | None


@recorded()
@dataclass(frozen=True, slots=True, kw_only=True)
class AudioReceived(Event):
    """About a second of the client's bytes, recorded beside this event exactly as they came."""

    byte_start: int
    byte_end: int
    sample_start: int
    """First 16 kHz sample that these bytes decoded to."""
    sample_end: int
    """One past the last one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bookmark:
    """A place in a client's bytes from which a fresh decoder can go on, once it has been given the stream's header."""

    encoding: str
    """Of the decoder, as in `AudioFormatDetected`."""
    header_bytes: int
    """Length of the header that a fresh decoder needs first; 0 where it needs none."""
    byte_offset: int
    """First byte to decode."""
    sample: int
    """Index of the first 16 kHz sample that comes of it."""
    place: tuple[int, ...]
    """Where the parser of the container stands; each decoder reads its own."""


@recorded()
@dataclass(frozen=True, slots=True, kw_only=True)
class AudioBookmarked(Event):
    """A place was noted from which the recording can be heard again without all that comes before. Two a minute."""

    bookmark: Bookmark


@recorded()
@dataclass(frozen=True, slots=True, kw_only=True)
class MessageUndelivered(Event):
    """Messages within the session died: their receiver had stopped, or they had waited past their deadline."""

    actor: str
    """Class of the receiver."""
    message: str
    """Type of the messages; never what they hold."""
    reason: Literal["stopped", "expired"]
    count: int


@recorded()
@dataclass(frozen=True, slots=True, kw_only=True)
class AudioRejected(Event):
    """The bytes from an offset on could not be decoded; what had been heard before is kept."""

    code: str
    byte_offset: int


@recorded()
@dataclass(frozen=True, slots=True, kw_only=True)
class ResourcesSampled(Event):
    """State of the process and the machine at the moment of a phrase."""

    phrase: int
    cpu_percent: float
    """Of one core, by this process since the previous sample."""
    system_cpu_percent: float
    """Of all cores, by everything."""
    rss_bytes: int
    system_memory_percent: float
    loop_lag_ms: float


@recorded()
@dataclass(frozen=True, slots=True, kw_only=True)
class ConsentRecorded(Event):
    """The client stated what the customer agreed to."""

    purposes: dict[str, bool]
    reference: str | None = personal(default=None)


@recorded()
@dataclass(frozen=True, slots=True, kw_only=True)
class RecordingsExpired(Event):
    """The recorded audio of this stream was deleted, all of it being older than recordings are kept."""

    bytes_deleted: int
    """Of the client's bytes as they were received."""
    older_than: datetime
    """All of it had been recorded before this time."""


@recorded()
@dataclass(frozen=True, slots=True, kw_only=True)
class SubjectErased(Event):
    """The keys and recordings of this stream were destroyed; what is left is numbers."""

    reason: str
