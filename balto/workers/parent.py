"""The parent of a server's workers: starts them, starts them again, tells them to stop, and answers what they ask."""

import asyncio
import base64
import contextlib
import logging
import signal
import socket
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

import psutil

from actors.runtime.line import Line, LineClosedError, UnansweredError
from balto.library import Say, StartError, open_database, prepare_library
from balto.security.admin import load_secret
from balto.settings import Settings
from balto.telemetry.exposition import resident
from balto.workers.child import Child
from balto.workers.heartbeat import watch_heart
from balto.workers.modelling import LocalModels, local_models
from balto.workers.shared import SharedMemory
from events.guard import ReviveError, guarded

DRAIN_PATIENCE_S: Final = 20.0
_RENEWAL_S: Final = 40.0
"""For a worker that is renewed to end and to come up again, beyond what its sessions are granted."""
_ANSWER_S: Final = 1.0
"""For a worker to tell its figures; one that is late is left out."""

logger = logging.getLogger(__name__)


class Worker(Child):
    """One process that takes connections.

    Args:
        number: from 1 on.
        place: what it is told of the server.
        listening: the sockets of the port.
        memory: that all workers share.
        answer: answers what it asks of its parent.
        module: that it runs.
    """

    def __init__(
        self,
        number: int,
        place: dict[str, Any],
        listening: Sequence[socket.socket],
        memory: SharedMemory,
        answer: "Answer",
        module: str = "balto.workers.worker",
    ) -> None:
        super().__init__(f"worker {number}", module)
        self.number = number
        self.is_ready = asyncio.Event()
        self._place = {**place, "number": number}
        self._shared = (*(one.fileno() for one in listening), memory.file)
        self._memory = memory
        self._answer = answer
        self._line: Line | None = None
        self._talking: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """As `Child.start`."""
        await self._hang_up()
        self.is_ready.clear()
        # The sessions that the former process had are nobody's until somebody takes them up.
        self._memory.census(self.number).note(0)
        ours, theirs = socket.socketpair()
        with theirs:
            self._line = Line(*await asyncio.open_unix_connection(sock=ours), self._reply)
            self._talking = asyncio.create_task(self._line.run(), name=self.name)
            self.arguments = (str(theirs.fileno()),)
            self.handles = (theirs.fileno(), *self._shared)
            await super().start()

    async def ready(self) -> None:
        """Wait until it takes connections."""
        await self.is_ready.wait()

    async def died(self) -> None:
        """As `Child.died`."""
        await super().died()
        self.wanted_gone = False
        self.is_ready.clear()
        self._memory.census(self.number).note(0)

    async def stop(self, patience_s: float) -> None:
        """As `Child.stop`."""
        self.is_ready.clear()
        await super().stop(patience_s)
        await self._hang_up()

    async def figures(self) -> str:
        """Return what it tells Prometheus, nothing where it does not say so at once."""
        if self._line is None or not self.is_ready.is_set():
            return ""
        try:
            async with asyncio.timeout(_ANSWER_S):
                return str(await self._line.ask("figures"))
        except (TimeoutError, LineClosedError, UnansweredError):
            return ""

    async def lives(self) -> None:
        """As `Heart.lives`."""
        if self._line is not None:
            with contextlib.suppress(LineClosedError, UnansweredError):
                await self._line.ask("lives")

    async def _reply(self, what: str, about: Any, body: bytes) -> Any:
        del about, body
        match what:
            case "place":
                return self._place
            case "ready":
                self.is_ready.set()
                return None
            case _:
                return await self._answer(self, what)

    async def _hang_up(self) -> None:
        if self._talking is not None:
            self._talking.cancel()
            await asyncio.gather(self._talking, return_exceptions=True)
            self._talking = self._line = None


type Answer = Callable[[Worker, str], Awaitable[Any]]
"""Answers what a worker asks."""


