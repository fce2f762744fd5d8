"""Balto's actor: Pykka's API on a mailbox and a dispatcher, with handlers that may be coroutines."""

import asyncio
import logging
import os
import random
from collections.abc import Callable, Coroutine
from contextvars import ContextVar, copy_context
from dataclasses import dataclass
from types import CoroutineType, TracebackType
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self, cast, override

import pykka
from pykka.messages import _ActorStop

from actors.runtime.futures import LoopFuture
from actors.runtime.letters import (
    NOT_TOLD,
    ChildFailed,
    ChildRestarting,
    Letter,
    LettersDied,
    Outcome,
    ReceiveTimeout,
    Restarted,
    Start,
)
from actors.runtime.mailbox import Mailbox
from actors.runtime.refs import Ref, StopFlag
from actors.runtime.supervisor import EscalationError, Failure, Supervision, end, stop_children, supervise

if TYPE_CHECKING:
    from actors.runtime.supervisor import Record
    from actors.runtime.system import ActorSystem

__all__ = ["Actor", "Birth", "ChildFailed", "ChildRestarting", "LettersDied", "birth"]

logger = logging.getLogger(__name__)

_urns = random.Random()  # noqa: S311 - names, not secrets; asking the system for each costs a third of a spawn
os.register_at_fork(after_in_child=_urns.seed)


def new_urn() -> str:
    """Return a random URN (UUIDv4, RFC 9562)."""
    bits = _urns.getrandbits(128) & ~(0xF << 76) & ~(0x3 << 62) | 0x4 << 76 | 0x2 << 62
    digits = f"{bits:032x}"
    return f"urn:uuid:{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"


@dataclass(frozen=True, slots=True)
class Birth:
    """What an actor's constructor takes from the system that spawns it."""

    system: "ActorSystem"
    mailbox: Mailbox
    parent: Ref[Any] | None
    record: "Record | None"
    previous: "Actor | None"
    """The instance that this one takes the place of."""


birth: ContextVar[Birth] = ContextVar("birth")


