"""Regions: actors by key, started when a message comes for them and free to leave when none does."""

import threading
from collections.abc import Callable
from contextvars import copy_context
from typing import TYPE_CHECKING, Any

import pykka

from actors.runtime import deadletters
from actors.runtime.futures import BlockingOnLoopError, LoopFuture, on_running_loop
from actors.runtime.letters import Letter
from actors.runtime.refs import Ref
from actors.runtime.system import ActorSystem, SpawnOptions
from actors.runtime.waiting import MailboxFullError

if TYPE_CHECKING:
    from actors.runtime.actor import Actor

Factory = Callable[[str, SpawnOptions], "Ref[Any]"]
"""Starts the actor of a key with `ActorSystem.spawn(..., options=options)`.

It raises `pykka.ActorDeadError` for a key that has no actor any more, which goes to who sends to it.
"""


class Region:
    """Keeps at most one live actor a key, and loses no message between one life of it and the next.

    An actor leaves by stopping, as `Actor.on_idle` does after its idle time. What is in its mailbox by then, and what
    is sent to it while it stops, goes in the same order to a new instance from the factory, as with the passivation of
    Pekko's cluster sharding. Any thread may call.

    Args:
        factory: starts the actor of a key.
        options: for every actor; its heir is the region.
    """

    def __init__(self, factory: Factory, options: SpawnOptions | None = None) -> None:
        self._factory = factory
        self._options = options or SpawnOptions()
        self._refs: dict[str, Ref[Any]] = {}
        self._lock = threading.RLock()
        self._closed = False

    @classmethod
    def of(
        cls, system: ActorSystem, actor_class: "type[Actor]", *args: Any, idle_after_s: float | None = None
    ) -> "Region":
        """Return a region whose actors are made as `actor_class(key, *args)`."""
        options = SpawnOptions(idle_after_s=idle_after_s)
        return cls(lambda key, chosen: system.spawn(actor_class, key, *args, options=chosen), options)

    @property
    def live(self) -> list[str]:
        """Keys whose actors are live, the one started first first."""
        return [key for key, ref in list(self._refs.items()) if ref.is_alive()]

    def is_live(self, key: str) -> bool:
        """Return whether an actor lives for a key at the moment."""
        ref = self._refs.get(key)
        return ref is not None and ref.is_alive()

    def ref(self, key: str) -> "PassivatingRef":
        """Return what is told to the actor of a key, whether it lives at the moment or not."""
        return PassivatingRef(self, key)

    def deliver(self, key: str, letter: Letter) -> None:
        """Put a letter into the mailbox of the actor of a key, which is started if it is not there.

        Raises:
            pykka.ActorDeadError: the region is closed.
            MailboxFullError: the actor's mailbox is bounded and full.
        """
        self.activate(key).actor_inbox.put(letter)

    def activate(self, key: str) -> Ref[Any]:
        """Return the ref of the actor of a key, started if need be; it may leave at any time.

        Raises:
            pykka.ActorDeadError: the region is closed.
        """
        with self._lock:
            ref = self._refs.get(key)
            return ref if ref is not None else self._start(key)

    def _start(self, key: str) -> Ref[Any]:
        if self._closed:
            raise pykka.ActorDeadError("the region is closed")
        ref: Ref[Any] | None = None

        def inherit(letter: Letter) -> None:
            # Called with the old mailbox locked: until the first letter is in the new one, none passes it.
            with self._lock:
                if self._refs.get(key) is ref:
                    del self._refs[key]
                try:
                    heir = self.activate(key)
                except pykka.ActorDeadError:
                    deadletters.bury(letter)
                    return
            heir.actor_inbox.put_inherited(letter)

        options = self._options
        ref = self._factory(
            key,
            SpawnOptions(
                capacity=options.capacity,
                idle_after_s=options.idle_after_s,
                supervision=options.supervision,
                heir=inherit,
                on_end=lambda: self._forget(key, ref),
            ),
        )
        self._refs[key] = ref
        return ref

    def _forget(self, key: str, ref: Ref[Any] | None) -> None:
        with self._lock:
            if self._refs.get(key) is ref:
                del self._refs[key]

    async def close(self) -> None:
        """Start no more actors, and stop those that live after what waits for them; the last started is first."""
        self._closed = True
        for ref in reversed(list(self._refs.values())):
            await ref.stop(block=False)


class PassivatingRef:
    """What is told to this reaches the actor of one key, whether it lives at the moment or not."""

    __slots__ = ("_region", "key")

    def __init__(self, region: Region, key: str) -> None:
        self._region = region
        self.key = key

    def is_awake(self) -> bool:
        """Return whether an actor lives for it at the moment."""
        return self._region.is_live(self.key)

    def tell(self, message: Any) -> None:
        """Send a message. Raises as `Region.deliver`."""
        self._region.deliver(self.key, Letter(message, None, None, copy_context()))

    def ask(
        self, message: Any, *, block: bool = True, timeout: float | None = None, within: float | None = None
    ) -> Any:
        """Send a message and wait for the answer, or return its future where `block` is false; as `Ref.ask`."""
        if block and on_running_loop():
            raise BlockingOnLoopError
        future = LoopFuture()
        try:
            inbox = self._region.activate(self.key).actor_inbox
            if within is not None:
                future.clock = inbox.dispatcher.clock
                future.deadline = future.clock() + within
            inbox.put(Letter(message, future, future.deadline, copy_context()))
        except (pykka.ActorDeadError, MailboxFullError) as error:
            future.set_exception((type(error), error, None))
        return future.get(timeout=timeout) if block else future

    async def offer(self, message: Any) -> None:
        """Send a message as soon as there is room. Raises `pykka.ActorDeadError` when the region is closed."""
        await self._region.activate(self.key).actor_inbox.offer(Letter(message, None, None, copy_context()))
