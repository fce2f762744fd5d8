"""Calls that whoever asked for them can take back, while they wait in a mailbox or run."""

import asyncio
from collections.abc import Coroutine


class WithdrawnError(Exception):
    """The call was taken back: nobody wants its result."""


class Call:
    """A handle on one call, for the actor that asks and the one that carries it out. Not thread-safe: one loop."""

    def __init__(self) -> None:
        self._withdrawn = False
        self._task: asyncio.Task[object] | None = None

    def withdraw(self) -> None:
        """Take it back: it isn't begun any more, or it is cancelled."""
        self._withdrawn = True
        if self._task is not None:
            self._task.cancel()

    async def run[T](self, work: Coroutine[object, object, T]) -> T:
        """Carry it out.

        Raises:
            WithdrawnError: it was taken back.
        """
        if self._withdrawn:
            work.close()
            raise WithdrawnError
        task = asyncio.ensure_future(work)
        self._task = task
        try:
            return await task
        except asyncio.CancelledError:
            us = asyncio.current_task()
            if self._withdrawn and not (us is not None and us.cancelling()):
                raise WithdrawnError from None
            raise
        finally:
            self._task = None
