"""A Pykka future that can be awaited without blocking the event loop."""

import asyncio
import concurrent.futures
import sys
from collections.abc import Generator
from types import TracebackType
from typing import Any, override

import pykka

OptExcInfo = tuple[type[BaseException] | None, BaseException | None, TracebackType | None]


def _on_running_loop() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


class LoopFuture(pykka.Future[Any]):
    """A reply that is awaited on the loop and waited for elsewhere.

    `get()` on a thread that runs an event loop raises `RuntimeError`, since it would block every actor of that loop.
    """

    def __init__(self) -> None:
        super().__init__()
        self._result: concurrent.futures.Future[Any] = concurrent.futures.Future()

    @override
    def get(self, *, timeout: float | None = None) -> Any:
        """Block until the value is set; `timeout` in seconds.

        Raises:
            pykka.Timeout: no value in time.
            RuntimeError: called on an event loop's thread before the value is there.
        """
        if self._get_hook is not None:
            return super().get(timeout=timeout)
        if not self._result.done() and _on_running_loop():
            raise RuntimeError("a blocking get() on the event loop's thread; await the future instead")
        try:
            return self._result.result(timeout)
        except concurrent.futures.TimeoutError as error:
            if self._result.done():
                raise
            raise pykka.Timeout(f"{timeout} seconds") from error

    @override
    def set(self, value: Any = None) -> None:
        """Set the value. Raises `InvalidStateError` when there is one already."""
        self._refuse_hook()
        self._result.set_result(value)

    @override
    def set_exception(self, exc_info: OptExcInfo | None = None) -> None:
        """Set an exception, the one being handled when none is given."""
        self._refuse_hook()
        value = (exc_info or sys.exc_info())[1]
        if value is None:
            raise ValueError("no exception is being handled and none was given")
        self._result.set_exception(value)

    @override
    def set_get_hook(self, func: Any) -> None:
        """Make `get()` and `await` compute the value by calling `func(timeout)`."""
        if self._result.done():
            raise RuntimeError("the future has a value already")
        super().set_get_hook(func)

    def _refuse_hook(self) -> None:
        if self._get_hook is not None:
            raise RuntimeError("the future has a get hook already")

    @override
    def __await__(self) -> Generator[Any, None, Any]:
        if self._get_hook is not None:
            return asyncio.to_thread(self.get).__await__()
        return asyncio.wrap_future(self._result).__await__()
