"""Dispatchers: the event loop for short steps, a thread pool for long ones that release the GIL."""

import asyncio
import threading
import time
from collections import deque
from concurrent.futures import ThreadPoolExecutor

from actors.runtime.mailbox import Mailbox

TURN_NS = 2_000_000
"""How long actors may hold the loop before other tasks get a turn, in nanoseconds."""


class LoopDispatcher:
    """Drains mailboxes on an event loop: one ready queue, one wake-up a burst, a bounded turn."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self._thread = threading.get_ident()
        self._ready: deque[Mailbox] = deque()
        self._lock = threading.Lock()
        self._awake = False

    def schedule(self, mailbox: Mailbox) -> None:
        """Queue a mailbox for the next turn of the loop. Any thread may call."""
        with self._lock:
            self._ready.append(mailbox)
            if self._awake:
                return
            self._awake = True
        if threading.get_ident() == self._thread:
            self.loop.call_soon(self._turn)
        else:
            self.loop.call_soon_threadsafe(self._turn)

    def _turn(self) -> None:
        deadline = time.monotonic_ns() + TURN_NS

        def over() -> bool:
            return time.monotonic_ns() >= deadline

        while True:
            with self._lock:
                if not self._ready:
                    self._awake = False
                    return
                mailbox = self._ready.popleft()
            mailbox.run(over)
            if over():
                self.loop.call_soon(self._turn)
                return


class PoolDispatcher:
    """Drains mailboxes on the threads of a pool: several actors share few threads, one thread an actor at a time."""

    def __init__(self, executor: ThreadPoolExecutor, *, turn_s: float = 0.05) -> None:
        self._executor = executor
        self._turn_ns = int(turn_s * 1e9)

    def schedule(self, mailbox: Mailbox) -> None:
        """Queue a mailbox for the next free thread."""
        self._executor.submit(self._run, mailbox)

    def _run(self, mailbox: Mailbox) -> None:
        deadline = time.monotonic_ns() + self._turn_ns
        mailbox.run(lambda: time.monotonic_ns() >= deadline)
