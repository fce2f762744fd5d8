"""Pykka's known gaps, each shown on plain Pykka and closed in ours."""

import asyncio
import queue
import threading
from typing import Any

import pykka
import pytest

from actors.runtime.actor import Actor
from actors.runtime.futures import LoopFuture
from actors.runtime.registry import RefTable
from actors.runtime.system import ActorSystem, SpawnOptions
from actors.runtime.testkit import VirtualSystem, over_seeds, run
from actors.runtime.waiting import MailboxFullError


class Plain(pykka.ThreadingActor):
    def on_receive(self, message: Any) -> Any:
        return message


class Ours(Actor):
    def on_receive(self, message: Any) -> Any:
        return message


class RacingInbox:
    """An inbox whose put comes just after the actor has stopped: what a sender sees that lost the race."""

    def __init__(self, ref: Any, inbox: Any) -> None:
        self._ref = ref
        self._inbox = inbox

    def put(self, envelope: Any) -> None:
        self._ref.actor_inbox = self._inbox
        self._ref.stop(block=False)
        while self._ref.is_alive() or not self._inbox.empty():
            pass
        self._inbox.put(envelope)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inbox, name)


def ask_racing_stop(ref: Any) -> Any:
    ref.actor_inbox = RacingInbox(ref, ref.actor_inbox)
    return ref.ask("too late", block=False)


def test_plain_an_ask_that_races_the_stop_is_never_answered() -> None:
    with pytest.raises(pykka.Timeout):
        ask_racing_stop(Plain.start()).get(timeout=0.1)


async def test_an_ask_that_races_the_stop_is_answered() -> None:
    async with ActorSystem() as system:
        asked = await asyncio.to_thread(ask_racing_stop, system.spawn(Ours))
        with pytest.raises(pykka.ActorDeadError):
            await asked


@over_seeds
async def test_every_ask_around_a_stop_is_answered_in_any_order(system: VirtualSystem) -> None:
    ref = system.spawn(Ours)

    async def ask(number: int) -> Any:
        await asyncio.sleep(system.random.choice((0, 0, 0.1)))
        try:
            return await ref.ask(number, block=False)
        except pykka.ActorDeadError:
            return None

    async def stop() -> None:
        await asyncio.sleep(system.random.choice((0, 0.1)))
        await ref.stop(block=False)

    answers = await asyncio.gather(*(ask(number) for number in range(8)), stop())
    assert all(answer in {number, None} for number, answer in enumerate(answers[:-1]))


async def ticks_while_waiting(future: pykka.Future[Any]) -> int:
    """Await a future that another thread sets after the loop has gone on, or after a while at most."""
    went_on = threading.Event()
    ticks = 0

    async def tick() -> None:
        nonlocal ticks
        for _ in range(5):
            await asyncio.sleep(0)
            ticks += 1
        went_on.set()

    def answer() -> None:
        went_on.wait(0.2)
        answered_after.append(ticks)
        future.set("answer")

    answered_after: list[int] = []
    thread = threading.Thread(target=answer)
    ticking = asyncio.create_task(tick())
    thread.start()
    assert await future == "answer"
    await ticking
    thread.join()
    return answered_after[0]


async def test_plain_awaiting_a_future_blocks_the_loop() -> None:
    assert await ticks_while_waiting(pykka.ThreadingFuture()) < 5


async def test_awaiting_a_future_lets_the_loop_go_on() -> None:
    assert await ticks_while_waiting(LoopFuture()) == 5


async def test_awaiting_a_stop_lets_the_loop_go_on_without_a_thread() -> None:
    async with ActorSystem() as system:
        threads = threading.active_count()
        assert await system.spawn(Ours).stop(block=False) is True
        assert threading.active_count() == threads


class CountingRef(pykka.ActorRef[Any]):
    """A ref that counts how often it is compared with another."""

    compared = 0

    def __init__(self, urn: str) -> None:
        self.actor_urn = urn
        self.actor_class = Plain

    def __eq__(self, other: object) -> bool:
        CountingRef.compared += 1
        return self is other

    def __hash__(self) -> int:
        return hash(self.actor_urn)


