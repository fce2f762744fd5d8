"""How long the projector waits between rounds."""

import asyncio

import pytest

from events.watch import Watch
from projections.cadence import Cadence

_BUSY = 200.0
_CALM = 2.0


class CountingWatch(Watch):
    """Counts who waits for it, and lets nobody wait."""

    def __init__(self) -> None:
        super().__init__("postgresql:///nowhere")
        self.stirred: list[tuple[float, int]] = []

    async def stir(self, timeout_s: float, *, seen: int) -> None:
        self.stirred.append((timeout_s, seen))


@pytest.fixture
def slept(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """What was slept for, without sleeping."""
    pauses: list[float] = []

    async def sleep(seconds: float) -> None:
        pauses.append(round(seconds, 6))

    monkeypatch.setattr(asyncio, "sleep", sleep)
    return pauses


async def test_a_steady_stream_is_followed_by_the_clock_alone(slept: list[float]) -> None:
    watch = CountingWatch()
    cadence = Cadence(watch, 0.2)
    for head in range(1, 6):
        await cadence.done(_CALM, head, 0.02)
    assert slept == [0.1] * 5
    assert watch.stirred == [(0.2, 1), (0.2, 2)]


async def test_where_nothing_is_new_the_watch_calls_and_looks_become_rare(slept: list[float]) -> None:
    watch = CountingWatch()
    cadence = Cadence(watch, 0.2)
    for _ in range(3):
        await cadence.done(_CALM, 7, 0.0)
    for _ in range(6):
        await cadence.done(0, 7, 0.0)
    assert slept == [0.12] * 3
    assert watch.stirred[2:] == [(0.4, 7), (0.8, 7), (1.6, 7), (3.2, 7), (5.0, 7), (5.0, 7)]


async def test_many_events_are_followed_more_closely(slept: list[float]) -> None:
    cadence = Cadence(CountingWatch(), 0.2)
    await cadence.done(_BUSY, 1, 0.01)
    await cadence.done(_BUSY, 2, 0.5)
    assert slept == [0.05, 0.0]


async def test_without_a_watch_it_looks_by_itself(slept: list[float]) -> None:
    cadence = Cadence(None, 0.2)
    await cadence.done(_CALM, 1, 0.0)
    await cadence.done(0, 1, 0.0)
    await cadence.done(0, 1, 0.0)
    assert slept == [0.12, 0.2, 0.2]


async def test_after_failures_it_waits_longer_and_longer_until_one_round_is_done(slept: list[float]) -> None:
    cadence = Cadence(None, 0.2)
    for _ in range(6):
        await cadence.failed()
    await cadence.done(0, 1, 0.0)
    await cadence.failed()
    assert slept == [0.4, 0.8, 1.6, 3.2, 5.0, 5.0, 0.2, 0.4]
