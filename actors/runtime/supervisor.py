"""Supervision: what becomes of an actor that failed, of its children and of its parent."""

import asyncio
import contextlib
import logging
from collections import Counter, deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import pykka
from pykka.messages import _ActorStop

from actors.runtime.letters import (
    SYSTEM_MESSAGES,
    ChildFailed,
    ChildRestarting,
    Letter,
    LettersDied,
    Restarted,
)

if TYPE_CHECKING:
    from actors.runtime.actor import Actor
    from actors.runtime.refs import Ref

logger = logging.getLogger(__name__)

STOP_PATIENCE_S = 5.0
"""How long a child may take to stop before its coroutine handler is cancelled, and then before it is left behind."""


class EscalationError(Exception):
    """A child failed for good and the parent had no other answer than to fail too."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Supervision:
    """What happens when a handler fails.

    `stop`: the actor stops, and its parent is told `ChildFailed`. `escalate`: it stops, and its parent fails too unless
    the parent overrides `on_escalation`. `restart`: after a pause that doubles each time, a new instance takes over the
    ref and the mailbox with all that waits there; after too many restarts it escalates (the restart intensity of
    Erlang/OTP's supervisors). The message that made it fail is not handled again; the parent learns of it through
    `on_child_restarting`.
    """

    strategy: Literal["stop", "restart", "escalate"] = "stop"
    max_restarts: int = 3
    """Within the window; one more escalates."""
    window_s: float = 60.0
    backoff_s: float = 0.1
    """The first pause; none is longer than `backoff_max_s`."""
    backoff_max_s: float = 10.0

    def pause_s(self, restart: int) -> float:
        """Return the pause before a restart, the first within the window being number 1. Seconds."""
        return float(min(self.backoff_max_s, self.backoff_s * 2 ** (restart - 1)))


RESTART = Supervision(strategy="restart", max_restarts=10, window_s=60.0, backoff_s=0.05, backoff_max_s=2.0)
"""For actors that keep nothing between messages: what made one fail is skipped, the rest goes on."""


@dataclass(frozen=True, slots=True)
class Failure:
    """Why an instance is given up."""

    error: BaseException
    message: Any
    """What it was handling."""


@dataclass(slots=True)
class Record:
    """How a supervised actor is made, and when it was restarted. Outlives its instances; plain `stop` has none."""

    actor_class: "type[Actor]"
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    supervision: Supervision
    restarts: deque[float] = field(default_factory=deque)
    """Times of the restarts within the window, on the dispatcher's clock."""
    hurry: asyncio.Event | None = None
    """Set when the actor is asked to stop while it pauses."""

    def may_restart(self, now: float) -> bool:
        """Note a failure and return whether the actor may be restarted for it."""
        if self.supervision.strategy != "restart":
            return False
        while self.restarts and self.restarts[0] <= now - self.supervision.window_s:
            self.restarts.popleft()
        if len(self.restarts) >= self.supervision.max_restarts:
            return False
        self.restarts.append(now)
        return True


def supervise(actor: "Actor", failure: Failure) -> None:
    """Restart an actor that failed and holds its mailbox. Called where its handlers run."""
    actor.actor_inbox.count_failure()
    _tell(
        actor.parent,
        ChildRestarting(actor.actor_ref, type(actor).__name__, type(failure.error).__name__, failure.message),
    )
    actor.system.run_coroutine(_restart(actor, failure))


async def _restart(actor: "Actor", failure: Failure) -> None:
    record, inbox = actor.record, actor.actor_inbox
    if record is None:
        raise RuntimeError("an actor without a record is not restarted")
    await stop_children(actor)
    record.hurry = hurry = asyncio.Event()
    loop = actor.system.loop

    def stop_pausing() -> None:
        loop.call_soon_threadsafe(hurry.set)

    inbox.on_stop_waiting = stop_pausing
    if inbox.stop_waits():
        hurry.set()
    error = failure.error
    while True:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(hurry.wait(), record.supervision.pause_s(len(record.restarts)))
        try:
            fresh = actor.system.reincarnate(actor, record)
            break
        except Exception as again:
            logger.exception("%s could not be made anew", type(actor).__name__)
            error = again
        if not record.may_restart(inbox.dispatcher.clock()):
            pykka.ActorRegistry.unregister(actor.actor_ref)
            actor.actor_stopped.set()
            end(actor, Failure(error, None))
            return
    inbox.on_stop_waiting = None
    inbox.install(fresh, Letter(Restarted(error)))


async def stop_children(actor: "Actor") -> None:
    """Stop an actor's children, each after the one that was started after it."""
    for child in actor.take_children():
        await stop_patiently(child)


async def stop_patiently(ref: "Ref[Any]") -> None:
    """Stop an actor after what waits in its mailbox; cancel its coroutine handler if that takes too long."""
    stopped = ref.ask(_ActorStop(), block=False)
    for last in (False, True):
        try:
            await asyncio.wait_for(_settled(stopped), STOP_PATIENCE_S)
        except TimeoutError:
            task = ref.actor_inbox.task
            logger.warning("%s does not stop%s", ref, " and is left behind" if last else "")
            if task is not None:
                task.cancel()
        else:
            return


async def _settled(stopped: pykka.Future[Any]) -> None:
    with contextlib.suppress(pykka.ActorDeadError):
        await stopped


def end(actor: "Actor", failure: Failure | None) -> None:
    """Close the mailbox of an actor that has stopped, stop the children that are left, and tell its parent."""
    inbox = actor.actor_inbox
    if failure is not None:
        inbox.count_failure()
    tell_of_dead_letters(actor, inbox.close(), "stopped")
    if actor.take_children():
        actor.system.run_coroutine(_end_after_children(actor, failure))
    else:
        _tell_of_end(actor, failure)


async def _end_after_children(actor: "Actor", failure: Failure | None) -> None:
    await stop_children(actor)
    _tell_of_end(actor, failure)


def _tell_of_end(actor: "Actor", failure: Failure | None) -> None:
    if actor.parent is None:
        return
    parent = actor.parent._actor_weakref()  # noqa: SLF001 - Pykka's own way from a ref to its actor
    if parent is not None:
        parent.forget_child(actor.actor_urn)
    if failure is not None:
        escalated = actor.record is not None
        name = type(actor).__name__
        _tell(actor.parent, ChildFailed(actor.actor_ref, name, type(failure.error).__name__, escalated))


def tell_of_dead_letters(actor: "Actor", dead: Sequence[Letter], reason: Literal["stopped", "expired"]) -> None:
    """Tell an actor's parent of messages that were not handled; the runtime's own are not spoken of."""
    if not dead or actor.parent is None:
        return
    kinds = Counter(type(letter.message).__name__ for letter in dead if type(letter.message) not in SYSTEM_MESSAGES)
    if kinds:
        _tell(actor.parent, LettersDied(type(actor).__name__, kinds, reason))


def _tell(parent: "Ref[Any] | None", message: ChildFailed | ChildRestarting | LettersDied) -> None:
    if parent is not None:
        with contextlib.suppress(pykka.ActorDeadError):
            parent.tell(message)