def comparisons_to_unregister(monkeypatch: pytest.MonkeyPatch, table: Any, refs: list[CountingRef]) -> int:
    monkeypatch.setattr(pykka.ActorRegistry, "_actor_refs", table)
    CountingRef.compared = 0
    pykka.ActorRegistry.unregister(refs[-1])
    compared = CountingRef.compared
    assert [ref.actor_urn for ref in pykka.ActorRegistry.get_all()] == [ref.actor_urn for ref in refs[:-1]]
    return compared


def test_plain_unregistering_walks_through_all_actors(monkeypatch: pytest.MonkeyPatch) -> None:
    refs = [CountingRef(str(number)) for number in range(100)]
    assert comparisons_to_unregister(monkeypatch, list(refs), refs) > 100


def test_unregistering_takes_as_long_for_one_actor_as_for_many(monkeypatch: pytest.MonkeyPatch) -> None:
    refs = [CountingRef(str(number)) for number in range(100)]
    assert comparisons_to_unregister(monkeypatch, RefTable(list(refs)), refs) == 0


def flood(ref: Any, messages: int) -> int:
    refused = 0
    for number in range(messages):
        try:
            ref.tell(number)
        except queue.Full:
            refused += 1
    return refused


def test_plain_a_flood_is_taken_whole() -> None:
    gate = threading.Event()

    class Slow(pykka.ThreadingActor):
        def on_receive(self, message: Any) -> None:
            gate.wait(10)

    ref = Slow.start()
    assert flood(ref, 1000) == 0
    gate.set()
    ref.stop()


async def test_a_flood_stops_at_the_bound() -> None:
    async with ActorSystem() as system:
        ref = system.spawn(Ours, options=SpawnOptions(capacity=64))
        assert flood(ref, 1000) >= 1000 - 64
        with pytest.raises(MailboxFullError):
            await ref.ask("one more", block=False)
        assert await ref.stop(block=False) is True


class Looked:
    """Counts how often all of its attributes are read."""

    looks = 0

    def __dir__(self) -> list[str]:
        type(self).looks += 1
        return list(super().__dir__())

    def method(self) -> str:
        return "called"


class LookedAtPlain(Looked, pykka.ThreadingActor):
    pass


class LookedAt(Looked, Actor):
    pass


def test_plain_every_proxy_reads_all_attributes() -> None:
    ref = LookedAtPlain.start()
    for _ in range(3):
        assert ref.proxy().method().get(timeout=10) == "called"
    ref.stop()
    assert LookedAtPlain.looks == 3


async def test_proxies_share_what_is_known_of_the_class() -> None:
    async with ActorSystem() as system:
        ref = system.spawn(LookedAt)
        for _ in range(3):
            assert await ref.proxy().method() == "called"
    assert LookedAt.looks == 0


def test_plain_what_waits_behind_a_crash_vanishes() -> None:
    gate = threading.Event()
    handled: list[Any] = []

    class Crashing(pykka.ThreadingActor):
        def on_receive(self, message: Any) -> None:
            gate.wait(10)
            if message == "crash":
                raise ValueError(message)
            handled.append(message)

    ref = Crashing.start()
    for message in ("a", "crash", "b"):
        ref.tell(message)
    gate.set()
    while ref.is_alive():
        pass
    assert handled == ["a"]


def test_the_trace_of_a_seed_is_always_the_same() -> None:
    async def scenario(system: VirtualSystem) -> list[int]:
        refs = [system.spawn(Ours) for _ in range(4)]
        answers: list[int] = []

        async def ask(number: int) -> None:
            answers.append(await refs[number].ask(number, block=False))

        await asyncio.gather(*(ask(number) for number in range(4)))
        await asyncio.sleep(60)
        return answers

    first, again, other = run(scenario, 1), run(scenario, 1), run(scenario, 2)
    assert first == again
    assert first.trace != other.trace
    assert first.seconds >= 60
    assert len({tuple(run(scenario, seed).value) for seed in range(50)}) > 5
