"""What a server says, as types: one for each `comando` of the protocol."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal


@dataclass(frozen=True, slots=True, kw_only=True)
class _Said:
    raw: Mapping[str, Any] = field(repr=False, compare=False)
    """The message as it came, with whatever a newer server adds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ready(_Said):
    """The session has begun."""

    session: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One suggestion, in Portuguese, for the attendant."""

    suggestion: str
    explanation: str
    tag: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Recommendation(_Said):
    """What goes well with what was asked for: 1 to 3 items."""

    id: str
    """By which it is answered (`Stream.answer`)."""
    phrase: int
    """The last phrase of what was understood together."""
    basket: str
    items: tuple[Item, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Transcript(_Said):
    """A phrase, written down."""

    phrase: int
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Speech(_Said):
    """Somebody began to speak, or fell silent."""

    phrase: int
    speaking: bool
    sample: int
    """Where, in samples at 16 kHz since the session's start."""
    discarded: bool
    """Whether the phrase that ended here was given up."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome(_Said):
    """A phrase came to nothing, or was understood together with a later one."""

    phrase: int
    result: str
    """`rejeitada`, `sem_sugestao` or `juntada`."""
    reason: str
    message: str
    """The reason in Portuguese, for the attendant."""
    together_with: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Metrics(_Said):
    """A phrase's voice; None where it cannot be told."""

    phrase: int
    pitch_hz: float | None
    snr_db: float | None
    centroid_hz: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem(_Said):
    """Something that the client sent was not understood; the session goes on."""

    code: str
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Finished(_Said):
    """Everything has been answered; the close follows."""

    phrases: int
    recommendations: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Unknown(_Said):
    """A message that this client is too old for."""


Message = Ready | Recommendation | Transcript | Speech | Outcome | Metrics | Problem | Finished | Unknown
Wish = Literal["transcript", "outcome", "vad", "metrics"]
"""`transcript` brings outcomes too."""
Answer = Literal["exibida", "aceita", "dispensada"]


def parsed(raw: Mapping[str, Any]) -> Message:
    """Return a message as its type; one that lacks what its type needs is `Unknown`."""
    try:
        return _parsed(raw)
    except (KeyError, TypeError):
        return Unknown(raw=raw)


def _parsed(raw: Mapping[str, Any]) -> Message:
    match raw["comando"]:
        case "recomendar":
            items = tuple(
                Item(suggestion=each["sugestao"], explanation=each["explicacao"], tag=each.get("tag"))
                for each in raw["itens"]
            )
            return Recommendation(id=raw["id"], phrase=raw["frase"], basket=raw["cesta"], items=items, raw=raw)
        case "ready":
            return Ready(session=raw["session"], raw=raw)
        case "transcript":
            return Transcript(phrase=raw["frase"], text=raw["texto"], raw=raw)
        case "vad":
            return Speech(
                phrase=raw["frase"],
                speaking=raw["estado"] == "fala",
                sample=raw["amostra"],
                discarded=raw.get("descartada", False),
                raw=raw,
            )
        case "desfecho":
            return Outcome(
                phrase=raw["frase"],
                result=raw["resultado"],
                reason=raw["motivo"],
                message=raw["mensagem"],
                together_with=raw.get("com"),
                raw=raw,
            )
        case "metrics":
            return Metrics(
                phrase=raw["frase"],
                pitch_hz=raw["tom_hz"],
                snr_db=raw["snr_db"],
                centroid_hz=raw["centroide_hz"],
                raw=raw,
            )
        case "erro":
            return Problem(code=raw["code"], message=raw["message"], raw=raw)
        case "fim":
            return Finished(phrases=raw["frases"], recommendations=raw["recomendacoes"], raw=raw)
        case _:
            return Unknown(raw=raw)
