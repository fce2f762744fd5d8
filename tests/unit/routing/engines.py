"""Speech-to-text engines in virtual time: each call follows the next line of a plan."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import cast

import numpy as np

from actors.runtime import testkit
from actors.runtime.testkit import VirtualSystem
from actors.stt.transcriber import TranscriptionError, TranscriptionErrorCode
from actors.values import Pcm, Transcript

SECOND: Pcm = np.zeros(16_000, np.int16)
USD_PER_HOUR = {"first": 0.36, "second": 0.72}
FIRST_USD, SECOND_USD = 0.0001, 0.0002
"""What a call for `SECOND` costs."""
FOREVER = 1e6


@dataclass(frozen=True)
class Line:
    """How one call goes."""

    after_s: float = 0.3
    text: str = "tem dipirona"
    error: TranscriptionErrorCode | None = None
    retry_after_s: float | None = None
    rejected: str | None = None


@dataclass
class PlannedTranscriber:
    """Follows a plan, line by line; the last one repeats."""

    provider: str
    plan: Iterator[Line]
    model: str = "m"
    asked: int = 0
    under_way: int = 0
    cancelled: int = 0
    at_s: list[float] = field(default_factory=list)
    """When calls came, by the loop's time."""

    async def warm(self) -> None:
        return

    async def close(self) -> None:
        return

    async def transcribe(self, pcm: Pcm, *, budget_s: float, terms: Sequence[str] = ()) -> Transcript:
        line = next(self.plan)
        self.asked += 1
        self.under_way += 1
        self.at_s.append(asyncio.get_running_loop().time())
        try:
            async with asyncio.timeout(budget_s):
                await asyncio.sleep(line.after_s)
        except TimeoutError:
            raise TranscriptionError("timeout", "late") from None
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        finally:
            self.under_way -= 1
        if line.error is not None:
            raise TranscriptionError(line.error, "no", retry_after_s=line.retry_after_s)
        return Transcript(text=f"{line.text} {self.provider}", rejected=line.rejected)


def follow(*lines: Line) -> Iterator[Line]:
    yield from lines
    while True:
        yield lines[-1]


def over_seeds(scenario: Callable[[VirtualSystem], Awaitable[None]]) -> Callable[[], None]:
    """Run a scenario over so many schedules as show its races within seconds."""
    return cast(Callable[[], None], testkit.over_seeds(scenario, seeds=30))
