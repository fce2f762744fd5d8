"""The kinds of actor that every conformance test is run for, used as Pykka's users do: from a thread, blocking."""

import asyncio
import threading
from collections.abc import Callable, Iterator
from typing import Any, ClassVar, Literal

import pykka
import pytest

from actors.runtime.actor import Actor
from actors.runtime.system import ActorSystem

TIMEOUT_S = 60


class OnPool(Actor):
    dispatcher: ClassVar[Literal["loop", "pool"]] = "pool"


BASES: dict[str, type[pykka.Actor]] = {"thread": pykka.ThreadingActor, "loop": Actor, "pool": OnPool}

Kind = Callable[[type], Any]
"""Makes an actor class of one kind out of a class with its methods."""


def run_system(ready: threading.Event, over: list[Callable[[], object]]) -> None:
    async def main() -> None:
        done = asyncio.Event()
        loop = asyncio.get_running_loop()
        over.append(lambda: loop.call_soon_threadsafe(done.set))
        async with ActorSystem():
            ready.set()
            await done.wait()

    asyncio.run(main())


@pytest.fixture(params=list(BASES))
def kind(request: pytest.FixtureRequest) -> Iterator[Kind]:
    base = BASES[request.param]
    ready = threading.Event()
    over: list[Callable[[], object]] = []
    thread = threading.Thread(target=run_system, args=(ready, over))
    thread.start()
    assert ready.wait(TIMEOUT_S)
    yield lambda methods: type(methods.__name__, (methods, base), {})
    pykka.ActorRegistry.stop_all(timeout=TIMEOUT_S)
    over[0]()
    thread.join(TIMEOUT_S)
