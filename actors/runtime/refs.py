"""Refs and proxies: Pykka's, with deadlines, waiting for room, and introspection that is done once a class."""

from contextvars import copy_context
from typing import TYPE_CHECKING, Any, override

import pykka
from pykka._introspection import AttrInfo, get_attr_from_parent, introspect_attrs
from pykka.messages import _ActorStop

from actors.runtime.futures import BlockingOnLoopError, LoopFuture, on_running_loop
from actors.runtime.letters import Letter
from actors.runtime.mailbox import Mailbox
from actors.runtime.waiting import MailboxFullError

if TYPE_CHECKING:
    from actors.runtime.actor import Actor

AttrPath = tuple[str, ...]


class StopFlag(list[None]):
    """What Pykka uses of a `threading.Event`, without its condition and lock: an actor has one, nobody waits for it.

    It is read four times a message, so the answer is a list's length, which takes no Python call.
    """

    __slots__ = ()

    is_set = list.__len__
    """Return whether the actor has stopped, as 0 or 1."""

    def set(self) -> None:
        """Say that the actor has stopped."""
        if not self:
            self.append(None)


class Ref[A: "Actor"](pykka.ActorRef[A]):
    """A Pykka ref whose messages may have deadlines, and which outlives restarts of its actor."""

    actor_inbox: Mailbox
    actor_stopped: StopFlag  # type: ignore[assignment] # as much of an Event as Pykka uses

    @override
    def tell(self, message: Any, *, within: float | None = None) -> None:
        """Send a message; with `within`, only if its handling begins in so many seconds.

        Raises:
            pykka.ActorDeadError: the actor has stopped.
            MailboxFullError: its mailbox is bounded and full.
        """
        if self.actor_stopped:
            raise pykka.ActorDeadError(f"{self} not found")
        if within is None:
            self.actor_inbox.put(Letter(message, None, None, copy_context()))
        else:
            inbox = self.actor_inbox
            inbox.put(Letter(message, None, inbox.dispatcher.clock() + within, copy_context()))

    @override
    def ask(
        self, message: Any, *, block: bool = True, timeout: float | None = None, within: float | None = None
    ) -> Any:
        """Send a message and wait for the answer, or return its future where `block` is false.

        Args:
            message: what to send.
            block: whether to wait here; not on an event loop's thread.
            timeout: seconds to block.
            within: seconds in which handling must begin and the answer be there; the future too gives up after that.

        Raises:
            pykka.Timeout: no answer in time.
            BlockingOnLoopError: `block` on an event loop's thread; nothing was sent.
        """
        if block and on_running_loop():
            raise BlockingOnLoopError
        future = LoopFuture()
        if self.actor_stopped:
            error = pykka.ActorDeadError(f"{self} not found")
            future.set_exception((pykka.ActorDeadError, error, None))
        else:
            inbox = self.actor_inbox
            if within is not None:
                future.clock = inbox.dispatcher.clock
                future.deadline = future.clock() + within
            try:
                inbox.put(Letter(message, future, future.deadline, copy_context()))
            except MailboxFullError as full:
                future.set_exception((MailboxFullError, full, None))
        return future.get(timeout=timeout) if block else future

    async def offer(self, message: Any) -> None:
        """Send a message as soon as the mailbox has room for it; who has waited longest is first.

        Being cancelled takes the message back, unless it had its room already.

        Raises:
            pykka.ActorDeadError: the actor has stopped, before or meanwhile.
        """
        await self.actor_inbox.offer(Letter(message, None, None, copy_context()))

    @override
    def stop(self, *, block: bool = True, timeout: float | None = None) -> Any:
        """Stop the actor after the messages sent before; False if it had stopped already."""
        asked = self.ask(_ActorStop(), block=False)
        if block and on_running_loop() and not asked._done:  # noqa: SLF001 - its own future
            raise BlockingOnLoopError
        stopped = LoopFuture()
        stopped.set_get_hook(lambda timeout: _was_alive(asked, timeout))
        stopped._combine = lambda outcome: outcome[0]  # noqa: SLF001 - as above
        stopped._sources = (_Survived(asked),)  # noqa: SLF001 - as above
        return stopped.get(timeout=timeout) if block else stopped

    @override
    def proxy(self) -> Any:
        """Return a proxy of the actor's attributes and methods.

        Raises:
            pykka.ActorDeadError: the actor has stopped.
        """
        return Proxy(actor_ref=self)


def _was_alive(asked: LoopFuture, timeout: float | None) -> bool:
    try:
        asked.get(timeout=timeout)
    except pykka.ActorDeadError:
        return False
    return True


class _Survived(LoopFuture):
    """Awaits a request to stop and says whether there was something to stop."""

    def __init__(self, asked: LoopFuture) -> None:
        self._asked = asked
        self._sources = (asked,)
        self._combine = bool

    @override
    async def _await_sources(self) -> Any:
        try:
            await self._asked
        except pykka.ActorDeadError:
            return False
        return True


_class_attrs: dict[type, dict[AttrPath, AttrInfo]] = {}


class Proxy(pykka.ActorProxy[Any]):
    """A Pykka proxy that looks at an actor's class once, and at an instance's own attributes only when asked for one.

    Pykka reads every attribute of the actor for each proxy it makes.
    """

    def __init__(self, *, actor_ref: pykka.ActorRef[Any], attr_path: AttrPath | None = None) -> None:
        actor = actor_ref._actor_weakref()  # noqa: SLF001 - what Pykka's own proxy does
        if not actor_ref.is_alive() or actor is None:
            raise pykka.ActorDeadError(f"{actor_ref} not found")
        self.actor_ref = actor_ref
        self._actor = actor
        self._attr_path = attr_path or ()
        self._actor_proxies = {}
        self._callable_proxies = {}

    def __dir__(self) -> list[str]:
        self._known_attrs = introspect_attrs(root=self._actor, proxy=self)
        return super().__dir__()

    def __getattr__(self, name: str) -> Any:
        path = (*self._attr_path, name)
        info = self._info(path)
        if info.callable:
            return self._callable_proxies.setdefault(
                path, pykka.CallableProxy(actor_ref=self.actor_ref, attr_path=path)
            )
        if info.traversable:
            if path not in self._actor_proxies:
                self._actor_proxies[path] = Proxy(actor_ref=self.actor_ref, attr_path=path)
            return self._actor_proxies[path]
        return self.actor_ref.ask(pykka.messages.ProxyGetAttr(attr_path=path), block=False)

    def _info(self, path: AttrPath) -> AttrInfo:
        name = path[-1]
        if name.startswith("_"):
            raise AttributeError(f"{self} has no attribute {name!r}")
        if len(path) == 1 and name not in vars(self._actor):
            known = _class_attrs.setdefault(type(self._actor), {})
            if path not in known:
                known[path] = self._look(path)
            return known[path]
        return self._look(path)

    def _look(self, path: AttrPath) -> AttrInfo:
        try:
            attr = get_attr_from_parent(self._actor, path)
        except AttributeError:
            raise AttributeError(f"{self} has no attribute {path[-1]!r}") from None
        if self == attr:
            raise AttributeError(f"{path[-1]!r} is a proxy to itself")
        traversable = any(getattr(attr, mark, False) is True for mark in ("_pykka_traversable", "pykka_traversable"))
        return AttrInfo(callable=callable(attr), traversable=traversable)
