"""The letterbox: the side of a mailbox where messages are put, by any thread, with a bound or without one."""

import contextlib
import threading
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable
from typing import Any

import pykka
from pykka._envelope import Envelope
from pykka.messages import _ActorStop

from actors.runtime import deadletters
from actors.runtime.draining import Dispatcher
from actors.runtime.letters import SYSTEM_MESSAGES, Letter
from actors.runtime.metrics import SAMPLE_MASK
from actors.runtime.waiting import Bound, MailboxFullError, WaitingLine


class Letterbox(ABC):
    """The queue of one actor, and who may add to it.

    Args:
        dispatcher: who drains it.
        capacity: messages that may wait; None for no bound. The runtime's own messages pass the bound.
        bounded: types of the messages that the bound holds for; None for all but the runtime's own.
    """

    __slots__ = (
        "_bound",
        "_busy",
        "_closed",
        "_held",
        "_lock",
        "_puts",
        "_queue",
        "_serial",
        "_waiting",
        "dispatcher",
        "heir",
        "on_end",
        "on_stop_waiting",
    )

    def __init__(
        self, dispatcher: Dispatcher, capacity: int | None = None, bounded: frozenset[type] | None = None
    ) -> None:
        self.dispatcher = dispatcher
        self._bound = None if capacity is None else Bound(capacity, bounded)
        self._queue: deque[Letter] = deque()
        self._lock = threading.Lock()
        self._serial = dispatcher.serial
        self._busy = False
        self._held = True
        self._closed = False
        self._puts = 0
        self._waiting: WaitingLine | None = None
        self.heir: Callable[[Letter], None] | None = None
        """Takes what comes after the end, in order, instead of the dead letters."""
        self.on_end: Callable[[], None] | None = None
        """Called once the mailbox is closed."""
        self.on_stop_waiting: Callable[[], None] | None = None
        """Called when a request to stop is put."""

    @abstractmethod
    def run(self, turn_ends: float) -> None:
        """Drain until empty, held, stopped or the time `turn_ends`. Dispatchers call this, never two at once."""

    def __len__(self) -> int:
        return len(self._queue)

    @property
    def last_activity(self) -> int:
        """A number that changes with every message put."""
        return self._puts

    @property
    def idle(self) -> bool:
        """Whether nothing waits and nothing is being handled."""
        return not self._queue and not self._busy and not self._held

    def stop_waits(self) -> bool:
        """Return whether a request to stop waits among the messages."""
        return any(type(letter.message) is _ActorStop for letter in list(self._queue))

    def put(self, envelope: Envelope[Any], /) -> None:
        """Queue an envelope. After the actor has stopped it becomes a dead letter, and an ask fails at once.

        Raises:
            MailboxFullError: the mailbox is bounded and full.
        """
        # No lock where there is no bound: the letter is in before the flags are read, whoever closes sets the flag
        # before clearing out, and a runner looks at the queue after it has put its flag down.
        letter = envelope if type(envelope) is Letter else Letter(envelope.message, envelope.reply_to)
        puts = self._puts
        if not puts & SAMPLE_MASK:
            letter.sent = self.dispatcher.clock()
        self._puts = puts + 1
        if self._bound is None:
            self._queue.append(letter)
        else:
            with self._lock:
                # A look at the length answers nearly always.
                if len(self._queue) >= self._bound.capacity and not self._closed and self._full_for(letter):
                    raise MailboxFullError(f"{self._bound.capacity} messages wait already")
                self._queue.append(letter)
        if self._closed:
            self._clear_out()
        elif not (self._busy or self._held):
            if self._serial:
                # Two threads may both come here. Then the mailbox is drained once more, in vain, which costs less than
                # a lock for every message.
                self._busy = True
                self.dispatcher.schedule(self)
            else:
                self._wake()
        elif self.on_stop_waiting is not None and type(letter.message) is _ActorStop:
            self.on_stop_waiting()

    def put_inherited(self, letter: Letter) -> None:
        """Queue a letter that another mailbox had taken already: it passes the bound."""
        self._queue.append(letter)
        if self._closed:
            self._clear_out()
        else:
            self._wake()

    def _wake(self) -> None:
        with self._lock:
            if self._busy or self._held:
                return
            self._busy = True
        self.dispatcher.schedule(self)

    def _full_for(self, letter: Letter) -> bool:
        bound = self._bound
        return bound is not None and bound.holds_for(letter) and bound.room(self._queue) <= 0

    async def offer(self, letter: Letter) -> None:
        """Queue a letter as soon as there is room; who waits longest is first.

        Raises:
            pykka.ActorDeadError: the actor has stopped, before or while it was waited for.
        """
        while not self._closed or self.heir is not None:
            with contextlib.suppress(MailboxFullError):
                self.put(letter)
                return
            # Another thread may have made room in between.
            with self._lock:
                wait = not self._closed and self._full_for(letter)
                if wait:
                    self._waiting = self._waiting or WaitingLine()
                    admitted = self._waiting.join(letter)
            if wait:
                await admitted
                return
        raise pykka.ActorDeadError("the actor has stopped")

    def close(self) -> list[Letter]:
        """Take no more envelopes, and let go of the actor; what waits is answered, or goes to the heir or the dead.

        Returns:
            The dead.
        """
        self._closed = True
        dead = self._clear_out()
        if self.on_end is not None:
            self.on_end()
        return dead

    def _clear_out(self) -> list[Letter]:
        dead: list[Letter] = []
        # The heir gets its letters under the lock, so that those put later do not overtake them.
        with self._lock:
            while self._queue:
                letter = self._queue.popleft()
                if self.heir is None or type(letter.message) in SYSTEM_MESSAGES:
                    dead.append(letter)
                else:
                    self.heir(letter)
            if self._waiting:
                self._waiting.disband(self.heir)
        for letter in dead:
            deadletters.bury(letter)
        return dead
