"""Events of advice: a basket was resolved, a recommendation sent, delivered, withheld or answered."""

from dataclasses import dataclass
from typing import Literal

from events.catalogue.base import Event, recorded

BasketRule = Literal["lookup", "macro_micro", "macro_fallback", "second_macro_micro", "second_macro_fallback"]
WithheldReason = Literal[
    "nothing_asked",
    "no_basket",
    "all_named_already",
    "category_without_advice",
    "refer_to_pharmacist",
    "transcription_failed",
    "understanding_failed",
    "client_left",
]
Answer = Literal["exibida", "aceita", "dispensada"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One suggestion, in the words that the client shows."""

    sugestao: str
    explicacao: str
    tag: str | None = None


@recorded()
@dataclass(frozen=True, slots=True, kw_only=True)
class BasketResolved(Event):
    """The basket engine found items for a phrase."""

    phrase: int
    basket: str
    """`MACRO/MICRO`, `MACRO/*` for a fallback, or `lookup:KEY`."""
    rule: BasketRule
    items: tuple[Item, ...]


@recorded()
@dataclass(frozen=True, slots=True, kw_only=True)
class RecommendationSent(Event):
    """A recommendation was decided and handed to the socket; durable before any client sees it."""

    phrase: int
    recommendation_id: str
    basket: str
    items: tuple[Item, ...]


@recorded()
@dataclass(frozen=True, slots=True, kw_only=True)
class RecommendationDelivered(Event):
    """The socket took the whole message of a recommendation."""

    phrase: int
    recommendation_id: str


@recorded()
@dataclass(frozen=True, slots=True, kw_only=True)
class RecommendationWithheld(Event):
    """A phrase was understood and answered with silence, for a reason."""

    phrase: int
    reason: WithheldReason


@recorded()
@dataclass(frozen=True, slots=True, kw_only=True)
class RecommendationAnswered(Event):
    """The attendant's client said what became of a recommendation."""

    recommendation_id: str
    answer: Answer
