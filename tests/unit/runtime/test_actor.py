"""What Balto's actors keep of Pykka's promises, and what they add."""

import asyncio
import threading
from typing import Any, ClassVar, Literal

import pykka
import pytest

from actors.runtime import deadletters
from actors.runtime.actor import Actor, ChildFailed
from actors.runtime.system import ActorSystem, stop


class OnLoop(Actor):
    def __init__(self) -> None:
        super().__init__()
        self.seen: list[Any] = []
        self.threads: set[int] = set()
        self.started = False
        self.stopped = False

    def on_start(self) -> None:
        self.started = True

    def on_stop(self) -> None:
        self.stopped = True

    def on_receive(self, message: Any) -> Any:
        self.threads.add(threading.get_ident())
        if message == "boom":
            raise ValueError("boom")
        self.seen.append(message)
        return message


class OnPool(OnLoop):
    dispatcher: ClassVar[Literal["loop", "pool"]] = "pool"


class Slow(OnLoop):
    """A coroutine handler that waits to be let through."""

    def __init__(self, gate: asyncio.Event) -> None:
        super().__init__()
        self._gate = gate

    async def on_receive(self, message: Any) -> Any:
        if message == "wait":
            await self._gate.wait()
        if message == "boom":
            raise ValueError("boom")
        self.seen.append(message)
        return message


class Parent(Actor):
    def __init__(self) -> None:
        super().__init__()
        self.failed: asyncio.Future[ChildFailed] = asyncio.get_running_loop().create_future()

    def on_receive(self, message: Any) -> Any:
        match message:
            case ChildFailed():
                self.failed.set_result(message)
                return None
            case "spawn":
                return self.spawn(OnLoop)
            case _:
                return self.failed


either = pytest.mark.parametrize("actor_class", [OnLoop, OnPool])


@pytest.fixture
async def system() -> Any:
    async with ActorSystem() as system:
        yield system


@either
async def test_messages_are_handled_in_order(system: ActorSystem, actor_class: type[OnLoop]) -> None:
    ref = system.spawn(actor_class)
    for number in range(1000):
        ref.tell(number)
    assert await ref.proxy().seen == list(range(1000))
    await stop(ref)


@either
async def test_ask_gives_the_handlers_result(system: ActorSystem, actor_class: type[OnLoop]) -> None:
    ref = system.spawn(actor_class)
    assert await ref.ask("hello", block=False) == "hello"
    await stop(ref)


@either
async def test_ask_raises_what_the_handler_raised_and_the_actor_lives_on(
    system: ActorSystem, actor_class: type[OnLoop]
) -> None:
    ref = system.spawn(actor_class)
    with pytest.raises(ValueError, match="boom"):
        await ref.ask("boom", block=False)
    assert await ref.ask("still here", block=False) == "still here"
    await stop(ref)


@either
async def test_hooks_run_at_start_and_stop(system: ActorSystem, actor_class: type[OnLoop]) -> None:
    ref = system.spawn(actor_class)
    actor = ref._actor_weakref()
    assert actor is not None
    await stop(ref)
    assert (actor.started, actor.stopped, ref.is_alive()) == (True, True, False)


@either
async def test_a_stopped_actor_leaves_the_registry_and_refuses_messages(
    system: ActorSystem, actor_class: type[OnLoop]
) -> None:
    ref = system.spawn(actor_class)
    assert pykka.ActorRegistry.get_by_urn(ref.actor_urn) is ref
    await stop(ref)
    assert pykka.ActorRegistry.get_by_urn(ref.actor_urn) is None
    with pytest.raises(pykka.ActorDeadError):
        ref.tell("too late")
    with pytest.raises(pykka.ActorDeadError):
        await ref.ask("too late", block=False)


