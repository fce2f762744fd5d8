"""A line to a process that dies and is started again: what it never took is asked once more, what it took is not."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from actors.runtime.caller import Caller
from actors.runtime.line import Line, LineClosedError, NotTakenError


class Process:
    """Serves a socket; every connection is a life of its own, which can be ended."""

    def __init__(self) -> None:
        self.lives: list[tuple[asyncio.StreamWriter, asyncio.Task[None]]] = []
        self.questions: list[str] = []
        self.taken = asyncio.Event()

    def take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.lives.append((writer, asyncio.create_task(Line(reader, writer, self._answer).run())))

    def die(self) -> None:
        writer, _ = self.lives[-1]
        writer.transport.abort()

    async def _answer(self, what: str, about: Any, body: bytes) -> Any:
        del about, body
        self.questions.append(what)
        if what == "hang":
            self.taken.set()
            await asyncio.get_running_loop().create_future()
        return len(self.lives)


@pytest.fixture
async def process(tmp_path: Path) -> AsyncIterator[Process]:
    process = Process()
    server = await asyncio.start_unix_server(process.take, tmp_path / "socket")
    yield process
    server.close()
    tasks = [task for _, task in process.lives]
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


@pytest.fixture
async def caller(process: Process, tmp_path: Path) -> AsyncIterator[Caller]:
    del process
    caller = Caller(tmp_path / "socket")
    yield caller
    await caller.close()


async def test_a_question_that_a_dead_process_never_took_is_asked_of_its_successor(
    process: Process, caller: Caller
) -> None:
    assert await caller.ask("who") == 1
    process.die()
    # Nothing has run since, so the caller cannot know yet.
    assert await caller.ask("who") == 2
    assert process.questions == ["who", "who"]


async def test_a_question_that_was_taken_is_not_asked_again(process: Process, caller: Caller) -> None:
    await caller.ask("who")
    waiting = asyncio.create_task(caller.ask("hang"))
    await process.taken.wait()
    process.die()
    with pytest.raises(LineClosedError) as caught:
        await waiting
    assert not isinstance(caught.value, NotTakenError)
    assert process.questions == ["who", "hang"]
    assert await caller.ask("who") == 2


async def test_who_hangs_up_on_every_caller_is_not_called_for_ever(tmp_path: Path) -> None:
    calls = 0

    def hang_up(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal calls
        calls += 1
        writer.close()

    server = await asyncio.start_unix_server(hang_up, tmp_path / "socket")
    caller = Caller(tmp_path / "socket")
    with contextlib.closing(server), pytest.raises(NotTakenError):
        await caller.ask("who")
    assert calls == 1
    await caller.close()
