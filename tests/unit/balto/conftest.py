"""Scenarios on both event loops: asyncio's own, and the one that servers run on."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from balto.loops import serving_loop


@pytest.fixture(params=[asyncio.new_event_loop, serving_loop], ids=["asyncio", "of servers"])
def run(request: pytest.FixtureRequest) -> Callable[[Coroutine[Any, Any, None]], None]:
    def run_one(scenario: Coroutine[Any, Any, None]) -> None:
        with asyncio.Runner(loop_factory=request.param) as runner:
            runner.run(asyncio.wait_for(scenario, 20))

    return run_one
