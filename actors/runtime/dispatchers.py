"""Dispatchers: the event loop for short steps, a thread pool for long ones that release the GIL."""

import asyncio
import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Executor

from actors.runtime.draining import TURN_CHECK_MASK, Drained

logger = logging.getLogger(__name__)

TURN_S = 0.002
"""How long actors may hold the loop before other tasks get a turn, in seconds."""


class LoopDispatcher:
    """Drains mailboxes on an event loop: one ready queue, one wake-up a burst, a bounded turn.

    Args:
        loop: where handlers run.
        clock: monotonic seconds.
    """

    serial = True

    def __init__(self, loop: asyncio.AbstractEventLoop, clock: Callable[[], float] = time.monotonic) -> None:
        self.loop = loop
        self.clock = clock
        self._thread = threading.get_ident()
        self._ready: deque[Drained] = deque()
        self._lock = threading.Lock()
        self._awake = False

    def schedule(self, mailbox: Drained) -> None:
        """Queue a mailbox for the next turn of the loop. Any thread may call."""
        # Appended before the flag is read, and the turn looks at the queue after it has cleared the flag: a mailbox
        # that sees the flag set is seen by that turn.
        self._ready.append(mailbox)
        if not self._awake:
            self._wake()

    def _wake(self) -> None:
        with self._lock:
            if self._awake:
                return
            self._awake = True
        if threading.get_ident() == self._thread:
            self.loop.call_soon(self._turn)
        elif not self.loop.is_closed():
            self.loop.call_soon_threadsafe(self._turn)

    def _turn(self) -> None:
        ready, clock = self._ready, self.clock
        ends = clock() + TURN_S
        drained = 0
        while ready:
            try:
                ready.popleft().run(ends)
            except Exception:
                logger.exception("a mailbox could not be drained")
            drained += 1
            if not drained & TURN_CHECK_MASK and clock() >= ends:
                self.loop.call_soon(self._turn)
                return
        with self._lock:
            self._awake = False
        if ready:
            self._wake()


class PoolDispatcher:
    """Drains mailboxes on the threads of a pool: several actors share few threads, one thread an actor at a time.

    Args:
        executor: the threads.
        turn_s: how long an actor may keep a thread while others wait, in seconds.
        clock: monotonic seconds.
    """

    serial = False

    def __init__(
        self, executor: Executor, *, turn_s: float = 0.05, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._executor = executor
        self._turn_s = turn_s
        self.clock = clock

    def schedule(self, mailbox: Drained) -> None:
        """Queue a mailbox for the next free thread."""
        self._executor.submit(self._run, mailbox)

    def _run(self, mailbox: Drained) -> None:
        try:
            mailbox.run(self.clock() + self._turn_s)
        except Exception:
            logger.exception("a mailbox could not be drained")
