"""The mailbox: Pykka's inbox protocol over a queue that a dispatcher drains, with Pykka's own actor loop."""

import asyncio
from types import CoroutineType
from typing import TYPE_CHECKING, override

from actors.runtime import deadletters
from actors.runtime.draining import TURN_CHECK_MASK, Dispatcher, Park
from actors.runtime.letterbox import Letterbox
from actors.runtime.letters import NOT_TOLD, Letter, Outcome
from actors.runtime.metrics import Tally
from actors.runtime.supervisor import tell_of_dead_letters

if TYPE_CHECKING:
    from actors.runtime.actor import Actor


class Mailbox(Letterbox):
    """The queue of one actor. Any thread may put; one runner at a time drains.

    Draining is Pykka's `_actor_loop_running`, so that reply, failure and stop semantics stay Pykka's. That loop calls
    `get()`, which raises `Park` when the mailbox is empty, held or its turn is over. What is only told, to a plain
    handler that doesn't fail, has none of these semantics, and is handled without that loop.

    Args:
        dispatcher: who drains it.
        tally: the metrics of the actor's class.
        capacity: messages that may wait; None for no bound. The runtime's own messages pass the bound.
        bounded: types of the messages that the bound holds for; None for all but the runtime's own.
    """

    __slots__ = ("_actor", "_began", "_tally", "_turn_ends", "current", "task")

    def __init__(
        self, dispatcher: Dispatcher, tally: Tally, capacity: int | None = None, bounded: frozenset[type] | None = None
    ) -> None:
        super().__init__(dispatcher, capacity, bounded)
        self._tally = tally
        self._actor: Actor | None = None
        self._turn_ends = 0.0
        self._began = 0.0
        self.current: Letter | None = None
        """The letter being handled; its `reply_to` may be taken over by an async handler."""
        self.task: asyncio.Task[None] | None = None
        """The coroutine handler under way."""

    def count_failure(self) -> None:
        """Count a failure of the actor in its class's metrics."""
        self._tally.failed += 1

    def install(self, actor: "Actor", first: Letter) -> None:
        """Give the mailbox its actor, or a new instance of it, and drain with `first`. Until then messages wait."""
        self._actor = actor
        self.resume_with(first)

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

    def _handle_told(self, actor: "Actor") -> bool:
        """Handle what was only told, as most letters are; return whether something is left for Pykka's loop.

        Left are questions and the runtime's own letters, those that may expire or are timed, failures, and the end.
        """
        waiting, tally = self._queue, self._tally
        while waiting and not self._held:
            if (
                self.current is not None
                and not tally.handled & TURN_CHECK_MASK
                and self.dispatcher.clock() >= self._turn_ends
            ):
                return False
            letter = waiting.popleft()
            message, context = letter.message, letter.context
            if (
                letter.reply_to is not None
                or letter.sent
                or letter.deadline is not None
                or context is None
                or type(message) in NOT_TOLD
            ):
                waiting.appendleft(letter)
                return True
            if self._waiting:
                self._admit()
            self.current = letter
            try:
                result = context.run(actor.on_receive, message)
            except BaseException as error:
                # Raised again within Pykka's loop, which deals with it.
                self.current = None
                waiting.appendleft(Letter(Outcome(None, error, message), context=context))
                return True
            tally.handled += 1
            if type(result) is CoroutineType:
                actor.hold_for(result, letter)
            if actor.actor_stopped:
                return True
        return False

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

    @override
    def run(self, turn_ends: float) -> None:
        actor = self._actor
        if actor is None:
            return
        self._turn_ends = turn_ends
        try:
            if self._handle_told(actor):
                actor._actor_loop_running()  # noqa: SLF001 - Pykka's own, which returns when the actor has stopped
                actor.finish()
        except Park:
            if actor.has_failed:
                actor.break_down()
        finally:
            self.current = None
            if self._closed:
                self._actor = None
            self._busy = False
            if self._queue and not self._held:
                self._wake()

    @override
    def close(self) -> list[Letter]:
        self._closed = True
        if not self._busy:
            self._actor = None
        return super().close()
