"""Events of understanding: normalising what was said into entities, and classifying it."""

from dataclasses import dataclass
from typing import Literal

from events.catalogue.base import Event, personal, recorded
from events.upcasters import Data, upcaster

EntityKind = Literal["medicine", "symptom", "disease", "need"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Entity:
    """Something the customer named."""

    kind: EntityKind
    name: str
    """Canonical name, lower case, with accents."""
    span: str
    """The words of the transcript that prove it."""
    score: float
    """Strength of the match, 0 to 1."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Category:
    """A place in the taxonomy of needs."""

    macro: str
    micro: str | None = None


@recorded()
@dataclass(frozen=True, slots=True, kw_only=True)
class NormalisationRequested(Event):
    """A transcript goes to stage 1 (AI 1)."""

    phrase: int
    engine: str
    model: str


@recorded()
@dataclass(frozen=True, slots=True, kw_only=True)
class NormalisationCompleted(Event):
    """Stage 1 named the entities of a phrase; none is a valid answer."""

    phrase: int
    engine: str
    model: str
    entities: tuple[Entity, ...] = personal()
    entity_count: int
    latency_ms: float
    cost_usd: float


@recorded()
@dataclass(frozen=True, slots=True, kw_only=True)
class NormalisationFailed(Event):
    """An engine could not do stage 1."""

    phrase: int
    engine: str
    model: str
    code: str
    latency_ms: float


@recorded()
@dataclass(frozen=True, slots=True, kw_only=True)
class ClassificationRequested(Event):
    """The entities go to stage 2 (AI 2)."""

    phrase: int
    engine: str
    model: str


@recorded(version=2)
@dataclass(frozen=True, slots=True, kw_only=True)
class ClassificationCompleted(Event):
    """Stage 2 placed the phrase in the taxonomy."""

    phrase: int
    engine: str
    model: str
    categories: tuple[Category, ...]
    """At most two, the strongest first; empty where nothing was asked for."""
    anchors: tuple[str, ...] = personal()
    """Products the customer already named: they never come back as a suggestion."""
    confidence: float
    latency_ms: float
    cost_usd: float
    with_stage_1: bool = False
    """Whether it came with the answer to `NormalisationRequested`, so that nobody was asked for it: it took no time of
    its own and cost nothing more."""


@upcaster("ClassificationCompleted", 1)
def _asked_for_by_itself(data: Data) -> Data:
    return {**data, "with_stage_1": False}


@recorded()
@dataclass(frozen=True, slots=True, kw_only=True)
class ClassificationFailed(Event):
    """An engine could not do stage 2."""

    phrase: int
    engine: str
    model: str
    code: str
    latency_ms: float
