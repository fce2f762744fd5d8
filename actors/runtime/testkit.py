"""A test kit of virtual time: a loop whose clock jumps to the next timer and whose order of events a seed decides."""

import asyncio
import functools
import hashlib
import random
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine
from concurrent.futures import Executor, Future
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final, overload, override

from actors.runtime.mailbox import Mailbox
from actors.runtime.system import ActorSystem

SEEDS: Final = 200
"""Schedules that a test of concurrency is run over."""

LONGEST_STEP_S: Final = 0.01
"""Virtual seconds that a step given to the pool or to a child process may take; the seed decides how many."""


class DeadlockError(Exception):
    """Nothing is ready and no timer is set: what is awaited will never come."""


class _Shuffled(deque[asyncio.Handle]):
    """A ready queue that hands out any of its callbacks next."""

    def __init__(self, loop: "VirtualLoop") -> None:
        super().__init__()
        self._loop = loop

    @override
    def popleft(self) -> asyncio.Handle:
        chosen = self._loop.random.randrange(len(self))
        self._loop.note(f"{chosen} of {len(self)}")
        self.rotate(-chosen)
        return super().popleft()


class VirtualLoop(asyncio.BaseEventLoop):
    """An event loop without a clock, sockets or threads of its own.

    Time stands still while anything is ready and then jumps to the next timer. Of what is ready, any callback may be
    the next: asyncio promises an order there, so code that holds in any order holds in that one and under threads too.

    Args:
        seed: decides every choice; the same seed and program give the same trace.
    """

    def __init__(self, seed: int) -> None:
        super().__init__()
        self.random = random.Random(seed)  # noqa: S311 - repeatable on purpose
        self._now = 0.0
        self._digest = hashlib.blake2b(digest_size=16)
        self._clock_resolution = 1e-9
        # The two names are what the base class takes its callbacks and its events from.
        self._ready = _Shuffled(self)
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

    def _process_events(self, _events: object) -> None:
        return

    def _write_to_self(self) -> None:
        return

    def note(self, what: str) -> None:
        """Add something that happened to the trace."""
        self._digest.update(f"{self._now!r} {what}\n".encode())

    @property
    def trace(self) -> str:
        """Hash of all that happened so far, in its order and at its times."""
        return self._digest.hexdigest()


class VirtualClock:
    """The virtual time as `actors.runtime.clock.Clock`."""

    def __init__(self, loop: VirtualLoop) -> None:
        self._loop = loop

    def utc(self) -> datetime:
        """Return the time of a day that always begins at the same moment."""
        return datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=self._loop.time())

    def monotonic_us(self) -> int:
        """Return virtual microseconds since the start."""
        return int(self._loop.time() * 1e6)


class _Dispatcher:
    """Drains each mailbox as a callback of its own, so that the seed orders actors among all else that is ready."""

    serial = True

    def __init__(self, loop: VirtualLoop) -> None:
        self._loop = loop
        self.clock: Callable[[], float] = loop.time

    def schedule(self, mailbox: Mailbox) -> None:
        self._loop.call_soon(self._run, mailbox)

    def _run(self, mailbox: Mailbox) -> None:
        # A turn that is over from the start ends before one of the next four messages.
        mailbox.run(self._loop.random.choice((-1.0, float("inf"), float("inf"))))


class _Inline(Executor):
    """Runs what it is given at once."""

    @override
    def submit[**P, T](self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        future: Future[T] = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except Exception as error:
            future.set_exception(error)
        return future


class VirtualSystem(ActorSystem):
    """An actor system in virtual time: pool actors and long steps run on the loop too, for as long as the seed says."""

    loop: VirtualLoop

    def __init__(self) -> None:
        loop = asyncio.get_running_loop()
        if not isinstance(loop, VirtualLoop):
            raise TypeError("a virtual system runs on a virtual loop")
        dispatcher = _Dispatcher(loop)
        super().__init__(clock=loop.time, loop_dispatcher=dispatcher, pool_dispatcher=dispatcher, executor=_Inline())
        self.random = loop.random
        """For the choices of a test itself."""
        self.time = VirtualClock(loop)

    @override
    async def offload[T](self, work: Callable[[], T]) -> T:
        await asyncio.sleep(self.random.uniform(0, LONGEST_STEP_S))
        return work()

    @override
    async def offload_process[T](self, function: Callable[..., T], *args: Any) -> T:
        await asyncio.sleep(self.random.uniform(0, LONGEST_STEP_S))
        return function(*args)


@dataclass(frozen=True, slots=True)
class Run[T]:
    """What a scenario came to."""

    value: T
    trace: str
    """Hash of the schedule: equal for equal seeds."""
    seconds: float
    """Virtual time that passed."""


def run[T](scenario: Callable[[VirtualSystem], Coroutine[Any, Any, T]], seed: int) -> Run[T]:
    """Run a scenario on a virtual system of its own.

    Raises:
        DeadlockError: something is awaited that will never come.
    """
    loop = VirtualLoop(seed)

    async def main() -> T:
        async with VirtualSystem() as system:
            return await scenario(system)

    with asyncio.Runner(loop_factory=lambda: loop) as runner:
        value = runner.run(main())
    return Run(value, loop.trace, loop.time())


type Scenario = Callable[[VirtualSystem], Awaitable[None]]


@overload
def over_seeds(scenario: Scenario, *, seeds: int = SEEDS) -> Any: ...


@overload
def over_seeds(scenario: None = None, *, seeds: int = SEEDS) -> Callable[[Scenario], Any]: ...


def over_seeds(scenario: Scenario | None = None, *, seeds: int = SEEDS) -> Any:
    """Make a test of a scenario `async def test_…(system)`: it is run once a seed, and a failure names its seed."""
    if scenario is None:
        return functools.partial(over_seeds, seeds=seeds)

    async def play(system: VirtualSystem) -> None:
        await scenario(system)

    def test() -> None:
        for seed in range(seeds):
            try:
                run(play, seed)
            except BaseException as error:
                error.add_note(f"with seed {seed}")
                raise

    test.__name__ = scenario.__name__
    test.__qualname__ = scenario.__qualname__
    test.__doc__ = scenario.__doc__
    test.__module__ = scenario.__module__
    return test