class Crew:
    """All workers of a server.

    Args:
        make: makes each of them, given its number and who answers what it asks.
        count: how many.
        models: the process of the local models, if there is one.
        patience_s: with a worker that does not answer; then it is killed and started again.
    """

    def __init__(
        self, make: Callable[[int, Answer], Worker], count: int, models: LocalModels | None, patience_s: float
    ) -> None:
        self._patience_s = patience_s
        self.workers = [make(number, self._answer) for number in range(1, count + 1)]
        self._models = models

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Have them run, and started again when they die, for the length of the block; then drain them.

        Raises:
            StartError: one of them does not start.
        """
        first, *others = self.workers
        try:
            # What is wrong for all is said by one.
            await first.start()
            await asyncio.gather(*(worker.start() for worker in others))
        except ReviveError as error:
            await self._stop()
            raise StartError(f"a worker does not start: {error}") from None
        except BaseException:
            await self._stop()
            raise
        try:
            async with contextlib.AsyncExitStack() as guards:
                for worker in self.workers:
                    await guards.enter_async_context(guarded(worker, name=worker.name))
                    watching = asyncio.create_task(
                        watch_heart(worker, self._patience_s), name=f"heart of {worker.name}"
                    )
                    guards.callback(watching.cancel)
                yield
        finally:
            await self._stop()

    async def renew(self) -> None:
        """Have each worker drained and started anew, one after the other, so that the port always has some."""
        for worker in self.workers:
            logger.info("%s is renewed: its sessions go on in the others", worker.name)
            # Its guard sees it end and starts it again.
            worker.is_ready.clear()
            worker.wanted_gone = True
            worker.tell(signal.SIGTERM)
            try:
                await asyncio.wait_for(worker.is_ready.wait(), DRAIN_PATIENCE_S + _RENEWAL_S)
            except TimeoutError:
                logger.error("%s does not come to an end and is killed", worker.name)  # noqa: TRY400 - one line
                worker.tell(signal.SIGKILL)
                await worker.is_ready.wait()
        logger.info("all workers are renewed")

    def hasten(self) -> None:
        """Tell them once more to stop: sessions under way are cut off."""
        for worker in self.workers:
            worker.tell(signal.SIGTERM)

    async def _stop(self) -> None:
        await asyncio.gather(*(worker.stop(DRAIN_PATIENCE_S) for worker in self.workers))

    async def _answer(self, asking: Worker, what: str) -> Any:
        match what:
            case "at_work":
                return sum(worker.is_ready.is_set() for worker in self.workers)
            case "figures":
                others = [worker.figures() for worker in self.workers if worker is not asking]
                return [*await asyncio.gather(*others), *self._own_figures()]
            case _:
                raise LookupError(what)

    def _own_figures(self) -> list[str]:
        local = [] if self._models is None else self._models.figures()
        return [resident("parent", psutil.Process()), *local]


async def serve_with_workers(
    settings: Settings, listening: Sequence[socket.socket], say: Say, ready: Callable[[], None]
) -> None:
    """Serve with as many workers as the settings want, until told to stop.

    SIGTERM and SIGINT drain all of them, and once more cut that short. SIGHUP renews them one by one; where there is a
    terminal it means that this has gone away, and stops the server.

    Args:
        settings: of the server.
        listening: the port, bound.
        say: told what is being done.
        ready: called when all workers take connections.

    Raises:
        StartError: something that was asked for cannot be had.
    """
    async with contextlib.AsyncExitStack() as stack:
        local = await stack.enter_async_context(local_models(settings, say))
        if local is not None:
            await local.summon()
        dsn = await stack.enter_async_context(open_database(settings, say))
        await prepare_library(settings, dsn, say)
        memory = SharedMemory.make()
        stack.callback(memory.close)
        place = _place_of(settings, listening, dsn, memory, None if local is None else local.path)

        def make(number: int, answer: Answer) -> Worker:
            return Worker(number, place, listening, memory, answer)

        say(f"starting {settings.worker_count} workers")
        crew = Crew(make, settings.worker_count, local, settings.worker_patience_s)
        stop, loop = asyncio.Event(), asyncio.get_running_loop()
        renewing: set[asyncio.Task[None]] = set()

        def renew() -> None:
            if not renewing:
                task = asyncio.create_task(crew.renew(), name="renewing")
                renewing.add(task)
                task.add_done_callback(renewing.discard)

        def told_to_stop() -> None:
            if stop.is_set():
                crew.hasten()
            stop.set()

        async with crew.running():
            for number in (signal.SIGINT, signal.SIGTERM):
                loop.add_signal_handler(number, told_to_stop)
            loop.add_signal_handler(signal.SIGHUP, told_to_stop if sys.stdin.isatty() else renew)
            ready()
            await stop.wait()
            for task in renewing:
                task.cancel()
            say("stopping: sessions under way are finished first; the same signal again cuts them off")


def _place_of(
    settings: Settings, listening: Sequence[socket.socket], dsn: str, memory: SharedMemory, local: Path | None
) -> dict[str, Any]:
    return {
        "of": settings.worker_count,
        "boot": uuid4().hex,
        "host": settings.host,
        "port": settings.port,
        "dsn": dsn,
        "models": None if local is None else str(local),
        "secret": base64.b64encode(load_secret(settings.data_dir / "admin.secret")).decode(),
        "listening": [one.fileno() for one in listening],
        "memory": memory.file,
        "memory_key": memory.key.hex(),
    }
