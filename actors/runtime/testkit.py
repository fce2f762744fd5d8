"""A test kit of virtual time: a loop on which a seed decides the order of all that is ready."""

import asyncio
import functools
import hashlib
import random
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, overload, override

from actors.runtime.draining import Drained
from actors.runtime.system import ActorSystem
from actors.runtime.virtual import InlineExecutor, VirtualClock, VirtualLoop

SEEDS: Final = 200
"""Schedules that a test of concurrency is run over."""

LONGEST_STEP_S: Final = 0.01
"""Virtual seconds that a step given to the pool or to a child process may take; the seed decides how many."""


class _Shuffled(deque[asyncio.Handle]):
    """A ready queue that hands out any of its callbacks next."""

    def __init__(self, loop: "ShuffledLoop") -> None:
        super().__init__()
        self._loop = loop

    @override
    def popleft(self) -> asyncio.Handle:
        chosen = self._loop.random.randrange(len(self))
        self._loop.note(f"{chosen} of {len(self)}")
        self.rotate(-chosen)
        return super().popleft()


class ShuffledLoop(VirtualLoop):
    """A virtual loop that runs what is ready in any order.

    asyncio promises an order there, so code that holds in any order holds in that one and under threads too.

    Args:
        seed: decides every choice; the same seed and program give the same trace.
    """

    def __init__(self, seed: int) -> None:
        super().__init__()
        self.random = random.Random(seed)  # noqa: S311 - repeatable on purpose
        self._digest = hashlib.blake2b(digest_size=16)
        # The name is what the base class takes its callbacks from.
        self._ready = _Shuffled(self)

    def note(self, what: str) -> None:
        """Add something that happened to the trace."""
        self._digest.update(f"{self.time()!r} {what}\n".encode())

    @property
    def trace(self) -> str:
        """Hash of all that happened so far, in its order and at its times."""
        return self._digest.hexdigest()


class _Dispatcher:
    """Drains each mailbox as a callback of its own, so that the seed orders actors among all else that is ready."""

    serial = True

    def __init__(self, loop: ShuffledLoop) -> None:
        self._loop = loop
        self.clock: Callable[[], float] = loop.time

    def schedule(self, mailbox: Drained) -> None:
        self._loop.call_soon(self._run, mailbox)

    def _run(self, mailbox: Drained) -> None:
        # A turn that is over from the start ends before one of the next four messages.
        mailbox.run(self._loop.random.choice((-1.0, float("inf"), float("inf"))))


class VirtualSystem(ActorSystem):
    """An actor system in virtual time: pool actors and long steps run on the loop too, for as long as the seed says."""

    loop: ShuffledLoop

    def __init__(self) -> None:
        loop = asyncio.get_running_loop()
        if not isinstance(loop, ShuffledLoop):
            raise TypeError("a virtual system runs on a virtual loop")
        dispatcher = _Dispatcher(loop)
        super().__init__(
            clock=loop.time, loop_dispatcher=dispatcher, pool_dispatcher=dispatcher, executor=InlineExecutor()
        )
        self.random = loop.random
        """For the choices of a test itself."""
        self.time = VirtualClock(loop, datetime(2026, 1, 1, tzinfo=UTC))

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
    loop = ShuffledLoop(seed)

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
