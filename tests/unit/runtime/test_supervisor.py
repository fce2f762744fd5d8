"""Supervision: restarts with what waited, their intensity, escalation, and the order in which families stop."""

import asyncio
from typing import Any, ClassVar

import pykka
import pytest

from actors.runtime.actor import Actor, ChildFailed, ChildRestarting
from actors.runtime.supervisor import Supervision
from actors.runtime.system import SpawnOptions, stop
from actors.runtime.testkit import VirtualSystem, over_seeds

RESTART = Supervision(strategy="restart", max_restarts=2, window_s=60.0, backoff_s=1.0, backoff_max_s=30.0)


class Worker(Actor):
    supervision: ClassVar[Supervision] = RESTART

    def __init__(self, log: list[Any], *, asynchronous: bool = False) -> None:
        super().__init__()
        self.log = log
        self.asynchronous = asynchronous
        self.handled = 0

    def on_start(self) -> None:
        self.log.append("start")

    def on_restart(self, error: BaseException) -> None:
        self.log.append(f"restart after {type(error).__name__}")

    def on_failure(self, *exc_info: Any) -> None:
        self.log.append("cleaned up")

    def on_receive(self, message: Any) -> Any:
        return self._later(message) if self.asynchronous else self._handle(message)

    async def _later(self, message: Any) -> Any:
        await asyncio.sleep(0)
        return self._handle(message)

    def _handle(self, message: Any) -> Any:
        if message == "boom":
            raise ValueError(message)
        self.handled += 1
        self.log.append(message)
        return self.handled


@over_seeds
async def test_a_restarted_actor_keeps_its_ref_and_what_waited(system: VirtualSystem) -> None:
    log: list[Any] = []
    ref = system.spawn(Worker, log, asynchronous=system.random.random() < 0.5)
    for message in ("a", "boom", "b", "c"):
        ref.tell(message)
    assert await ref.ask("d", block=False) == 3
    assert log == ["start", "a", "cleaned up", "restart after ValueError", "b", "c", "d"]
    assert system.loop.time() == pytest.approx(1.0)
    assert pykka.ActorRegistry.get_by_urn(ref.actor_urn) is ref
    assert await ref.proxy().handled == 3
    await stop(ref)


@over_seeds
async def test_the_pause_before_a_restart_doubles(system: VirtualSystem) -> None:
    ref = system.spawn(Worker, [])
    ref.tell("boom")
    await ref.ask("a", block=False)
    ref.tell("boom")
    await ref.ask("b", block=False)
    assert system.loop.time() == pytest.approx(1.0 + 2.0)


@over_seeds
async def test_failures_far_apart_are_forgiven(system: VirtualSystem) -> None:
    ref = system.spawn(Worker, [])
    for _ in range(6):
        ref.tell("boom")
        await ref.ask("a", block=False)
        await asyncio.sleep(61)
    assert ref.is_alive()


@over_seeds
async def test_a_stop_cuts_the_pause_short(system: VirtualSystem) -> None:
    log: list[Any] = []
    ref = system.spawn(Worker, log, options=SpawnOptions(supervision=Supervision(strategy="restart", backoff_s=9.0)))
    ref.tell("boom")
    ref.tell("a")
    if system.random.random() < 0.5:
        await asyncio.sleep(1)
    await stop(ref)
    assert log[-1] == "a"
    assert system.loop.time() <= 1


class Parent(Actor):
    """Spawns children and keeps what it hears of them."""

    def __init__(self, log: list[Any]) -> None:
        super().__init__()
        self.log = log

    def on_receive(self, message: Any) -> Any:
        match message:
            case ChildFailed():
                self.log.append(("failed", message.actor_class, message.error, message.escalated))
                return None
            case actor_class, *args:
                return self.spawn(actor_class, *args)

    def on_child_restarting(self, restarting: ChildRestarting) -> None:
        self.log.append(("restarting", restarting.error, restarting.message))

    def on_stop(self) -> None:
        self.log.append("parent stopped")


class Forgiving(Parent):
    def on_escalation(self, failed: ChildFailed) -> None:
        self.on_receive(failed)


@over_seeds
async def test_a_parent_hears_what_broke_its_child(system: VirtualSystem) -> None:
    heard: list[Any] = []
    parent = system.spawn(Parent, heard)
    child = await parent.ask((Worker, []), block=False)
    child.tell("boom")
    await child.ask("a", block=False)
    assert heard == [("restarting", "ValueError", "boom")]


