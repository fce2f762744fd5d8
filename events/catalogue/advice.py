"""Events of advice: a basket was resolved, a recommendation sent, delivered, withheld or answered."""

from dataclasses import dataclass
from typing import Literal

from events.catalogue.base import Event, personal, recorded
from events.upcasters import Data, upcaster

BasketRule = Literal["lookup", "macro_micro", "macro_fallback", "second_macro_micro", "second_macro_fallback"]
WithheldReason = Literal[
    "nothing_asked",
    "no_basket",
    "all_named_already",
    "category_without_advice",
    "refer_to_pharmacist",
    "price_or_dosage",
    "prescription_only",
    "suggested_lately",
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


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemReason:
    """Why an item is suggested: enough to explain it to the attendant and to find the line of the baskets file."""

    basket: str
    """`MACRO/MICRO`, `MACRO/*` for a fallback, or `lookup:KEY`."""
    rule: BasketRule
    entities: tuple[str, ...] = ()
    """Names of what the customer named that led there."""
    circumstances: tuple[str, ...] = ()
    """Names of the safety circumstances that the item was held against, and passed."""


@recorded(version=2)
@dataclass(frozen=True, slots=True, kw_only=True)
class BasketResolved(Event):
    """The basket engine found items for a phrase."""

    phrase: int
    basket: str
    """`MACRO/MICRO`, `MACRO/*` for a fallback, or `lookup:KEY`."""
    rule: BasketRule
    items: tuple[Item, ...]
    reasons: tuple[ItemReason, ...] = personal(default=())
    """One for each item, in their order; none in events that are older than reasons."""
    catalogue: str = ""
    """Version of the baskets file that answered; empty in events that are older."""


@recorded(version=2)
@dataclass(frozen=True, slots=True, kw_only=True)
class RecommendationSent(Event):
    """A recommendation was decided and handed to the socket; durable before any client sees it."""

    phrase: int
    recommendation_id: str
    basket: str
    items: tuple[Item, ...]
    rule: BasketRule | None = None
    """None in events that are older than this field."""
    reasons: tuple[ItemReason, ...] = personal(default=())
    """One for each item, in their order; none in events that are older than reasons."""


@recorded()
@dataclass(frozen=True, slots=True, kw_only=True)
class RecommendationDelivered(Event):
    """The socket took the whole message of a recommendation."""

    phrase: int
    recommendation_id: str


@recorded(version=2)
@dataclass(frozen=True, slots=True, kw_only=True)
class RecommendationWithheld(Event):
    """A phrase was understood and answered with silence, for a reason."""

    phrase: int
    reason: WithheldReason
    safety_rule: str | None = personal(default=None)
    """Name of the rule of the baskets file that kept it back, such as an alarm sign; None where none did."""


@upcaster("BasketResolved", 1)
def _reasons_were_not_told(data: Data) -> Data:
    return {**data, "reasons": [], "catalogue": ""}


@upcaster("RecommendationSent", 1)
def _rule_was_not_told(data: Data) -> Data:
    return {**data, "rule": None, "reasons": []}


@upcaster("RecommendationWithheld", 1)
def _safety_rule_was_not_told(data: Data) -> Data:
    return {**data, "safety_rule": None}


@recorded()
@dataclass(frozen=True, slots=True, kw_only=True)
class RecommendationAnswered(Event):
    """The attendant's client said what became of a recommendation."""

    recommendation_id: str
    answer: Answer
