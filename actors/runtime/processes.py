"""Child processes for steps that hold the GIL: started when first needed, few, and replaced when they die."""

import asyncio
import multiprocessing
import multiprocessing.connection
import pickle
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from multiprocessing.context import SpawnProcess
from typing import Any

_CONTEXT = multiprocessing.get_context("spawn")


class WorkerDiedError(Exception):
    """Child processes died while they ran a step, for example killed for want of memory."""


class _Worker:
    """A child process and the pipe to it."""

    def __init__(self) -> None:
        self.pipe, theirs = _CONTEXT.Pipe()
        self.process: SpawnProcess = _CONTEXT.Process(target=_serve, args=(theirs,), daemon=True, name="balto-worker")
        self.process.start()
        theirs.close()

    def call(self, function: Callable[..., Any], args: tuple[Any, ...]) -> Any:
        """Run a step and return its result, on a thread that may wait."""
        try:
            self.pipe.send((function, args))
            good, value = self.pipe.recv()
        except (EOFError, ConnectionError) as error:
            raise WorkerDiedError("a child process died") from error
        if good:
            return value
        raise value

    def kill(self) -> None:
        """End the child at once."""
        self.process.kill()
        self.process.join()
        self.pipe.close()


def _serve(pipe: multiprocessing.connection.Connection) -> None:
    """Run steps until the parent is gone; what a child process does."""
    while True:
        try:
            function, args = pipe.recv()
        except EOFError:
            return
        try:
            answer: tuple[bool, Any] = True, function(*args)
        except Exception as error:
            answer = False, error
        try:
            pipe.send(answer)
        except (TypeError, AttributeError, ValueError, pickle.PicklingError) as error:
            pipe.send((False, TypeError(f"the result of a step cannot be pickled: {type(error).__name__}")))


class ProcessPool:
    """Runs functions in at most `size` child processes; more wait their turn, in order.

    Args:
        size: children, each started when all the others are busy.
    """

    def __init__(self, size: int) -> None:
        self._room = asyncio.Semaphore(size)
        self._idle: deque[_Worker] = deque()
        self._workers: set[_Worker] = set()
        self._size = size
        self._threads: ThreadPoolExecutor | None = None
        self._closed = False

    @property
    def pids(self) -> list[int]:
        """Process ids of the living children."""
        return [worker.process.pid for worker in self._workers if worker.process.pid is not None]

    async def run[T](self, function: Callable[..., T], *args: Any) -> T:
        """Run a function of a module's top level in a child and return its result.

        Being cancelled ends the child that runs it.

        Raises:
            WorkerDiedError: the child died, and so did the one that tried again.
            RuntimeError: the pool is closed.
        """
        async with self._room:
            result: T
            try:
                result = await self._run_once(function, args)
            except WorkerDiedError:
                if self._closed:
                    raise
                # Steps are functions of their arguments, so that one may be tried again.
                result = await self._run_once(function, args)
            return result

    async def _run_once(self, function: Callable[..., Any], args: tuple[Any, ...]) -> Any:
        if self._closed:
            raise RuntimeError("the process pool is closed")
        loop = asyncio.get_running_loop()
        if self._threads is None:
            self._threads = ThreadPoolExecutor(self._size, thread_name_prefix="balto-process")
        worker = self._idle.pop() if self._idle else await loop.run_in_executor(self._threads, _Worker)
        self._workers.add(worker)
        good = False
        try:
            result = await loop.run_in_executor(self._threads, worker.call, function, args)
            good = True
        except Exception as error:
            good = not isinstance(error, WorkerDiedError)
            raise
        finally:
            # Also after a cancellation: the child would hand this step's result to the next.
            if good and not self._closed:
                self._idle.append(worker)
            else:
                self._workers.discard(worker)
                worker.kill()
        return result

    async def close(self) -> None:
        """End the children; steps under way fail with `WorkerDiedError`."""
        self._closed = True
        for worker in list(self._workers):
            worker.process.kill()
        for worker in self._idle:
            self._workers.discard(worker)
            worker.kill()
        self._idle.clear()
        if self._threads is not None:
            await asyncio.to_thread(self._threads.shutdown)
