"""One recorded answer of an engine, and how answers of a replay were come by."""

from dataclasses import dataclass
from typing import Final

from actors.routing.attempts import Due, Ended
from actors.values import SAMPLE_RATE

NO_RECORDING: Final = "no_recording"
"""Error of a step for whose input the session has no answer."""
NEAR: Final = 320 * SAMPLE_RATE // 1000
"""Samples by which a phrase may begin or end elsewhere and still be the recorded one: pauses are longer than that."""

Place = tuple[int, int]
"""First sample of a phrase, and one past its last."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer[T]:
    """How one call, or the race of several, went."""

    outcome: T | None
    """None where it failed, or nobody waited for it."""
    error: str | None = None
    engine: str = ""
    model: str = ""
    latency_ms: float = 0.0
    attempts: tuple[tuple[int, Due], ...] = ()
    """Further calls, and how many microseconds after the first each was to be made."""
    others: tuple[Ended, ...] = ()

    @property
    def awaited(self) -> bool:
        """Whether it came; what was withdrawn before never did."""
        return self.outcome is not None or self.error is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class Thought[T]:
    """A stage of understanding: what it was asked about, and how it went."""

    phrase: int
    text: str
    entities: tuple[tuple[str, str], ...] | None
    """Kinds and names; None for stage 1."""
    answer: Answer[T]


@dataclass(slots=True)
class Tally:
    """How answers were come by."""

    exact: int = 0
    near: int = 0
    missing: int = 0
