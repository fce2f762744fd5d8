"""How closely the event loop's lag is watched: seldom where no session says anything, at once again where one does."""

import asyncio
from itertools import pairwise

import pytest

from actors.runtime import metrics
from actors.runtime.testkit import VirtualSystem, run
from balto.resources import _BEAT_S as OFTEN_S
from balto.resources import _SLOWEST_BEAT_S as SELDOM_S
from balto.resources import ResourceMonitor

RESTS = [OFTEN_S]
"""Seconds between looks at rest: each twice the one before, up to the longest."""
while len(RESTS) < 6:
    RESTS.append(min(2 * RESTS[-1], SELDOM_S))


def looks(monkeypatch: pytest.MonkeyPatch, spoken: list[bool]) -> list[float]:
    """Return the seconds before each look of a monitor, given whether messages had come between it and the one before.

    The last look is followed by a rest that is not over.
    """

    async def watched(system: VirtualSystem) -> list[float]:
        at, messages, script, over = [system.loop.time()], 0, iter(spoken), asyncio.Event()

        def waits(_: object) -> tuple[int, float]:
            nonlocal messages
            at.append(system.loop.time())
            messages += next(script, False)
            if len(at) > len(spoken):
                over.set()
            return messages, 0.0

        with monkeypatch.context() as patch:
            patch.setattr(metrics, "waits", waits)
            async with ResourceMonitor():
                await over.wait()
        return [round(later - earlier, 3) for earlier, later in pairwise(at)]

    return run(watched, 1).value


def test_at_rest_it_looks_ever_less_often_down_to_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    assert looks(monkeypatch, [False] * 6) == RESTS
    assert RESTS[0] < RESTS[-1] == SELDOM_S


def test_who_speaks_has_it_look_often_again_from_the_next_look_on(monkeypatch: pytest.MonkeyPatch) -> None:
    told = [*[False] * 5, True, True, True, False, False]
    assert looks(monkeypatch, told) == [*RESTS, OFTEN_S, OFTEN_S, OFTEN_S, RESTS[1]]


def test_with_sessions_that_speak_it_always_looks_often(monkeypatch: pytest.MonkeyPatch) -> None:
    assert looks(monkeypatch, [True] * 5) == [OFTEN_S] * 5
