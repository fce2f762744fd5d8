"""Workers that hang are noticed, killed and replaced; real processes, and one that is only played for the rest."""

import asyncio
import contextlib
import logging
import signal
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import psutil
import pytest

from balto.workers.heartbeat import BEATS, watch_heart
from balto.workers.parent import Crew, Worker
from balto.workers.shared import SharedMemory

NEVER_S = 600.0
"""More patience than a slow machine needs."""


@pytest.fixture
async def worker() -> AsyncIterator[Worker]:
    """A worker in a crew of one, which runs and starts it again, and by itself never takes it for dead."""
    with contextlib.closing(SharedMemory.make()) as memory:
        crew = Crew(
            lambda number, answer: Worker(number, {}, (), memory, answer, "tests.hanging_worker"), 1, None, NEVER_S
        )
        async with crew.running():
            yield crew.workers[0]


@pytest.mark.parametrize("how", ["stopped", "in an endless loop"])
async def test_a_worker_that_hangs_is_killed_and_replaced(
    worker: Worker, how: str, caplog: pytest.LogCaptureFixture
) -> None:
    former = worker.pid
    assert former is not None
    for _ in range(BEATS):
        await asyncio.wait_for(worker.lives(), 60)
    if how == "stopped":
        worker.tell(signal.SIGSTOP)
    else:
        assert worker._line is not None
        hanging = asyncio.ensure_future(worker._line.ask("hang"))
    # Only from now on with little patience: who is slow, but lives, is not to be killed by this test.
    watching = asyncio.create_task(watch_heart(worker, 0.5))
    async with asyncio.timeout(60):
        while worker.is_ready.is_set():  # noqa: ASYNC110 - an event tells when it is set, not when it is cleared
            await asyncio.sleep(0.02)
        watching.cancel()
        while worker.pid in (None, former) or not worker.is_ready.is_set():  # noqa: ASYNC110 - a process sets nothing here
            await asyncio.sleep(0.02)
    assert not psutil.pid_exists(former)
    said = [record.message for record in caplog.records if record.levelno == logging.ERROR]
    assert said == [
        "worker 1 has not answered for 0.5 s and is killed",
        f"worker 1 (process {former}) ended by SIGKILL; it is started again",
    ]
    if how != "stopped":
        await asyncio.gather(hanging, return_exceptions=True)


@dataclass
class Played:
    """A worker that answers as a script has it: False for a question in vain."""

    script: list[bool]
    asked: int = 0
    name: str = "worker 1"
    is_ready: asyncio.Event = field(default_factory=asyncio.Event)
    told: list[signal.Signals] = field(default_factory=list)

    async def lives(self) -> None:
        self.asked += 1
        if self.script and not self.script.pop(0):
            await asyncio.get_running_loop().create_future()

    def tell(self, number: signal.Signals) -> None:
        self.told.append(number)


@pytest.mark.parametrize(
    ("script", "told"),
    [
        ([False] * (BEATS - 1), []),
        ([False] * (BEATS - 1) + [True] + [False] * (BEATS - 1), []),
        ([False] * BEATS, [signal.SIGKILL]),
    ],
)
async def test_only_questions_in_vain_one_after_another_kill(script: list[bool], told: list[signal.Signals]) -> None:
    played = Played(list(script))
    watching = asyncio.create_task(watch_heart(played, 0.1))
    await asyncio.sleep(0.05)
    assert played.asked == 0, "who takes no connections need not answer"
    played.is_ready.set()
    async with asyncio.timeout(60):
        # Who is asked once more was not killed for the question before.
        while played.asked < len(script) + (not told) or len(played.told) < len(told):  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    watching.cancel()
    assert played.told == told