class Actor(pykka.Actor):
    """Base of all actors. Subclasses implement `on_receive(message)`, plain or `async`.

    While a coroutine handler runs, the actor takes no other message. An exception in the handling of a `tell` is a
    failure of the actor, which its `supervision` deals with; in the handling of an `ask` it goes to the asker. Handlers
    run in a copy of the context of who sent the message, so that trace ids and fields of the log come with it.

    An actor that stops has its children stopped before it, the last one started first.
    """

    dispatcher: ClassVar[Literal["loop", "pool"]] = "loop"
    """Where handlers run: `loop` for coroutines and steps under about 200 µs, `pool` for longer ones that release the
    GIL. Steps that hold it belong in `system.offload_process`."""

    capacity: ClassVar[int | None] = None
    """How many messages may wait. None for any number."""

    bounded: ClassVar[frozenset[type] | None] = None
    """Types of the messages that `capacity` is about; None for all. What an actor asked for itself must not be among
    them where those who answer are bounded too: each would wait for the other."""

    idle_after_s: ClassVar[float | None] = None
    """After how many seconds without a message `on_idle` is called. None for never."""

    supervision: ClassVar[Supervision] = Supervision()
    """What happens when a handler fails."""

    actor_inbox: Mailbox
    _children: dict[str, Ref[Any]] | None = None
    _failure: Failure | None = None
    _given_up = False

    def __init__(self) -> None:
        # Pykka's constructor is not called: the system makes the inbox, and a restarted actor keeps inbox and ref.
        born = birth.get()
        self.system = born.system
        self.parent = born.parent
        self.record = born.record
        self.actor_inbox = born.mailbox
        previous = born.previous
        if previous is None:
            self.actor_urn = new_urn()
            self.actor_stopped = StopFlag()  # type: ignore[assignment] # as much of an Event as Pykka uses
            self._actor_ref = Ref(self)
        else:
            self.actor_urn = previous.actor_urn
            self.actor_stopped = previous.actor_stopped
            self._actor_ref = previous.actor_ref

    @property
    @override
    def actor_ref(self) -> Ref[Self]:
        """The actor's ref."""
        return self._actor_ref  # type: ignore[return-value] # a cast would make its type anew for every call

    @classmethod
    @override
    def start(cls, *args: Any, **kwargs: Any) -> Ref[Self]:
        """Start an actor on the process's actor system, the one opened last."""
        from actors.runtime.system import current_system  # noqa: PLC0415 - the system stands on the actor

        return current_system().spawn(cls, *args, **kwargs)

    @staticmethod
    @override
    def _create_actor_inbox() -> Any:
        raise NotImplementedError("the actor system makes the mailbox")

    @staticmethod
    @override
    def _create_future() -> LoopFuture:
        return LoopFuture()

    @override
    def _start_actor_loop(self) -> None:
        self.actor_inbox.install(self, Letter(Start(), context=copy_context()))

    @property
    def has_failed(self) -> bool:
        """Whether this instance is given up."""
        return self._failure is not None

    def break_down(self) -> None:
        """Have this instance replaced, which has failed and holds its mailbox."""
        if self._failure is not None and not self._given_up:
            self._given_up = True
            supervise(self, self._failure)

    def finish(self) -> None:
        """Clear up after Pykka's loop has seen that the actor has stopped."""
        end(self, self._failure)

    @override
    def _handle_receive(self, message: Any) -> Any:
        letter = self.actor_inbox.current
        if letter is None:
            raise RuntimeError("a message outside of the mailbox")
        context = letter.context
        handle = self._handle_other if type(message) in NOT_TOLD else self.on_receive
        try:
            result = handle(message) if context is None else context.run(handle, message)
        except (KeyboardInterrupt, SystemExit) as error:
            return self._stop_everything(error)
        if type(result) is CoroutineType:
            return self.hold_for(result, letter)
        return result

    def _handle_other(self, message: Any) -> Any:
        match message:
            case Outcome(value, error):
                if error is not None:
                    raise error
                return self._stop() if message.stop else value
            case Start():
                return self.on_start()
            case Restarted(error):
                return self.on_restart(error)
            case ReceiveTimeout():
                return self.on_idle()
            case ChildRestarting():
                return self.on_child_restarting(message)
            case LettersDied():
                return self.on_letters_died(message)
            case ChildFailed(escalated=True):
                return self.on_escalation(message)
            case ChildFailed():
                return self.on_receive(message)
            case _ActorStop() if self._children:
                return stop_children(self)
            case _:
                return super()._handle_receive(message)

    def _stop_everything(self, error: BaseException) -> None:
        # As in Pykka, an order to leave the process stops all actors; unlike there, nobody waits for it here.
        logger.warning("%s in %s: stopping all actors", type(error).__name__, type(self).__name__)
        self._stop()
        for ref in reversed(pykka.ActorRegistry.get_all()):
            ref.stop(block=False)

    def hold_for(self, coroutine: Coroutine[Any, Any, Any], letter: Letter) -> None:
        """Take no other letter until a coroutine handler is done with this one."""
        # Pykka's loop replies as soon as the handler returns; the reply belongs to the coroutine's outcome instead.
        context = letter.context
        reply_to, letter.reply_to = letter.reply_to, None
        cause = letter.message
        inbox = self.actor_inbox
        inbox.hold()

        async def finish() -> None:
            inbox.task = asyncio.current_task()
            value, error = None, cast(BaseException | None, None)
            try:
                value = await coroutine
            except asyncio.CancelledError:
                error = RuntimeError("the handler was cancelled")
            except Exception as failure:
                error = failure
            inbox.task = None
            outcome = Outcome(value, error, cause, stop=isinstance(cause, _ActorStop))
            inbox.resume_with(Letter(outcome, reply_to, None, context))

        self.system.run_coroutine(finish(), context, inner=coroutine)

    def suspend(self) -> Callable[[Any], None]:
        """Take no message, from this handler's end on, until what is returned is given the one to take next.

        It must be given one, on the thread that runs handlers; until then the actor doesn't stop either. It is what a
        coroutine handler does, without a task.
        """
        inbox, context = self.actor_inbox, copy_context()
        inbox.hold()
        return lambda message: inbox.resume_with(Letter(message, context=context))

    def spawn[A: "Actor"](self, actor_class: type[A], *args: Any, **kwargs: Any) -> Ref[A]:
        """Start a child, which is stopped with this actor and whose failures it is told about."""
        child = self.system.spawn(actor_class, *args, parent=self.actor_ref, **kwargs)
        if self._children is None:
            self._children = {}
        self._children[child.actor_urn] = child
        return child

    def forget_child(self, urn: str) -> None:
        """Take a child that has stopped off the list of those to stop."""
        if self._children is not None:
            self._children.pop(urn, None)

    def take_children(self) -> list[Ref[Any]]:
        """Return the live children, the last one started first."""
        return [child for child in reversed((self._children or {}).values()) if child.is_alive()]

    @override
    def _handle_failure(
        self,
        exception_type: type[BaseException] | None,
        exception_value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._failure is not None or self.actor_stopped.is_set() or exception_value is None:
            super()._handle_failure(exception_type, exception_value, traceback)
            return
        letter = self.actor_inbox.current
        message = letter.message if letter is not None else None
        self._failure = Failure(exception_value, message.cause if isinstance(message, Outcome) else message)
        if self.record is not None and self.record.may_restart(self.actor_inbox.dispatcher.clock()):
            logger.error("%s failed and is restarted", self, exc_info=exception_value)
            self.actor_inbox.hold()
        else:
            super()._handle_failure(exception_type, exception_value, traceback)

    def on_restart(self, error: BaseException) -> Any:  # noqa: ARG002 - for those who override it
        """Take the place of an instance that failed with `error`; runs before any message. Calls `on_start`."""
        return self.on_start()

    def on_idle(self) -> Any:
        """Run when nothing has come for `idle_after_s`. Stops the actor; a region starts it again when needed."""
        self.stop()

    def on_child_restarting(self, restarting: ChildRestarting) -> Any:
        """Run when a supervised child has failed and is being restarted. Does nothing."""

    def on_letters_died(self, died: LettersDied) -> Any:
        """Run when messages to a child were not handled. Does nothing."""

    def leave(self) -> None:
        """Stop within this handler: what waits in the mailbox goes to the region's next instance, or to the dead."""
        self._stop()

    def on_escalation(self, failed: ChildFailed) -> Any:
        """Run when a child failed for good and its supervision escalates. Fails this actor too.

        Raises:
            EscalationError: always.
        """
        raise EscalationError(f"{failed.actor_class} failed with {failed.error}")
