"""What a counter prefers of the engines and may spend on them a day, and what of that makes sense."""

import math
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, Final

from balto.engines import TRANSCRIBERS
from events.catalogue import CounterTermsChanged

MOST_USD: Final = 100_000.0
"""A day: more is a slip of the finger."""


class TermsError(ValueError):
    """Terms that make no sense. The message is for operators; `field` says which of them.

    Args:
        field: `prefer` or `daily_budget_usd`.
        message: one line.
    """

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field


@dataclass(frozen=True, slots=True, kw_only=True)
class CounterTerms:
    """As in `events.catalogue.CounterTermsChanged`; the defaults are a counter's that was never set."""

    prefer: tuple[str, ...] = ()
    fast_path: bool | None = None
    daily_budget_usd: float | None = None

    def engines(self) -> dict[str, Any]:
        """Return what of it a session's terms have instead of the server's, as the settings snapshot holds it.

        The budget is there for whoever reads the stream: what holds is what the counter has at the moment.
        """
        own = {
            "prefer": list(self.prefer) or None,
            "fast_path": self.fast_path,
            "daily_budget_usd": self.daily_budget_usd,
        }
        return {name: value for name, value in own.items() if value is not None}


def terms_of(event: CounterTermsChanged) -> CounterTerms:
    """Return the terms that an event sets."""
    return CounterTerms(prefer=event.prefer, fast_path=event.fast_path, daily_budget_usd=event.daily_budget_usd)


def check(terms: CounterTerms, known: Collection[str] = TRANSCRIBERS) -> None:
    """Check terms before they are recorded.

    Raises:
        TermsError: an engine is unknown or named twice, or the budget is not a sum of money.
    """
    for name in terms.prefer:
        if name not in known:
            raise TermsError("prefer", f"there is no speech-to-text engine {name!r}; there are {', '.join(known)}")
    if len(set(terms.prefer)) < len(terms.prefer):
        raise TermsError("prefer", "an engine is named twice")
    budget = terms.daily_budget_usd
    if budget is not None and not (math.isfinite(budget) and 0 <= budget <= MOST_USD):
        raise TermsError("daily_budget_usd", f"a daily budget is a sum from 0 to {MOST_USD:g} dollars")
