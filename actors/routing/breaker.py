"""A circuit breaker: after some failures in a row an engine is left alone until a probe finds it well. Pure."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

_AT_ONCE: Final = frozenset({"throttled", "unauthorised"})
"""Codes that say plainly that the next call will fail too."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BreakerPolicy:
    """When a circuit opens, and when it is probed."""

    failures: int = 4
    """In a row. Of calls that fail independently one time in twenty, four in a row are one in 160,000."""
    first_rest_s: float = 1.0
    """Until the first probe; doubled by each one that fails."""
    longest_rest_s: float = 5.0
    """A probe costs next to nothing, and a provider that is well again is wanted back."""
    innocent: Collection[str] = frozenset({"rejected", "empty", "refused", "truncated", "invalid_answer", "unfed"})
    """Codes that speak of what was asked rather than of the engine's health."""


class Breaker:
    """The circuit of one engine. Source: M. Nygard, Release It!, 2nd ed., 2018, section "Circuit Breaker".

    Args:
        policy: when to open.
    """

    def __init__(self, policy: BreakerPolicy | None = None) -> None:
        self._policy = policy or BreakerPolicy()
        self._in_a_row = 0
        self._rest_s = self._policy.first_rest_s
        self._probe_at_s: float | None = None

    @property
    def is_open(self) -> bool:
        """Whether the engine is to be left alone."""
        return self._probe_at_s is not None

    @property
    def probe_at_s(self) -> float | None:
        """When the engine is to be probed, on the clock of the failures; None while the circuit is closed."""
        return self._probe_at_s

    def succeed(self) -> None:
        """Note an answer: the circuit is closed."""
        self._in_a_row = 0
        self._rest_s = self._policy.first_rest_s
        self._probe_at_s = None

    def fail(self, code: str, now_s: float, retry_after_s: float | None = None) -> bool:
        """Note a failure, of a call or of a probe.

        Args:
            code: what kind.
            now_s: monotonic seconds.
            retry_after_s: what the engine asked to wait.

        Returns:
            Whether this opened the circuit.
        """
        if code in self._policy.innocent:
            self._in_a_row = 0
            return False
        self._in_a_row += 1
        if self.is_open:
            # Calls that were under way when it opened tell nothing new, but may bring a longer wait.
            if retry_after_s is not None:
                self._probe_at_s = max(self._probe_at_s or 0.0, now_s + retry_after_s)
            return False
        if self._in_a_row < self._policy.failures and code not in _AT_ONCE:
            return False
        self._probe_at_s = now_s + (self._rest_s if retry_after_s is None else retry_after_s)
        return True

    def stay_open(self, now_s: float, retry_after_s: float | None = None) -> None:
        """Note that a probe failed: the next one is later."""
        self._rest_s = min(self._policy.longest_rest_s, self._rest_s * 2)
        self._probe_at_s = now_s + (self._rest_s if retry_after_s is None else retry_after_s)