async def test_a_message_that_slips_in_while_the_actor_stops_becomes_a_dead_letter(system: ActorSystem) -> None:
    ref = system.spawn(OnLoop)
    ref.tell("first")
    stopping = ref.stop(block=False)
    asked = ref.ask("behind the stop", block=False)
    before = deadletters.counts["str"]
    ref.tell("told behind the stop")
    with pytest.raises(pykka.ActorDeadError):
        await asked
    await stopping
    assert deadletters.counts["str"] == before + 2


async def test_loop_actors_run_on_the_loops_thread_and_pool_actors_elsewhere(system: ActorSystem) -> None:
    here = threading.get_ident()
    loop_ref, pool_ref = system.spawn(OnLoop), system.spawn(OnPool)
    await loop_ref.ask("x", block=False)
    await pool_ref.ask("x", block=False)
    assert await loop_ref.proxy().threads == {here}
    assert here not in await pool_ref.proxy().threads
    await stop(loop_ref)
    await stop(pool_ref)


async def test_many_threads_may_tell_one_actor(system: ActorSystem) -> None:
    ref = system.spawn(OnLoop)

    def tell_many() -> None:
        for number in range(500):
            ref.tell(number)

    await asyncio.gather(*(asyncio.to_thread(tell_many) for _ in range(4)))
    assert len(await ref.proxy().seen) == 2000
    await stop(ref)


async def test_no_other_message_is_taken_while_a_coroutine_handler_runs(system: ActorSystem) -> None:
    gate = asyncio.Event()
    ref = system.spawn(Slow, gate)
    waiting = ref.ask("wait", block=False)
    after = ref.ask("after", block=False)
    for _ in range(20):
        await asyncio.sleep(0)
    assert ref._actor_weakref().seen == []  # type: ignore[union-attr] # alive: it is waiting
    gate.set()
    assert [await waiting, await after] == ["wait", "after"]
    await stop(ref)


async def test_a_coroutine_handlers_error_goes_to_the_asker(system: ActorSystem) -> None:
    ref = system.spawn(Slow, asyncio.Event())
    with pytest.raises(ValueError, match="boom"):
        await ref.ask("boom", block=False)
    assert ref.is_alive()
    await stop(ref)


async def test_a_failing_child_stops_and_its_parent_is_told(system: ActorSystem) -> None:
    parent = system.spawn(Parent)
    child = await parent.ask("spawn", block=False)
    child.tell("boom")
    failed: ChildFailed = await (await parent.ask("failure", block=False))
    assert (failed.actor_class, failed.error, failed.child.is_alive()) == ("OnLoop", "ValueError", False)
    await stop(parent)


async def test_a_blocking_get_on_the_loop_is_refused_instead_of_hanging(system: ActorSystem) -> None:
    ref = system.spawn(OnLoop)
    with pytest.raises(RuntimeError, match="await"):
        ref.ask("hello")
    await stop(ref)


async def test_other_threads_may_wait_for_an_answer(system: ActorSystem) -> None:
    ref = system.spawn(OnLoop)
    assert await asyncio.to_thread(ref.ask, "hello", timeout=60) == "hello"
    await stop(ref)


async def test_a_busy_actor_leaves_the_loop_to_others(system: ActorSystem) -> None:
    ref = system.spawn(OnLoop)
    for number in range(20_000):
        ref.tell(number)
    turns = 0
    while len(ref.actor_inbox) > 0:
        await asyncio.sleep(0)
        turns += 1
    assert turns > 1
    await stop(ref)


class Stillborn(OnLoop):
    def on_start(self) -> None:
        raise ValueError("stillborn")


async def test_an_actor_that_fails_to_start_stops_and_its_parent_is_told(system: ActorSystem) -> None:
    parent = system.spawn(Parent)
    told = await parent.ask("failure", block=False)
    child = system.spawn(Stillborn, parent=parent)
    failed: ChildFailed = await asyncio.wait_for(told, 60)
    assert (failed.actor_class, failed.error, child.is_alive()) == ("Stillborn", "ValueError", False)
    await stop(parent)
