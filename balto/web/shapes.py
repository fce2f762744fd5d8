"""Shapes of JSON answers, for the OpenAPI page; what handlers send is checked against them by tests."""

from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from projections.rows import BiometricsRow, CounterMetric, SessionRow, TimelineRow


class Shape(BaseModel):
    """An object of exactly these fields."""

    # They describe and check nothing: built only if somebody asks for the description.
    model_config = ConfigDict(extra="forbid", defer_build=True)


class Erro(Shape):
    """Why a request is refused: one Portuguese line."""

    erro: str


class Status(Shape):
    """All is well."""

    status: Literal["ok"]


class Readiness(Status):
    """The server can work, with so many of its processes."""

    workers: int
    """That take connections now."""
    workers_wanted: int


class Registered(Shape):
    """A client's code, which is its tenant."""

    codigo: str


class CounterMade(Shape):
    """A counter and, this once, its key."""

    api_key: str
    balcao_id: str
    status: Literal["registered"]
    aviso: str | None = None
    """Where the client has another counter of this name."""


class ShownItem(Shape):
    """Something that goes well with what was asked for."""

    sugestao: str
    explicacao: str
    tag: str | None = None


class Analysis(Shape):
    """What would be recommended for a text."""

    deve_sugerir: bool
    evidencias: list[str]
    itens: list[ShownItem]


class Segment(Shape):
    """A phrase as a WAV file."""

    size_bytes: int
    duration_sec: float
    audio_base64: str


class Segments(Shape):
    """The phrases of an audio file."""

    segments: list[Segment]
    total_segments: int


class Transcript(Shape):
    """What was said."""

    texto: str


class InteractionShown(Shape):
    """A phrase that was understood, and the advice on it; no words where they were erased."""

    session_id: str
    phrase: int
    tenant: str
    counter_id: str | None
    at: datetime
    categories: list[str] | None
    items: list[ShownItem]
    recommendation_id: str | None
    answer: str | None
    text: str | None


class CounterMetrics(Shape):
    """The latest phrases of a counter."""

    balcao_id: str
    interacoes: list[CounterMetric]


class PresetShown(Shape):
    """A counter with its preset."""

    balcao_id: str
    nome_balcao: str
    threshold_multiplier: float
    min_energy: float


class PresetChanged(Shape):
    """A counter's new preset."""

    status: Literal["updated"]
    balcao_id: str
    threshold_multiplier: float
    min_energy: float


class Preferences(Shape):
    """What a counter prefers of the engines and may spend a day."""

    balcao_id: str
    transcritores: list[str]
    caminho_rapido: bool | None
    orcamento_diario_usd: float | None


class PreferencesChanged(Preferences):
    """A counter's preferences, as they are now."""

    status: Literal["updated"]


class Sessions(Shape):
    """Sessions, the latest first."""

    sessions: list[SessionRow]
    next: str | None
    """The `before` of the next page; null on the last."""


class Timeline(Shape):
    """The phrases of a session and where their time went."""

    session_id: str
    phrases: list[TimelineRow]


class Biometrics(Shape):
    """The phrases of a session and how they sounded."""

    session_id: str
    biometrics: list[BiometricsRow]


class SessionEvent(Shape):
    """An event of a session, personal fields included."""

    position: int
    stream_position: int
    event_id: str
    type: str
    schema_version: int
    occurred_at: datetime
    elapsed_us: int
    correlation_id: str | None
    causation_id: str | None
    data: dict[str, Any]


class SessionEvents(Shape):
    """A page of a session's events."""

    session_id: str
    events: list[SessionEvent]
    next: int | None


class LedgerEvent(Shape):
    """An event, without anything personal."""

    position: int
    stream: str
    stream_position: int
    tenant: str
    event_id: str
    type: str
    schema_version: int
    occurred_at: datetime
    recorded_at: datetime
    elapsed_us: int
    correlation_id: str | None
    causation_id: str | None
    erased: bool
    data: dict[str, Any]


class LedgerEvents(Shape):
    """A page of the ledger."""

    events: list[LedgerEvent]
    next: int | None


class ReadModel(Shape):
    """A read model that can be had, and how far its rows are."""

    name: str
    view: str
    key: list[str]
    time: str | None
    position: int
    lag: int
    state: Literal["live", "stopped", "outdated"]


class ReadModels(Shape):
    """The read models."""

    projections: list[ReadModel]


class Rows(Shape):
    """A page of a read model; columns as its view of schema `bi` has them."""

    view: str
    position: int
    rows: list[dict[str, Any]]
    next: str | None
