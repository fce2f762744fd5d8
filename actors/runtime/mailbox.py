"""The mailbox: Pykka's inbox protocol over a queue that a dispatcher drains, with Pykka's own actor loop."""

import threading
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol

from pykka._envelope import Envelope
from pykka.messages import _ActorStop

from actors.runtime import deadletters

if TYPE_CHECKING:
    from actors.runtime.actor import Actor


class Park(Exception):  # noqa: N818 - control flow, not an error
    """Raised by `Mailbox.get` to leave Pykka's actor loop when there is nothing more to do in this turn."""


class Dispatcher(Protocol):
    """Decides where and when a mailbox with messages is drained."""

    def schedule(self, mailbox: "Mailbox") -> None:
        """See to it that `mailbox.run()` is called soon, once. Any thread may call."""
        ...


class Mailbox:
    """The queue of one actor. Any thread may put; one runner at a time drains.

    Draining is Pykka's `_actor_loop_running`, so that reply, failure and stop semantics stay Pykka's. That loop calls
    `get()`, which raises `Park` when the mailbox is empty, suspended or its turn is over.
    """

    __slots__ = (
        "_actor",
        "_closed",
        "_dispatcher",
        "_lock",
        "_queue",
        "_scheduled",
        "_suspended",
        "_turn_over",
        "current",
    )

    def __init__(self, dispatcher: Dispatcher) -> None:
        self._dispatcher = dispatcher
        self._queue: deque[Envelope[Any]] = deque()
        self._lock = threading.Lock()
        self._scheduled = False
        self._suspended = False
        self._closed = False
        self._actor: Actor | None = None
        self._turn_over: Callable[[], bool] | None = None
        self.current: Envelope[Any] | None = None
        """The envelope being handled; its `reply_to` may be taken over by an async handler."""

    def __len__(self) -> int:
        return len(self._queue)

    def bind(self, actor: "Actor", first: Envelope[Any]) -> None:
        """Give the mailbox its actor and start draining with `first`. Until then messages wait."""
        with self._lock:
            self._actor = actor
            self._queue.appendleft(first)
        self._wake()

    def put(self, envelope: Envelope[Any], /) -> None:
        """Queue an envelope. After the actor has stopped it becomes a dead letter, and an ask fails at once."""
        with self._lock:
            closed = self._closed
            if not closed:
                self._queue.append(envelope)
        if closed:
            deadletters.bury(envelope)
        else:
            self._wake()

    def close(self) -> None:
        """Take no more envelopes, and let go of the actor; what waits is answered, or becomes dead letters."""
        with self._lock:
            self._closed = True
            waiting = list(self._queue)
            self._queue.clear()
        for envelope in waiting:
            if isinstance(envelope.message, _ActorStop) and envelope.reply_to is not None:
                envelope.reply_to.set(None)
            else:
                deadletters.bury(envelope)

    def get(self) -> Envelope[Any]:
        """Take the next envelope.

        Raises:
            Park: there is none, or none may be taken now.
        """
        if self._suspended or (self._turn_over is not None and self._turn_over()):
            raise Park
        try:
            self.current = self._queue.popleft()
        except IndexError:
            raise Park from None
        return self.current

    def empty(self) -> bool:
        """Return whether no envelope waits."""
        return not self._queue

    def suspend(self) -> None:
        """Take no further envelope until `resume_with`."""
        self._suspended = True

    def resume_with(self, envelope: Envelope[Any]) -> None:
        """End a suspension; `envelope` is the next one taken."""
        with self._lock:
            self._suspended = False
            self._queue.appendleft(envelope)
        self._wake()

    def run(self, turn_over: Callable[[], bool]) -> None:
        """Drain until empty, suspended, stopped or `turn_over()`. Dispatchers call this, never two at once."""
        actor = self._actor
        if actor is None:
            raise RuntimeError("a mailbox was scheduled before its actor was bound")
        self._turn_over = turn_over
        try:
            actor.drain()
        except Park:
            pass
        finally:
            self.current = None
        with self._lock:
            again = self._scheduled = bool(self._queue) and not self._suspended
            if self._closed:
                self._actor = None
        if again:
            self._dispatcher.schedule(self)

    def _wake(self) -> None:
        with self._lock:
            if self._actor is None or self._scheduled or self._suspended or not self._queue:
                return
            self._scheduled = True
        self._dispatcher.schedule(self)
