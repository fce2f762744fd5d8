"""Questions and answers between processes, here between two ends of a pair of sockets."""

import asyncio
import contextlib
import socket
import sys
from collections.abc import AsyncIterator
from typing import Any

import pytest

from actors.runtime.line import Line, LineClosedError, UnansweredError
from balto.loops import serving_loop

type Ends = tuple[Line, Line, asyncio.Task[None]]


class Answerer:
    """Answers what it is asked, and notes what was taken back."""

    def __init__(self) -> None:
        self.go = asyncio.Event()
        self.asked = asyncio.Event()
        self.taken_back = 0

    async def __call__(self, what: str, about: Any, body: bytes) -> Any:
        match what:
            case "add":
                return about["a"] + about["b"]
            case "size":
                return len(body)
            case "wait":
                self.asked.set()
                try:
                    await self.go.wait()
                except asyncio.CancelledError:
                    self.taken_back += 1
                    raise
                return "waited"
            case _:
                raise ValueError("estou com herpes")


@pytest.fixture
def answerer() -> Answerer:
    return Answerer()


@pytest.fixture
async def ends(answerer: Answerer) -> AsyncIterator[Ends]:
    one, other = socket.socketpair()
    asking = Line(*await asyncio.open_unix_connection(sock=one))
    answering = Line(*await asyncio.open_unix_connection(sock=other), answerer)
    tasks = [asyncio.create_task(asking.run()), asyncio.create_task(answering.run())]
    yield asking, answering, tasks[1]
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def test_questions_are_answered_side_by_side_each_with_its_own_answer(ends: Ends, answerer: Answerer) -> None:
    asking, _, _ = ends
    waiting = asyncio.create_task(asking.ask("wait"))
    sums = await asyncio.gather(*(asking.ask("add", {"a": n, "b": 1}) for n in range(50)))
    assert sums == list(range(1, 51))
    assert not waiting.done()
    answerer.go.set()
    assert await waiting == "waited"


async def test_a_body_comes_whole_whatever_it_holds(ends: Ends) -> None:
    asking, _, _ = ends
    assert await asking.ask("size", body=bytes(range(256)) * 4000) == 1_024_000


async def test_a_failure_is_told_by_its_type_and_quotes_nobody(ends: Ends) -> None:
    asking, _, _ = ends
    with pytest.raises(UnansweredError) as caught:
        await asking.ask("nonsense")
    assert str(caught.value) == "ValueError"
    assert await asking.ask("add", {"a": 1, "b": 1}) == 2


async def test_who_stops_waiting_takes_the_question_back(ends: Ends, answerer: Answerer) -> None:
    asking, _, _ = ends
    waiting = asyncio.create_task(asking.ask("wait"))
    await answerer.asked.wait()
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    assert await asking.ask("add", {"a": 1, "b": 1}) == 2
    assert answerer.taken_back == 1


async def test_whoever_waits_is_told_that_the_other_end_is_gone(ends: Ends, answerer: Answerer) -> None:
    asking, _, answering = ends
    waiting = asyncio.create_task(asking.ask("wait"))
    await answerer.asked.wait()
    answering.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await answering
    with pytest.raises(LineClosedError):
        await waiting
    assert asking.closed
    with pytest.raises(LineClosedError):
        await asking.ask("add", {"a": 1, "b": 1})


@pytest.mark.skipif(sys.platform == "win32", reason="serves on asyncio's own loop")
def test_on_the_loop_that_serves_too_a_line_that_breaks_is_closed_for_whoever_asks() -> None:
    async def go() -> list[asyncio.Task[Any]]:
        one, other = socket.socketpair()
        asking = Line(*await asyncio.open_unix_connection(sock=one))
        other.close()
        # Nobody has read the end of the stream yet: the loop alone knows of it, from the first write that failed.
        asked: list[asyncio.Task[Any]] = []
        while not asked or not asked[-1].done():
            asked.append(asyncio.create_task(asking.ask("add")))
            await asyncio.sleep(0.01)
        for task in asked[:-1]:
            task.cancel()
        await asyncio.gather(*asked, return_exceptions=True)
        return asked

    *taken_back, refused = asyncio.run(asyncio.wait_for(go(), 60), loop_factory=serving_loop)
    assert isinstance(refused.exception(), LineClosedError)
    assert all(task.cancelled() for task in taken_back)
