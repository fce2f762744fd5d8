"""A Pykka future that can be awaited without blocking the event loop."""

import asyncio
import functools
import sys
import threading
import time
from collections.abc import Callable, Generator, Iterable
from types import TracebackType
from typing import Any, override

import pykka

OptExcInfo = tuple[type[BaseException] | None, BaseException | None, TracebackType | None]

_lock = threading.Lock()
"""Guards the moment in which any future gets its value: held for nanoseconds, and cheaper than one lock a future."""


class BlockingOnLoopError(RuntimeError):
    """A blocking wait on an event loop's thread, which would hold up every actor of that loop; await instead."""

    def __init__(self) -> None:
        super().__init__("a blocking get() on the event loop's thread; await the future instead")


def on_running_loop() -> bool:
    """Return whether this thread is running an event loop."""
    return asyncio._get_running_loop() is not None  # noqa: SLF001 - the public one raises, which costs ten times more


class LoopFuture(pykka.Future[Any]):
    """A reply that is awaited on the loop and waited for elsewhere.

    `get()` on a thread that runs an event loop raises, since it would block every actor of that loop. A future with a
    deadline is waited for until then only; a value that comes later is dropped.
    """

    # Defaults of the class instead of assignments: an ask makes a future, and most of these are never touched.
    _get_hook: Any = None
    _get_hook_result: Any = pykka.Future()._get_hook_result  # noqa: SLF001 - Pykka's mark for "not computed yet"
    _done = False
    _value: Any = None
    _error: BaseException | None = None
    _wakers: list[Callable[[], None]] | None = None
    _sources: tuple[pykka.Future[Any], ...] = ()
    _combine: Callable[[list[Any]], Any] | None = None
    deadline: float | None = None
    """On `clock`, in seconds."""
    clock: Callable[[], float] = staticmethod(time.monotonic)

    def __init__(self) -> None:
        """Make a future without a value."""

    @override
    def get(self, *, timeout: float | None = None) -> Any:
        """Block until the value is set; `timeout` in seconds.

        Raises:
            pykka.Timeout: no value in time.
            BlockingOnLoopError: called on an event loop's thread before the value is there.
        """
        if self._get_hook is not None:
            return super().get(timeout=timeout)
        if not self._done:
            if on_running_loop():
                raise BlockingOnLoopError
            arrived = threading.Event()
            if self._wake_with(arrived.set) and not arrived.wait(self._patience(timeout)):
                raise pykka.Timeout(f"{timeout} seconds")
        return self._outcome()

    def _patience(self, timeout: float | None) -> float | None:
        if self.deadline is None:
            return timeout
        left = max(0.0, self.deadline - self.clock())
        return left if timeout is None else min(timeout, left)

    def _outcome(self) -> Any:
        if self._error is None:
            return self._value
        try:
            raise self._error
        finally:
            # Breaks the circle of the future, its error, and the error's traceback through this frame.
            self = None  # type: ignore[assignment]  # noqa: PLW0642 - as above

    def _wake_with(self, waker: Callable[[], None]) -> bool:
        """Have a function called when there is a value; False where there is one already."""
        with _lock:
            if self._done:
                return False
            if self._wakers is None:
                self._wakers = []
            self._wakers.append(waker)
            return True

    def _settle(self, value: Any, error: BaseException | None) -> None:
        with _lock:
            if self._get_hook is not None:
                raise RuntimeError("the future has a get hook already")
            if self._done:
                raise RuntimeError("the future has a value already")
            self._value = value
            self._error = error
            self._done = True
            wakers, self._wakers = self._wakers, None
        if wakers:
            for wake in wakers:
                wake()

    @override
    def set(self, value: Any = None) -> None:
        """Set the value. Raises `RuntimeError` when there is one already."""
        self._settle(value, None)

    @override
    def set_exception(self, exc_info: OptExcInfo | None = None) -> None:
        """Set an exception, the one being handled when none is given."""
        kind, value, traceback = exc_info or sys.exc_info()
        if value is None:
            if kind is None:
                raise ValueError("no exception is being handled and none was given")
            value = kind()
        self._settle(None, value if traceback is None else value.with_traceback(traceback))

    @override
    def set_get_hook(self, func: Any) -> None:
        """Make `get()` and `await` compute the value by calling `func(timeout)`."""
        if self._done:
            raise RuntimeError("the future has a value already")
        self._get_hook = func

    @override
    def __await__(self) -> Generator[Any, None, Any]:
        if self._combine is not None:
            return self._await_sources().__await__()
        if self._get_hook is not None:
            return asyncio.to_thread(self.get).__await__()
        return self._await_value()

    __iter__ = __await__

    def _await_value(self) -> Generator[Any, None, Any]:
        if not self._done:
            loop = asyncio.get_running_loop()
            waiter = loop.create_future()

            def wake() -> None:
                if asyncio._get_running_loop() is loop:  # noqa: SLF001 - as in on_running_loop
                    _release(waiter)
                elif not loop.is_closed():
                    loop.call_soon_threadsafe(_release, waiter)

            if self._wake_with(wake):
                timer = None if self.deadline is None else loop.call_later(self._patience(None) or 0, _release, waiter)
                try:
                    yield from waiter
                finally:
                    if timer is not None:
                        timer.cancel()
                if not self._done:
                    raise pykka.Timeout("no answer before the deadline")
        return self._outcome()

    async def _await_sources(self) -> Any:
        if self._combine is None:
            raise RuntimeError("the future is not made of others")
        if isinstance(self._get_hook_result, type(pykka.Future()._get_hook_result)):  # noqa: SLF001 - as above
            self._get_hook_result = self._combine([await without_blocking(source) for source in self._sources])
        return self._get_hook_result

    def _made_of(self, sources: tuple[pykka.Future[Any], ...], combine: Callable[[list[Any]], Any]) -> "LoopFuture":
        made = LoopFuture()
        made._sources = sources
        made._combine = combine
        made._get_hook = lambda timeout: combine([source.get(timeout=timeout) for source in sources])
        return made

    @override
    def filter(self, func: Callable[[Any], bool]) -> "LoopFuture":
        """Return a future of the items that pass `func`."""
        return self._made_of((self,), lambda values: list(filter(func, values[0])))

    @override
    def join(self, *futures: pykka.Future[Any]) -> "LoopFuture":
        """Return a future of the list of this value and the others'."""
        return self._made_of((self, *futures), list)

    @override
    def map(self, func: Callable[[Any], Any]) -> "LoopFuture":
        """Return a future of what `func` makes of the value."""
        return self._made_of((self,), lambda values: func(values[0]))

    @override
    def reduce(self, func: Callable[[Any, Any], Any], *args: Any) -> "LoopFuture":
        """Return a future of the items folded by `func`, from the first of `args` if there is one."""
        return self._made_of((self,), lambda values: functools.reduce(func, values[0], *args))


def _release(waiter: asyncio.Future[None]) -> None:
    if not waiter.done():
        waiter.set_result(None)


async def without_blocking(future: pykka.Future[Any]) -> Any:
    """Await any Pykka future, also one whose own `await` would block the loop."""
    if isinstance(future, LoopFuture):
        return await future
    return await asyncio.to_thread(future.get)


async def gather(futures: Iterable[pykka.Future[Any]]) -> list[Any]:
    """Await futures in order and return their values: what `pykka.get_all` is off the loop."""
    return [await without_blocking(future) for future in futures]
