"""Virtual time: a loop whose clock jumps to the next timer, and an actor system on it whose steps take no time."""

import asyncio
import random
from collections.abc import Callable
from concurrent.futures import Executor, Future
from datetime import datetime, timedelta
from typing import Any, override

from actors.runtime.draining import Drained
from actors.runtime.system import ActorSystem

_FOR_EVER = float("inf")


class DeadlockError(Exception):
    """Nothing is ready and no timer is set: what is awaited will never come."""


class VirtualLoop(asyncio.BaseEventLoop):
    """An event loop without a clock, sockets or threads of its own.

    Time stands still while anything is ready and then jumps to the next timer. What is given to a thread runs at once.
    """

    def __init__(self) -> None:
        super().__init__()
        self._now = 0.0
        self._clock_resolution = 1e-9
        # The name is what the base class takes its events from.
        self._selector = self

    @override
    def time(self) -> float:
        """Return the virtual time in seconds, 0 at the start."""
        return self._now

    def select(self, timeout: float | None) -> tuple[()]:
        """Let virtual time pass instead of waiting for sockets.

        Raises:
            DeadlockError: there is nothing to wait for.
        """
        if timeout is None:
            raise DeadlockError(f"nothing can happen any more, at {self._now} s")
        self._now += timeout
        return ()

    @override
    def run_in_executor[*Ts, T](
        self, executor: Executor | None, func: Callable[[*Ts], T], *args: *Ts
    ) -> asyncio.Future[T]:
        """Run it here and now: a thread would answer at a time of its own."""
        future: asyncio.Future[T] = self.create_future()
        try:
            future.set_result(func(*args))
        except Exception as error:
            future.set_exception(error)
        return future

    def _process_events(self, _events: object) -> None:
        return

    def _write_to_self(self) -> None:
        return


class VirtualClock:
    """The virtual time as `actors.runtime.clock.Clock`.

    Args:
        loop: whose time it is.
        begins: the time of day, UTC, at its 0.
    """

    def __init__(self, loop: VirtualLoop, begins: datetime) -> None:
        self._loop = loop
        self._begins = begins

    def utc(self) -> datetime:
        """Return the virtual time of day."""
        return self._begins + timedelta(seconds=self._loop.time())

    def monotonic_us(self) -> int:
        """Return virtual microseconds since the start."""
        return round(self._loop.time() * 1e6)


class InlineExecutor(Executor):
    """Runs what it is given at once."""

    @override
    def submit[**P, T](self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Run it, and return its result as a future that has it."""
        future: Future[T] = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except Exception as error:
            future.set_exception(error)
        return future


class SeededDispatcher:
    """Drains one mailbox a callback, the one that the seed picks of all that are ready, for as long as it says.

    So two seeds are two schedules that threads or a busier loop might have made, while timers and futures keep the
    order that asyncio promises for them.

    Args:
        loop: where mailboxes are drained.
        seed: of the choices; None for first come, first served, each to its end.
    """

    serial = True

    def __init__(self, loop: VirtualLoop, seed: int | None) -> None:
        self._loop = loop
        self.clock: Callable[[], float] = loop.time
        self._random = None if seed is None else random.Random(seed)  # noqa: S311 - repeatable on purpose
        self._ready: list[Drained] = []

    def schedule(self, mailbox: Drained) -> None:
        """Queue a mailbox for a turn of its own."""
        if self._random is None:
            self._loop.call_soon(mailbox.run, _FOR_EVER)
        else:
            self._ready.append(mailbox)
            self._loop.call_soon(self._pick, self._random)

    def _pick(self, chance: random.Random) -> None:
        mailbox = self._ready.pop(chance.randrange(len(self._ready)))
        # A turn that is over from the start ends before one of the next four messages.
        mailbox.run(chance.choice((-1.0, _FOR_EVER, _FOR_EVER)))


class InstantSystem(ActorSystem):
    """An actor system on a virtual loop whose actors, those of the pool too, take no time at all for what they do.

    Args:
        loop: which is running.
        seed: as `SeededDispatcher`.
    """

    def __init__(self, loop: VirtualLoop, seed: int | None = None) -> None:
        dispatcher = SeededDispatcher(loop, seed)
        super().__init__(
            clock=loop.time, loop_dispatcher=dispatcher, pool_dispatcher=dispatcher, executor=InlineExecutor()
        )

    @override
    async def offload[T](self, work: Callable[[], T]) -> T:
        return work()

    @override
    async def offload_process[T](self, function: Callable[..., T], *args: Any) -> T:
        return function(*args)
