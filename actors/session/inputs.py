"""What the session decides on: the inputs it takes beside its children's messages, and the policy of a session."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from actors.messages import (
    ClassifyDone,
    Decoded,
    DecodingFailed,
    Delivered,
    Examined,
    Listened,
    NormaliseDone,
    RecommendationReply,
    Transcribed,
)
from actors.values import Classified, Resolved, Withheld
from events.catalogue import EndReason, Entity


@dataclass(frozen=True, slots=True)
class EngineName:
    """An engine as events name it."""

    name: str
    model: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """What decisions depend on beside the state; fixed for the life of a session."""

    transcribers: tuple[EngineName, ...]
    """In order of preference; the next is asked when one fails."""
    understandings: tuple[EngineName, ...]
    resolve: Callable[[Classified, tuple[Entity, ...]], Resolved | Withheld]
    """The basket engine. Must be pure."""


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Classification:
    """Input: stage 2 answered, while the client was there or not."""

    done: ClassifyDone
    client_present: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Drained:
    """Input: no audio will come, and nothing that could still be answered is under way."""

    reason: EndReason
    byte_end: int
    """Bytes received in all."""


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
    | Drained
)
