"""The process pool: lazily started, bounded, and whole again after a child was killed."""

import asyncio
import os
import signal
import threading

import pytest

from actors.runtime.processes import ProcessPool, WorkerDiedError
from actors.runtime.system import ActorSystem


def double(number: int) -> int:
    return number * 2


def fail(message: str) -> None:
    raise LookupError(message)


def process_id() -> int:
    return os.getpid()


def die_unless(path: str) -> str:
    """Be killed, but for the time after."""
    if not os.path.exists(path):  # noqa: PTH110 - so little that the child imports nothing
        with open(path, "w", encoding="ascii"):  # noqa: PTH123 - as above
            os.kill(os.getpid(), signal.SIGKILL)
    return "alive"


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


async def test_steps_run_in_a_child_that_is_started_when_needed_and_kept() -> None:
    pool = ProcessPool(1)
    assert pool.pids == []
    assert await pool.run(double, 21) == 42
    first, second = await asyncio.gather(pool.run(process_id), pool.run(process_id))
    assert first == second != os.getpid()
    assert pool.pids == [first]
    with pytest.raises(LookupError, match="lost"):
        await pool.run(fail, "lost")
    assert await pool.run(process_id) == first
    await pool.close()
    assert pool.pids == []


async def test_a_killed_child_is_replaced_and_its_step_run_again(tmp_path: object) -> None:
    pool = ProcessPool(1)
    assert await pool.run(die_unless, f"{tmp_path}/mark") == "alive"
    with pytest.raises(WorkerDiedError):
        await pool.run(die)
    assert await pool.run(double, 4) == 8
    await pool.close()


async def test_a_result_that_cannot_be_sent_is_an_error_and_a_closed_pool_refuses() -> None:
    async with ActorSystem() as system:
        assert await system.offload_process(double, 3) == 6
        with pytest.raises(TypeError, match="pickled"):
            await system.offload_process(threading.Lock)
    with pytest.raises(RuntimeError, match="closed"):
        await system.offload_process(double, 3)
