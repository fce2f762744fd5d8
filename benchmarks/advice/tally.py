"""How often an entry that the vocabulary finds is meant, alone in its sentence and beside others."""

import math
from collections import Counter

_TRUST = 4.0
"""Findings of an entry that weigh as much as those of all others: few say little."""


class Tally:
    """Counts of findings, and of those that were meant."""

    def __init__(self) -> None:
        self._found: Counter[tuple[str, bool]] = Counter()
        self._meant: Counter[tuple[str, bool]] = Counter()
        self._all: Counter[bool] = Counter()
        self._all_meant: Counter[bool] = Counter()

    def add(self, name: str, *, beside: bool, meant: bool) -> None:
        """Count a finding."""
        self._found[name, beside] += 1
        self._meant[name, beside] += meant
        self._all[beside] += 1
        self._all_meant[beside] += meant

    def without(self, name: str, *, beside: bool, meant: bool) -> float:
        """Return the log odds of an entry against those of all, as if one of its findings had not been counted."""
        return self._odds(self._found[name, beside] - 1, self._meant[name, beside] - meant, beside=beside)

    def all(self) -> dict[str, tuple[float, float]]:
        """Return these log odds of all entries, alone and beside others."""
        names = sorted({name for name, _ in self._found})
        return {
            name: (
                self._odds(self._found[name, False], self._meant[name, False], beside=False),
                self._odds(self._found[name, True], self._meant[name, True], beside=True),
            )
            for name in names
        }

    def _odds(self, found: int, meant: int, *, beside: bool) -> float:
        usual = (self._all_meant[beside] + 1) / (self._all[beside] + 2)
        share = (meant + _TRUST * usual) / (found + _TRUST)
        return math.log(share / (1 - share)) - math.log(usual / (1 - usual))
