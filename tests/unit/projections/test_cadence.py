"""How long the projector waits: a round costs by itself, so a slow stream takes fewer of them than a fast one."""

import pytest

from projections.cadence import Cadence


class Clock:
    """Notes how long was waited."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.waited = list[float]()
        monkeypatch.setattr("projections.cadence.asyncio.sleep", self._sleep)

    async def _sleep(self, seconds: float) -> None:
        self.waited.append(seconds)


async def waited_after(rounds: list[float], monkeypatch: pytest.MonkeyPatch, *, took_s: float = 0.01) -> list[float]:
    """Seconds that are waited by the clock after rounds that folded so many events."""
    clock, cadence = Clock(monkeypatch), Cadence(None, 0.2)
    for events in rounds:
        await cadence.done(events, 1, took_s)
    return clock.waited


async def test_a_slow_stream_is_looked_at_five_times_a_second(monkeypatch: pytest.MonkeyPatch) -> None:
    assert await waited_after([8] * 4, monkeypatch) == pytest.approx([0.19] * 4)


async def test_a_fast_stream_is_followed_closely(monkeypatch: pytest.MonkeyPatch) -> None:
    assert await waited_after([100, 400], monkeypatch) == pytest.approx([0.05] * 2)


async def test_a_round_that_took_long_is_followed_by_the_next_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    assert await waited_after([400], monkeypatch, took_s=0.3) == [0]
