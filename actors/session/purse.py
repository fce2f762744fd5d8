"""What a counter may spend: sessions say what they spent, and are told whether paid engines may still be asked."""

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class Allowance:
    """Input: whether a counter's budget of the day is spent."""

    stopped: bool
    day: str
    """ISO 8601 date where the counters are."""
    budget_usd: float = 0.0
    spent_usd: float = 0.0


class Purse(Protocol):
    """Shared by the sessions of a process. Neither method waits for anything."""

    def charge(self, counter_id: str, usd: float, position: int) -> None:
        """Note a cost that is durable, and how far the ledger was then."""
        ...

    def allowance(self, counter_id: str) -> Allowance:
        """Tell whether paid engines may be asked now."""
        ...


class BottomlessPurse:
    """No counter has a budget."""

    def charge(self, counter_id: str, usd: float, position: int) -> None:
        """Forget it."""

    def allowance(self, counter_id: str) -> Allowance:  # noqa: ARG002 - as the port has it
        """Allow everything."""
        return Allowance(stopped=False, day="")