@over_seeds
async def test_too_many_restarts_are_the_parents_matter(system: VirtualSystem) -> None:
    heard: list[Any] = []
    parent = system.spawn(Forgiving, heard)
    child = await parent.ask((Worker, []), block=False)
    asked = [child.ask("before", block=False)]
    for _ in range(3):
        child.tell("boom")
    asked.append(child.ask("after", block=False))
    assert await asked[0] == 1
    with pytest.raises(pykka.ActorDeadError):
        await asked[1]
    await asyncio.sleep(1)
    assert heard[2:] == [("failed", "Worker", "ValueError", True)]
    assert parent.is_alive()
    assert not child.is_alive()


@over_seeds
async def test_a_parent_without_an_answer_to_an_escalation_fails_too(system: VirtualSystem) -> None:
    heard: list[Any] = []
    grandparent = system.spawn(Parent, heard)
    parent = await grandparent.ask((Parent, []), block=False)
    child = await parent.ask((Worker, []), block=False)
    sibling = await parent.ask((Worker, []), block=False)
    for _ in range(3):
        child.tell("boom")
    await asyncio.sleep(60)
    assert [ref.is_alive() for ref in (grandparent, parent, child, sibling)] == [True, False, False, False]
    assert heard == [("failed", "Parent", "EscalationError", False)]


@over_seeds
async def test_a_strategy_to_escalate_does_so_at_once(system: VirtualSystem) -> None:
    heard: list[Any] = []

    class Escalating(Worker):
        supervision: ClassVar[Supervision] = Supervision(strategy="escalate")

    parent = system.spawn(Forgiving, heard)
    child = await parent.ask((Escalating, []), block=False)
    child.tell("boom")
    await asyncio.sleep(1)
    assert heard == [("failed", "Escalating", "ValueError", True)]


class Slow(Worker):
    """Takes a while for each message, and says when it stops."""

    supervision: ClassVar[Supervision] = Supervision()

    def __init__(self, log: list[Any], name: str) -> None:
        super().__init__(log)
        self.name = name

    async def on_receive(self, message: Any) -> Any:
        await asyncio.sleep(message)

    def on_stop(self) -> None:
        self.log.append(self.name)


@over_seeds
async def test_children_stop_before_their_parent_the_last_started_first(system: VirtualSystem) -> None:
    log: list[Any] = []
    parent = system.spawn(Parent, log)
    for name in ("first", "second", "third"):
        child = await parent.ask((Slow, log, name), block=False)
        child.tell(system.random.random())
    await stop(parent)
    assert [entry for entry in log if entry != "start"] == ["third", "second", "first", "parent stopped"]


@over_seeds
async def test_a_child_that_hangs_is_cancelled(system: VirtualSystem) -> None:
    log: list[Any] = []
    parent = system.spawn(Parent, log)
    child = await parent.ask((Slow, log, "hanging"), block=False)
    child.tell(1e9)
    await stop(parent)
    assert not child.is_alive()
    assert system.loop.time() < 20
    assert "parent stopped" in log


@over_seeds
async def test_a_new_instance_starts_without_the_old_ones_children(system: VirtualSystem) -> None:
    log: list[Any] = []

    class Nest(Worker):
        def on_start(self) -> None:
            self.child = self.spawn(Slow, log, "child")

        def on_restart(self, error: BaseException) -> None:
            self.on_start()

        def _handle(self, message: Any) -> Any:
            return self.child if message == "child" else super()._handle(message)

    ref = system.spawn(Nest, [])
    old = await ref.ask("child", block=False)
    ref.tell("boom")
    new = await ref.ask("child", block=False)
    assert (old.is_alive(), new.is_alive()) == (False, True)
    await stop(ref)
    assert log.count("child") == 2


@over_seeds
async def test_an_instance_that_cannot_be_made_is_tried_again_and_then_given_up(system: VirtualSystem) -> None:
    made: list[int] = []

    class Fragile(Worker):
        def __init__(self, log: list[Any]) -> None:
            super().__init__(log)
            made.append(1)
            if len(made) > 1:
                raise OSError("no room")

    heard: list[Any] = []
    parent = system.spawn(Forgiving, heard)
    child = await parent.ask((Fragile, []), block=False)
    child.tell("boom")
    waiting = child.ask("behind", block=False)
    with pytest.raises(pykka.ActorDeadError):
        await waiting
    await asyncio.sleep(1)
    assert len(made) == 3
    assert heard[-1] == ("failed", "Fragile", "OSError", True)
    assert not child.is_alive()
