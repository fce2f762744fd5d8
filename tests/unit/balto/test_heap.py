"""Memory that nobody holds goes back to the system, and only while there may be some."""

import asyncio
import subprocess
import sys
from itertools import chain, repeat

import psutil
import pytest

from balto import heap

pytestmark = pytest.mark.skipif(heap._glibc() is None, reason="the heap is not glibc's")

_HOLES = """
import psutil
from balto.heap import give_back, share_arenas

share_arenas()
process = psutil.Process()
rows = [bytes(20_000) for _ in range(4_000)]
full = process.memory_info().rss
kept = rows[::50]
del rows
left = process.memory_info().rss
give_back()
print(full, left, process.memory_info().rss, len(kept))
"""


def test_holes_between_what_stays_are_given_back() -> None:
    said = subprocess.run([sys.executable, "-c", _HOLES], check=True, capture_output=True, text=True).stdout
    full, left, given_back, kept = map(int, said.split())
    assert kept == 80
    assert left > full - 8_000_000, "nothing stayed that could be given back"
    assert given_back < left - 50_000_000


def test_it_is_done_while_sessions_are_at_work_and_once_after_the_last() -> None:
    leftovers = heap.Leftovers()
    assert [leftovers.due(awake) for awake in (0, 0, 2, 1, 0, 0, 3, 0, 0)] == [
        *(False, False),
        *(True, True, True, False),
        *(True, True, False),
    ]


async def test_a_block_gives_back_while_it_lasts(monkeypatch: pytest.MonkeyPatch) -> None:
    loop, given, thrice = asyncio.get_running_loop(), list[int](), asyncio.Event()

    def give_back() -> None:
        given.append(psutil.Process().memory_info().rss)
        if len(given) == 3:
            loop.call_soon_threadsafe(thrice.set)

    monkeypatch.setattr(heap, "give_back", give_back)
    awake = chain([0, 2, 1], repeat(0))
    async with heap.giving_back(lambda: next(awake), every_s=0.001):
        await thrice.wait()
        assert next(awake) == 0
    assert len(given) == 3
    assert not [task for task in asyncio.all_tasks() if task.get_name() == "heap"]
