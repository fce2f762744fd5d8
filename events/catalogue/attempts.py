"""Events of routing: which engines were asked beside the one that was said to be, why, and how they fared."""

from dataclasses import dataclass
from typing import Literal

from events.catalogue.base import Event, recorded

AttemptStep = Literal["transcription", "normalisation", "classification"]
AttemptReason = Literal["preferred", "slow", "failed", "circuit_open", "certain"]
AttemptOutcome = Literal["failed", "cancelled", "lost", "passed_over"]


@recorded()
@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptStarted(Event):
    """One more engine is asked for a step than the step's request named; recorded before it is asked."""

    phrase: int
    step: AttemptStep
    attempt: int
    """Number of the call within the step, from 1."""
    engine: str
    model: str
    why: AttemptReason
    """The engine before was slow, failed, or is left alone for a while."""
    offer: int
    """Number of the offer that it is for; 0 for a phrase that is over."""
    may_cost_usd: float
    """By the price list. What it did cost is in `AttemptEnded`, or in the event of its answer if that is chosen."""


@recorded()
@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptEnded(Event):
    """An engine had no part in the answer of a step: it failed, was stopped, came second, or was not asked."""

    phrase: int
    step: AttemptStep
    attempt: int
    """Number of the call within the step, from 1; 0 for an engine that was left alone from the start."""
    engine: str
    model: str
    outcome: AttemptOutcome
    code: str
    """The error's, or why it was stopped, not chosen or not asked. Ours, never the provider's words."""
    latency_ms: float
    cost_usd: float
    """0 where the provider bills nothing; the list price where a stopped call may be billed all the same."""
