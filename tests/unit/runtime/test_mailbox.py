"""Bounded mailboxes, deadlines, contexts and metrics, in every order that the seeds come to."""

import asyncio
from contextvars import ContextVar
from typing import Any, ClassVar

import pykka
import pytest

from actors.runtime import deadletters, metrics
from actors.runtime.actor import Actor
from actors.runtime.deadletters import DeadLetter
from actors.runtime.system import SpawnOptions, stop
from actors.runtime.testkit import VirtualSystem, over_seeds, run
from actors.runtime.virtual import DeadlockError
from actors.runtime.waiting import MailboxFullError

trace_id: ContextVar[str] = ContextVar("trace_id", default="none")


class Sleeper(Actor):
    """Takes so many virtual seconds for each message."""

    capacity: ClassVar[int | None] = 3

    def __init__(self, log: list[Any], *, seconds: float = 1.0) -> None:
        super().__init__()
        self.log = log
        self.seconds = seconds

    async def on_receive(self, message: Any) -> Any:
        await asyncio.sleep(self.seconds)
        self.log.append(message)
        return message


@over_seeds
async def test_offers_wait_for_room_and_enter_in_their_order(system: VirtualSystem) -> None:
    log: list[Any] = []
    ref = system.spawn(Sleeper, log)
    deepest = 0

    async def offer(number: int) -> None:
        nonlocal deepest
        await asyncio.sleep(number * 0.001)
        await ref.offer(number)
        deepest = max(deepest, len(ref.actor_inbox))

    await asyncio.gather(*(offer(number) for number in range(12)))
    await stop(ref)
    assert log == list(range(12))
    assert deepest <= 3


@over_seeds
async def test_an_offer_that_is_cancelled_leaves_the_line(system: VirtualSystem) -> None:
    log: list[Any] = []
    ref = system.spawn(Sleeper, log)
    offers = []
    for number in range(8):
        offers.append(asyncio.create_task(ref.offer(number)))
        await asyncio.sleep(0.001)
    offers[6].cancel()
    await asyncio.gather(*offers, return_exceptions=True)
    await stop(ref)
    assert log == [0, 1, 2, 3, 4, 5, 7]


@over_seeds
async def test_who_waits_for_room_at_an_actor_that_stops_is_told(system: VirtualSystem) -> None:
    log: list[Any] = []
    ref = system.spawn(Sleeper, log)
    offers = [asyncio.create_task(ref.offer(number)) for number in range(8)]
    await asyncio.sleep(0.5)
    stopping = ref.stop(block=False)
    outcomes = await asyncio.gather(*offers, return_exceptions=True)
    await stopping
    dead = [outcome for outcome in outcomes if isinstance(outcome, pykka.ActorDeadError)]
    assert len(log) + len(dead) + deadletters.counts["int"] >= 8
    assert len(log) + len(dead) <= 8
    assert ref.actor_inbox.empty()


@over_seeds
async def test_a_full_mailbox_refuses_tells_but_no_order_to_stop(system: VirtualSystem) -> None:
    ref = system.spawn(Sleeper, [])
    for _ in range(3):
        ref.tell("more")
    with pytest.raises(MailboxFullError):
        ref.tell("too much")
    assert await ref.stop(block=False) is True


@over_seeds
async def test_a_spawn_may_set_another_bound(system: VirtualSystem) -> None:
    ref = system.spawn(Sleeper, [], options=SpawnOptions(capacity=50))
    for number in range(50):
        ref.tell(number)
    with pytest.raises(MailboxFullError):
        ref.tell(50)


@over_seeds
async def test_a_message_past_its_deadline_is_not_handled(system: VirtualSystem) -> None:
    log: list[Any] = []
    dead: list[DeadLetter] = []
    deaf = deadletters.listen(dead.append)
    ref = system.spawn(Sleeper, log, seconds=2.0)
    ref.tell("first")
    await asyncio.sleep(0.001)
    ref.tell("stale", within=1.0)
    ref.tell("fresh", within=5.0)
    with pytest.raises(pykka.Timeout):
        await ref.ask("asked", block=False, within=1.5)
    assert system.loop.time() < 1.6
    await stop(ref)
    deaf()
    assert log == ["first", "fresh"]
    assert [(letter.reason, letter.urn) for letter in dead] == [("expired", ref.actor_urn)] * 2


@over_seeds
async def test_an_answer_after_the_deadline_is_dropped(system: VirtualSystem) -> None:
    log: list[Any] = []
    ref = system.spawn(Sleeper, log)
    with pytest.raises(pykka.Timeout):
        await ref.ask("slow", block=False, within=0.5)
    assert await ref.ask("next", block=False, within=5) == "next"
    assert log == ["slow", "next"]


class Tracer(Actor):
    def __init__(self, then: Any = None) -> None:
        super().__init__()
        self.then = then

    async def on_receive(self, message: Any) -> Any:
        await asyncio.sleep(0)
        here = trace_id.get()
        trace_id.set("changed by the handler")
        return [here] if self.then is None else [here, *await self.then.ask(message, block=False)]


@over_seeds
async def test_the_senders_context_comes_with_each_message(system: VirtualSystem) -> None:
    last = system.spawn(Tracer)

    class First(Actor):
        def on_receive(self, message: Any) -> Any:
            return [trace_id.get(), last.ask(message, block=False)]

    first = system.spawn(First)

    async def request(name: str) -> list[str]:
        trace_id.set(name)
        await asyncio.sleep(system.random.random())
        here, answer = await first.ask("which?", block=False)
        return [here, *await answer]

    names = [f"request {number}" for number in range(5)]
    assert await asyncio.gather(*map(request, names)) == [[name, name] for name in names]


def test_metrics_tell_depth_wait_and_handling_time() -> None:
    class Measured(Sleeper):
        capacity: ClassVar[int | None] = None

    async def scenario(system: VirtualSystem) -> tuple[metrics.ClassMetrics, metrics.ClassMetrics]:
        ref = system.spawn(Measured, [], seconds=2.0)
        await asyncio.sleep(0.1)
        for number in range(33):
            ref.tell(number)
        await asyncio.sleep(0.1)
        before = metrics.snapshot()["Measured"]
        await stop(ref)
        return before, metrics.snapshot()["Measured"]

    during, after = run(scenario, 0).value
    assert (during.live, during.depth, during.depth_max) == (1, 32, 32)
    assert (after.live, after.depth, after.timed) == (0, 0, 3)
    assert after.handling_mean_s == pytest.approx(2.0)
    assert after.wait_max_s == pytest.approx(64.0)
    assert after.wait_mean_s == pytest.approx((0 + 32 + 64) / 3)


def test_waiting_for_what_never_comes_is_found_out() -> None:
    async def scenario(_: VirtualSystem) -> None:
        await asyncio.get_running_loop().create_future()

    with pytest.raises(DeadlockError):
        run(scenario, 0)


def test_any_number_of_expired_messages_is_buried_before_the_next_one_is_handled() -> None:
    async def scenario(system: VirtualSystem) -> list[Any]:
        log: list[Any] = []
        ref = system.spawn(Sleeper, log, options=SpawnOptions(capacity=10_000))
        ref.tell("first")
        for _ in range(5_000):
            ref.tell("expired", within=0.5)
        await ref.ask("last", block=False)
        return log

    assert run(scenario, 1).value == ["first", "last"]
