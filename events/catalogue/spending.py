"""Events of spending: a counter's daily budget is reached, and what its sessions then do without."""

from dataclasses import dataclass

from events.catalogue.base import Event, recorded


@recorded()
@dataclass(frozen=True, slots=True, kw_only=True)
class BudgetReached(Event):
    """A day's calls came to what a counter may spend. On the counter's stream, once a day."""

    counter_id: str
    day: str
    """ISO 8601 date at UTC-3."""
    budget_usd: float
    spent_usd: float
    """When it was noticed."""


@recorded()
@dataclass(frozen=True, slots=True, kw_only=True)
class PaidEnginesStopped(Event):
    """From here on a session asks free engines only, because its counter's budget of the day is spent."""

    day: str
    """ISO 8601 date at UTC-3."""
    budget_usd: float
    spent_usd: float


@recorded()
@dataclass(frozen=True, slots=True, kw_only=True)
class PaidEnginesAllowed(Event):
    """From here on a session asks all engines again: another day has begun, or the budget was raised."""

    day: str
    """ISO 8601 date at UTC-3."""
