"""A process that never becomes ready is killed, and not waited for for ever."""

import asyncio

import psutil
import pytest

from balto.workers import child as module
from balto.workers.child import Child
from events.guard import ReviveError


class Sleeper(Child):
    """A process that runs and is never ready."""

    def __init__(self) -> None:
        super().__init__("sleeper", "tests.sleeping_child")
        self.seen: list[int | None] = []

    async def ready(self) -> None:
        self.seen.append(self.pid)
        await asyncio.get_running_loop().create_future()


async def test_a_process_that_is_not_ready_in_time_is_killed_and_said_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "START_S", 0.2)
    sleeper = Sleeper()
    with pytest.raises(ReviveError, match=r"^it was not ready within 0.2 s and is killed$"):
        await asyncio.wait_for(sleeper.start(), 60)
    (pid,) = sleeper.seen
    assert pid is not None
    assert not psutil.pid_exists(pid)
    assert sleeper.pid is None
