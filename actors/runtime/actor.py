"""Balto's actor: Pykka's API on a mailbox and a dispatcher, with handlers that may be coroutines."""

import asyncio
import logging
from collections.abc import Coroutine
from contextvars import ContextVar
from dataclasses import dataclass
from types import TracebackType
from typing import TYPE_CHECKING, Any, ClassVar, Literal, override

import pykka
from pykka._envelope import Envelope

from actors.runtime.futures import LoopFuture
from actors.runtime.mailbox import Mailbox

if TYPE_CHECKING:
    from actors.runtime.system import ActorSystem

logger = logging.getLogger(__name__)

current_system: ContextVar["ActorSystem"] = ContextVar("current_system")


@dataclass(frozen=True, slots=True)
class _Start:
    """First message of every actor: run `on_start` where the dispatcher runs handlers."""


@dataclass(frozen=True, slots=True)
class _Outcome:
    """What an async handler came to; handled as if its message had been, so that Pykka's own loop replies or fails."""

    value: Any
    error: BaseException | None


@dataclass(frozen=True, slots=True)
class ChildFailed:
    """Runtime → parent: a child stopped because a handler raised."""

    child: pykka.ActorRef[Any]
    actor_class: str
    error: str
    """Type of the exception; its text may quote what the child was handling and stays out."""


class Actor(pykka.Actor):
    """Base of all actors. Subclasses implement `on_receive(message)`, plain or `async`.

    While a coroutine handler runs, the actor takes no other message. An exception in the handling of a `tell` stops the
    actor and tells its parent `ChildFailed`; in the handling of an `ask` it goes to the asker.
    """

    dispatcher: ClassVar[Literal["loop", "pool"]] = "loop"
    """Where handlers run: `loop` for coroutines and steps under about 200 µs, `pool` for longer ones that release the
    GIL."""

    actor_inbox: Mailbox

    def __init__(self) -> None:
        super().__init__()
        self.system = current_system.get()
        self.parent: pykka.ActorRef[Any] | None = None

    @staticmethod
    @override
    def _create_actor_inbox() -> Any:
        # Replaced in _start_actor_loop: only the instance knows its class's dispatcher.
        raise NotImplementedError

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        kind = cls.dispatcher
        cls._create_actor_inbox = staticmethod(lambda: Mailbox(current_system.get().dispatcher(kind)))  # type: ignore[method-assign] # Pykka's hook is static; ours depends on the class

    @staticmethod
    @override
    def _create_future() -> LoopFuture:
        return LoopFuture()

    @override
    def _start_actor_loop(self) -> None:
        self.actor_inbox.bind(self, first=Envelope(_Start()))

    def drain(self) -> None:
        """Let Pykka's loop handle messages until the mailbox parks it or the actor stops."""
        if not self.actor_stopped.is_set():
            self._actor_loop_running()
        self.actor_inbox.close()

    @override
    def _handle_receive(self, message: Any) -> Any:
        if isinstance(message, _Start):
            return self._actor_loop_setup()
        if isinstance(message, _Outcome):
            if message.error is not None:
                raise message.error
            return message.value
        result = super()._handle_receive(message)
        if asyncio.iscoroutine(result):
            return self._suspend_for(result)
        return result

    def _suspend_for(self, coroutine: Coroutine[Any, Any, Any]) -> None:
        envelope = self.actor_inbox.current
        if envelope is None:
            raise RuntimeError("a coroutine handler outside of a message")
        # Pykka's loop replies as soon as the handler returns; the reply belongs to the coroutine's outcome instead.
        reply_to, envelope.reply_to = envelope.reply_to, None
        self.actor_inbox.suspend()

        async def finish() -> None:
            try:
                outcome = _Outcome(await coroutine, None)
            except asyncio.CancelledError:
                outcome = _Outcome(None, RuntimeError("the handler was cancelled"))
            except Exception as error:
                outcome = _Outcome(None, error)
            self.actor_inbox.resume_with(Envelope(outcome, reply_to=reply_to))

        self.system.run_coroutine(finish())

    def spawn[A: "Actor"](self, actor_class: type[A], *args: Any, **kwargs: Any) -> pykka.ActorRef[A]:
        """Start a child, which is told about to this actor when it fails."""
        return self.system.spawn(actor_class, *args, parent=self.actor_ref, **kwargs)

    @override
    def on_failure(
        self,
        exception_type: type[BaseException] | None,
        exception_value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Tell the parent. Called by Pykka's loop after it has logged the exception and marked the actor stopped."""
        if self.parent is not None and self.parent.is_alive():
            name = exception_type.__name__ if exception_type else "unknown"
            self.parent.tell(ChildFailed(self.actor_ref, type(self).__name__, name))
