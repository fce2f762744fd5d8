"""What is told of calls to engines: that one more is to be made and why, and how those ended that were not chosen."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final, Literal

AttemptReason = Literal["preferred", "slow", "failed", "circuit_open", "certain"]
"""Why an engine was asked: it comes first; the one before was slow, failed or is left alone; no other was needed."""

AttemptOutcome = Literal["failed", "cancelled", "lost", "passed_over"]
"""What became of an engine that was not chosen: an error, stopped, answered but not chosen, or not asked at all."""

BILLED: Final = frozenset({"timeout", "empty", "refused", "truncated", "invalid_answer"})
"""Codes of calls that providers may bill all the same: they were stopped, or answered with nothing of use."""


class NoAnswerError(Exception):
    """An engine gave no answer.

    Args:
        code: ours.
        message: never quotes speech or keys.
        retry_after_s: what the engine asked to wait.
    """

    def __init__(self, code: str, message: str, *, retry_after_s: float | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.retry_after_s = retry_after_s


@dataclass(frozen=True, slots=True, kw_only=True)
class Due:
    """One more engine is to be asked than was said before."""

    attempt: int
    """Number in its race, from 1."""
    engine: str
    model: str
    why: AttemptReason
    cost_usd: float
    """What it may cost, at most or as usual."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """An engine's part in a race is over, and another one's answer was chosen, or none."""

    attempt: int
    """0 for one that was passed over before the race."""
    engine: str
    model: str
    outcome: AttemptOutcome
    code: str
    """The error's, or why it was stopped, not chosen or not asked."""
    latency_ms: float
    cost_usd: float


Witness = Callable[[Due], Awaitable[bool]]
"""Told before an engine is asked; returns once that is on record, False where nobody wants the answer any more."""


async def no_witness(_: Due) -> bool:
    """Let every call be made, and tell nobody."""
    return True
