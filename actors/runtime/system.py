"""The actor system: the dispatchers of one process, and the way to spawn and stop actors on them."""

import asyncio
import contextlib
import time
import weakref
from collections.abc import Callable, Coroutine
from concurrent.futures import Executor, ThreadPoolExecutor
from contextvars import Context
from dataclasses import dataclass
from typing import Any, Literal, Self

import pykka
from pykka.messages import _ActorStop

from actors.runtime import registry
from actors.runtime.actor import Actor, Birth, birth
from actors.runtime.dispatchers import LoopDispatcher, PoolDispatcher
from actors.runtime.draining import Dispatcher
from actors.runtime.letters import Letter, ReceiveTimeout
from actors.runtime.mailbox import Mailbox
from actors.runtime.metrics import tally_of
from actors.runtime.processes import ProcessPool
from actors.runtime.refs import Ref
from actors.runtime.supervisor import Record, Supervision

_open: "list[ActorSystem]" = []


@dataclass(frozen=True, slots=True, kw_only=True)
class SpawnOptions:
    """What a spawn may set differently from the actor's class; None leaves it as there."""

    capacity: int | None = None
    idle_after_s: float | None = None
    supervision: Supervision | None = None
    heir: Callable[[Letter], None] | None = None
    """Takes the letters that are left, or come, after the actor's end."""
    on_end: Callable[[], None] | None = None
    """Called when the actor's mailbox has been closed."""


_AS_THE_CLASS_SAYS = SpawnOptions()


