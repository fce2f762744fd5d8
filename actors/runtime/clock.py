"""The one clock that handlers may ask, passed in so that tests and replays can pass another."""

import time
from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """Wall time and monotonic time."""

    def utc(self) -> datetime:
        """Return the time of day, aware, in UTC."""
        ...

    def monotonic_us(self) -> int:
        """Return microseconds since an arbitrary fixed moment; never goes back."""
        ...


class SystemClock:
    """The machine's clock."""

    def utc(self) -> datetime:
        """Return the time of day, aware, in UTC."""
        return datetime.now(UTC)

    def monotonic_us(self) -> int:
        """Return microseconds since an arbitrary fixed moment; never goes back."""
        return time.monotonic_ns() // 1000
