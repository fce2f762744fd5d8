"""The mailbox: Pykka's inbox protocol over a queue that a dispatcher drains, with Pykka's own actor loop."""

import asyncio
import contextlib
import threading
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pykka
from pykka._envelope import Envelope
from pykka.messages import _ActorStop

from actors.runtime import deadletters
from actors.runtime.draining import TURN_CHECK_MASK, Dispatcher, Park
from actors.runtime.letters import SYSTEM_MESSAGES, Letter, Outcome
from actors.runtime.metrics import SAMPLE_MASK, Tally
from actors.runtime.supervisor import tell_of_dead_letters
from actors.runtime.waiting import Bound, MailboxFullError, WaitingLine

if TYPE_CHECKING:
    from actors.runtime.actor import Actor


class Mailbox:
    """The queue of one actor. Any thread may put; one runner at a time drains.

    Draining is Pykka's `_actor_loop_running`, so that reply, failure and stop semantics stay Pykka's. That loop calls
    `get()`, which raises `Park` when the mailbox is empty, held or its turn is over.

    Args:
        dispatcher: who drains it.
        tally: the metrics of the actor's class.
        capacity: messages that may wait; None for no bound. The runtime's own messages pass the bound.
        bounded: types of the messages that the bound holds for; None for all but the runtime's own.
    """

    __slots__ = (
        "_actor",
        "_began",
        "_bound",
        "_busy",
        "_closed",
        "_held",
        "_lock",
        "_puts",
        "_queue",
        "_serial",
        "_tally",
        "_turn_ends",
        "_waiting",
        "current",
        "dispatcher",
        "heir",
        "on_end",
        "on_stop_waiting",
        "task",
    )

    def __init__(
        self, dispatcher: Dispatcher, tally: Tally, capacity: int | None = None, bounded: frozenset[type] | None = None
    ) -> None:
        self.dispatcher = dispatcher
        self._tally = tally
        self._bound = None if capacity is None else Bound(capacity, bounded)
        self._queue: deque[Letter] = deque()
        self._lock = threading.Lock()
        self._serial = dispatcher.serial
        self._busy = False
        self._held = True
        self._closed = False
        self._actor: Actor | None = None
        self._turn_ends = 0.0
        self._puts = 0
        self._began = 0.0
        self._waiting: WaitingLine | None = None
        self.current: Letter | None = None
        """The letter being handled; its `reply_to` may be taken over by an async handler."""
        self.heir: Callable[[Letter], None] | None = None
        """Takes what comes after the end, in order, instead of the dead letters."""
        self.on_end: Callable[[], None] | None = None
        """Called once the mailbox is closed."""
        self.on_stop_waiting: Callable[[], None] | None = None
        """Called when a request to stop is put."""
        self.task: asyncio.Task[None] | None = None
        """The coroutine handler under way."""

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

    def count_failure(self) -> None:
        """Count a failure of the actor in its class's metrics."""
        self._tally.failed += 1

    def install(self, actor: "Actor", first: Letter) -> None:
        """Give the mailbox its actor, or a new instance of it, and drain with `first`. Until then messages wait."""
        self._actor = actor
        self.resume_with(first)

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
                if not self._closed and self._full_for(letter):
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

    def get(self) -> Letter:
        """Take the next letter.

        Raises:
            Park: there is none, or none may be taken now.
        """
        waiting = self._queue
        began = self._began
        if self._held or not (waiting or began):
            raise Park
        if began:
            now = self.dispatcher.clock()
            if not (waiting and type(waiting[0].message) is Outcome):
                self._tally.took(now - began)
                self._began = 0.0
        if not waiting or (
            self.current is not None
            and not self._tally.handled & TURN_CHECK_MASK
            and self.dispatcher.clock() >= self._turn_ends
        ):
            raise Park
        letter = waiting.popleft()
        if self._waiting:
            self._admit()
        while letter.deadline is not None and self.dispatcher.clock() >= letter.deadline:
            self._expire(letter)
            if not waiting:
                raise Park
            letter = waiting.popleft()
            if self._waiting:
                self._admit()
        if letter.sent:
            self._began = now = self.dispatcher.clock()
            self._tally.waited(now - letter.sent)
        self._tally.handled += 1
        self.current = letter
        return letter

    def _admit(self) -> None:
        with self._lock:
            if self._waiting and self._bound is not None:
                self._waiting.admit(self._queue, self._bound.room(self._queue))

    def _expire(self, letter: Letter) -> None:
        actor = self._actor
        deadletters.bury(letter, "expired", actor.actor_urn if actor else "")
        if actor is not None:
            tell_of_dead_letters(actor, [letter], "expired")

    def empty(self) -> bool:
        """Return whether no envelope waits."""
        return not self._queue

    def hold(self) -> None:
        """Take no further letter until `resume_with`."""
        self._held = True

    def resume_with(self, letter: Letter) -> None:
        """End a hold; `letter` is the next one taken."""
        self._queue.appendleft(letter)
        self._held = False
        self._wake()

    def run(self, turn_ends: float) -> None:
        """Drain until empty, held, stopped or the time `turn_ends`. Dispatchers call this, never two at once."""
        actor = self._actor
        if actor is None:
            return
        self._turn_ends = turn_ends
        try:
            actor._actor_loop_running()  # noqa: SLF001 - Pykka's own loop, which returns when the actor has stopped
        except Park:
            if actor.has_failed:
                actor.break_down()
        else:
            actor.finish()
        finally:
            self.current = None
            if self._closed:
                self._actor = None
            self._busy = False
            if self._queue and not self._held:
                self._wake()

    def close(self) -> list[Letter]:
        """Take no more envelopes, and let go of the actor; what waits is answered, or goes to the heir or the dead.

        Returns:
            The dead.
        """
        self._closed = True
        if not self._busy:
            self._actor = None
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
