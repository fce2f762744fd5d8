"""The actor system: the dispatchers of one process, and the way to spawn and stop actors on them."""

import asyncio
import contextlib
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Literal, Self

import pykka
from pykka.messages import _ActorStop

from actors.runtime.actor import Actor, current_system
from actors.runtime.dispatchers import LoopDispatcher, PoolDispatcher
from actors.runtime.mailbox import Dispatcher


class ActorSystem:
    """Owns the loop and pool dispatchers; create it on the event loop that is to run the actors.

    Args:
        pool_threads: threads that the actors of the pool dispatcher share.
    """

    def __init__(self, *, pool_threads: int = 2) -> None:
        self.loop = asyncio.get_running_loop()
        self._executor = ThreadPoolExecutor(pool_threads, thread_name_prefix="balto-pool")
        self._dispatchers: dict[str, Dispatcher] = {
            "loop": LoopDispatcher(self.loop),
            "pool": PoolDispatcher(self._executor),
        }
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    def dispatcher(self, kind: Literal["loop", "pool"]) -> Dispatcher:
        """Return the dispatcher of a kind."""
        return self._dispatchers[kind]

    def spawn[A: Actor](
        self, actor_class: type[A], *args: Any, parent: pykka.ActorRef[Any] | None = None, **kwargs: Any
    ) -> pykka.ActorRef[A]:
        """Start an actor on this system; `parent` is told `ChildFailed` when it fails."""
        token = current_system.set(self)
        try:
            actor = actor_class(*args, **kwargs)
        finally:
            current_system.reset(token)
        actor.parent = parent
        pykka.ActorRegistry.register(actor.actor_ref)
        actor._start_actor_loop()  # noqa: SLF001 - what Pykka's own start() calls
        return actor.actor_ref

    def run_coroutine(self, coroutine: Coroutine[Any, Any, None]) -> None:
        """Run a coroutine on the system's loop; any thread may call."""
        try:
            here = asyncio.get_running_loop() is self.loop
        except RuntimeError:
            here = False
        if here:
            self._start_task(coroutine)
        else:
            self.loop.call_soon_threadsafe(self._start_task, coroutine)

    async def offload[T](self, work: Callable[[], T]) -> T:
        """Run a long step of a coroutine handler on the pool's threads and return its result."""
        return await self.loop.run_in_executor(self._executor, work)

    def _start_task(self, coroutine: Coroutine[Any, Any, None]) -> None:
        task = self.loop.create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def close(self) -> None:
        """Cancel what coroutine handlers still run and end the pool's threads."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.to_thread(self._executor.shutdown)


async def stop(ref: pykka.ActorRef[Any]) -> None:
    """Ask an actor to stop after the messages already queued, and wait until it has."""
    with contextlib.suppress(pykka.ActorDeadError):
        await ref.ask(_ActorStop(), block=False)