class ActorSystem:
    """Owns the dispatchers; create it on the event loop that is to run the actors.

    Args:
        pool_threads: threads that the actors of the pool dispatcher share.
        processes: children for steps that hold the GIL, each started when first needed.
        clock: monotonic seconds, the same as the loop's time.
        loop_dispatcher: instead of one of its own, for tests.
        pool_dispatcher: the same.
        executor: runs `offload`; its own threads unless given.
    """

    def __init__(
        self,
        *,
        pool_threads: int = 2,
        processes: int = 1,
        clock: Callable[[], float] = time.monotonic,
        loop_dispatcher: Dispatcher | None = None,
        pool_dispatcher: Dispatcher | None = None,
        executor: Executor | None = None,
    ) -> None:
        registry.install()
        self.loop = asyncio.get_running_loop()
        self.clock = clock
        self._executor = executor or ThreadPoolExecutor(pool_threads, thread_name_prefix="balto-pool")
        self._processes = ProcessPool(processes)
        self._dispatchers: dict[str, Dispatcher] = {
            "loop": loop_dispatcher or LoopDispatcher(self.loop, clock),
            "pool": pool_dispatcher or PoolDispatcher(self._executor, clock=clock),
        }
        # A dict, so that what is cancelled at the end is so in the order of its start.
        self._tasks: dict[asyncio.Task[None], None] = {}
        _open.append(self)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    def dispatcher(self, kind: Literal["loop", "pool"]) -> Dispatcher:
        """Return the dispatcher of a kind."""
        return self._dispatchers[kind]

    def spawn[A: Actor](
        self,
        actor_class: type[A],
        *args: Any,
        parent: Ref[Any] | None = None,
        options: SpawnOptions | None = None,
        **kwargs: Any,
    ) -> Ref[A]:
        """Start an actor on this system. Other arguments go to its constructor.

        Args:
            actor_class: what to start.
            args: for the constructor.
            parent: told of failures; use the parent's own `spawn` to have the child stopped with it.
            options: what to set differently from the class.
            kwargs: for the constructor.
        """
        options = options or _AS_THE_CLASS_SAYS
        supervision = options.supervision or actor_class.supervision
        record = None if supervision.strategy == "stop" else Record(actor_class, args, kwargs, supervision)
        capacity = options.capacity if options.capacity is not None else actor_class.capacity
        mailbox = Mailbox(
            self._dispatchers[actor_class.dispatcher], tally_of(actor_class), capacity, actor_class.bounded
        )
        mailbox.heir = options.heir
        mailbox.on_end = options.on_end
        actor = _make(actor_class, args, kwargs, Birth(self, mailbox, parent, record, None))
        ref = actor.actor_ref
        registry.register(ref)
        actor._start_actor_loop()  # noqa: SLF001 - what Pykka's own start() calls
        idle_after_s = options.idle_after_s if options.idle_after_s is not None else actor_class.idle_after_s
        if idle_after_s is not None:
            self._on_loop(_watch_idle, self.loop, weakref.ref(ref), idle_after_s, -1)
        return ref

    def reincarnate(self, previous: Actor, record: Record) -> Actor:
        """Make a new instance in the place of one that failed, behind the same ref and mailbox."""
        fresh = _make(
            record.actor_class,
            record.args,
            record.kwargs,
            Birth(self, previous.actor_inbox, previous.parent, record, previous),
        )
        fresh.actor_ref._actor_weakref = weakref.ref(fresh)  # noqa: SLF001 - what the ref's constructor sets
        return fresh

    def run_coroutine(
        self,
        coroutine: Coroutine[Any, Any, None],
        context: Context | None = None,
        *,
        inner: Coroutine[Any, Any, Any] | None = None,
    ) -> None:
        """Run a coroutine on the system's loop, in a context if one is given; any thread may call.

        Args:
            coroutine: what is run.
            context: in which it is.
            inner: another that it awaits, which is closed even where it is cancelled before it has begun.
        """
        self._on_loop(self._start_task, coroutine, context, inner)

    def _on_loop(self, function: Callable[..., None], *args: Any) -> None:
        if asyncio._get_running_loop() is self.loop:  # noqa: SLF001 - the public one raises where there is none
            function(*args)
        else:
            self.loop.call_soon_threadsafe(function, *args)

    async def offload[T](self, work: Callable[[], T]) -> T:
        """Run a long step that releases the GIL on the pool's threads and return its result."""
        return await self.loop.run_in_executor(self._executor, work)

    async def offload_process[T](self, function: Callable[..., T], *args: Any) -> T:
        """Run a long step that holds the GIL in a child process and return its result.

        Args:
            function: of a module's top level; it and the arguments are pickled.
            args: for it.

        Raises:
            WorkerDiedError: the child died twice while running it.
        """
        return await self._processes.run(function, *args)

    def _start_task(
        self,
        coroutine: Coroutine[Any, Any, None],
        context: Context | None,
        inner: Coroutine[Any, Any, Any] | None,
    ) -> None:
        task = self.loop.create_task(coroutine, context=context)
        self._tasks[task] = None

        def end(done: asyncio.Task[None]) -> None:
            self._tasks.pop(done, None)
            if inner is not None:
                inner.close()

        task.add_done_callback(end)

    async def close(self) -> None:
        """Cancel what coroutine handlers still run, give up actors that were not stopped, end threads and children."""
        if self in _open:
            _open.remove(self)
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._abandon_actors()
        await self._processes.close()
        if isinstance(self._executor, ThreadPoolExecutor):
            await asyncio.to_thread(self._executor.shutdown)

    def _abandon_actors(self) -> None:
        # Nobody will drain them any more; who asked one of them something must not wait for ever.
        own = self._dispatchers.values()
        for ref in pykka.ActorRegistry.get_all():
            if isinstance(ref, Ref) and ref.actor_inbox.dispatcher in own:
                pykka.ActorRegistry.unregister(ref)
                ref.actor_stopped.set()
                ref.actor_inbox.heir = None
                ref.actor_inbox.close()


def _make[A: Actor](actor_class: type[A], args: tuple[Any, ...], kwargs: dict[str, Any], born: Birth) -> A:
    token = birth.set(born)
    try:
        return actor_class(*args, **kwargs)
    finally:
        birth.reset(token)


def _watch_idle(loop: asyncio.AbstractEventLoop, weak: "weakref.ref[Ref[Any]]", idle_after_s: float, seen: int) -> None:
    ref = weak()
    if ref is None or not ref.is_alive():
        return
    inbox = ref.actor_inbox
    if inbox.idle and inbox.last_activity == seen:
        with contextlib.suppress(pykka.ActorDeadError):
            ref.tell(ReceiveTimeout())
    loop.call_later(idle_after_s, _watch_idle, loop, weak, idle_after_s, inbox.last_activity)


def current_system() -> ActorSystem:
    """Return the open system that was created last in this process.

    Raises:
        RuntimeError: there is none.
    """
    if not _open:
        raise RuntimeError("no actor system is open")
    return _open[-1]


async def stop(ref: pykka.ActorRef[Any]) -> None:
    """Ask an actor to stop after the messages already queued, and wait until it has."""
    with contextlib.suppress(pykka.ActorDeadError):
        await ref.ask(_ActorStop(), block=False)
