"""What the processes of a server share: memory that several map, and a text of all their figures."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from balto.security.limits import KeyGuard, RateLimiter
from balto.telemetry.exposition import merged, resident
from balto.workers.shared import LIMITERS, SharedMemory
from tests.fakes import FakeClock

ROOT = Path(__file__).parents[3]


@pytest.fixture
def memory() -> Iterator[SharedMemory]:
    made = SharedMemory.make()
    yield made
    made.close()


def another(memory: SharedMemory) -> SharedMemory:
    """Return the same memory as another process maps it."""
    return SharedMemory(os.dup(memory.file), memory.key)


def test_each_counts_its_sessions_and_is_told_of_the_others(memory: SharedMemory) -> None:
    one, two, three = memory.census(1), another(memory).census(2), another(memory).census(3)
    one.note(5)
    two.note(7)
    assert (one.elsewhere(), two.elsewhere(), three.elsewhere()) == (7, 5, 12)
    two.note(0)
    assert three.elsewhere() == 5


def test_limits_are_of_all_together_and_each_limiter_counts_for_itself(memory: SharedMemory) -> None:
    clock, other = FakeClock(), another(memory)
    limiters = [RateLimiter(per_minute=6, burst=3, clock=clock, buckets=m.buckets("logins")) for m in (memory, other)]
    assert [limiters[n % 2].take("a") for n in range(3)] == [0, 0, 0]
    assert [limiter.take("a") for limiter in limiters] == [pytest.approx(10), pytest.approx(10)]
    assert limiters[1].take("b") == 0
    assert RateLimiter(per_minute=6, burst=1, clock=clock, buckets=other.buckets("trials")).take("a") == 0
    clock.advance(10)
    assert sorted(limiter.take("a") > 0 for limiter in limiters) == [False, True]
    assert set(LIMITERS) >= {"logins", "trials"}


def test_a_key_is_good_in_one_process_and_guesses_are_charged_in_all(memory: SharedMemory) -> None:
    clock, other = FakeClock(), another(memory)
    guards = [
        KeyGuard(RateLimiter(per_minute=60, burst=2, clock=clock, buckets=m.buckets("wrong_keys")))
        for m in (memory, other)
    ]
    guards[0].opened("good")
    assert [guard.missed("a", f"wrong {n}") for n, guard in enumerate(guards)] == [False, True]
    assert guards[0].wait_s("a", "another") == pytest.approx(1)
    assert guards[0].wait_s("a", "good") == 0


def test_memory_is_bounded_and_whoever_came_last_is_remembered(memory: SharedMemory) -> None:
    clock, buckets = FakeClock(), memory.buckets("trials")
    limiter = RateLimiter(per_minute=1, burst=1, clock=clock, buckets=buckets)
    for number in range(6_000):
        clock.advance(0.001)
        limiter.take(str(number))
    assert 3_500 < len(buckets) <= 4_096
    assert limiter.take("5999") > 0


_SPEND = """
import sys
from balto.security.limits import RateLimiter
from balto.workers.shared import SharedMemory
from tests.fakes import FakeClock
buckets = SharedMemory(int(sys.argv[1]), bytes.fromhex(sys.argv[2])).buckets("logins")
limiter = RateLimiter(per_minute=0.001, burst=200, clock=FakeClock(), buckets=buckets)
print(sum(limiter.take("a") == 0 for _ in range(200)))
"""


def test_processes_at_once_never_take_more_than_there_is(memory: SharedMemory) -> None:
    command = [sys.executable, "-c", _SPEND, str(memory.file), memory.key.hex()]
    processes = [
        subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, pass_fds=[memory.file], text=True) for _ in range(2)
    ]
    assert sum(int(process.communicate(timeout=60)[0]) for process in processes) == 200


def test_families_that_several_tell_have_one_heading_and_all_their_samples() -> None:
    def told(worker: int) -> str:
        return (
            "# HELP a_total Some.\n# TYPE a_total counter\n"
            f'a_total{{worker="{worker}"}} {worker}.0\n'
            f'# HELP b Others.\n# TYPE b gauge\nb{{worker="{worker}"}} 0.5\n'
        )

    assert merged([told(1), told(2), ""]) == (
        '# HELP a_total Some.\n# TYPE a_total counter\na_total{worker="1"} 1.0\na_total{worker="2"} 2.0\n'
        '# HELP b Others.\n# TYPE b gauge\nb{worker="1"} 0.5\nb{worker="2"} 0.5\n'
    )


def test_memory_is_told_of_processes_that_are_there() -> None:
    assert 'balto_resident_bytes{process="parent"} ' in resident("parent", psutil.Process())
