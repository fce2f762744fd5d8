"""Regions: one live actor a key, gone when idle, back with the next message, and nothing lost between."""

import asyncio
from collections import Counter
from typing import Any, ClassVar

import pykka
import pytest

from actors.runtime.actor import Actor
from actors.runtime.region import Region
from actors.runtime.testkit import VirtualSystem, over_seeds


class Tenant(Actor):
    idle_after_s: ClassVar[float | None] = 10.0
    alive: ClassVar[Counter[str]] = Counter()

    def __init__(self, key: str, log: list[Any]) -> None:
        super().__init__()
        self.key = key
        self.log = log

    def on_start(self) -> None:
        self.alive[self.key] += 1
        assert self.alive[self.key] == 1
        self.log.append("came")

    def on_receive(self, message: Any) -> Any:
        if message == "leave":
            self.stop()
        else:
            self.log.append(message)
        return message

    def on_stop(self) -> None:
        self.alive[self.key] -= 1
        self.log.append("left")


@over_seeds
async def test_an_idle_actor_leaves_and_comes_back_with_the_next_message(system: VirtualSystem) -> None:
    log: list[Any] = []
    region = Region.of(system, Tenant, log)
    ref = region.ref("a")
    assert region.live == []
    assert await ref.ask(1, block=False) == 1
    await asyncio.sleep(9)
    assert region.live == ["a"]
    await asyncio.sleep(20)
    assert region.live == []
    assert await ref.ask(2, block=False) == 2
    assert log == ["came", 1, "left", "came", 2]
    await region.close()
    assert log[-1] == "left"


@over_seeds
async def test_an_actor_that_is_spoken_to_stays(system: VirtualSystem) -> None:
    log: list[Any] = []
    ref = Region.of(system, Tenant, log).ref("a")
    for number in range(10):
        ref.tell(number)
        await asyncio.sleep(8)
    assert log == ["came", *range(10)]
    await asyncio.sleep(30)
    assert log[-1] == "left"


@over_seeds
async def test_messages_around_a_leave_are_handled_once_and_in_order(system: VirtualSystem) -> None:
    log: list[Any] = []
    region = Region.of(system, Tenant, log)
    ref = region.ref("a")

    async def speak(name: str) -> None:
        for number in range(6):
            ref.tell((name, number))
            await asyncio.sleep(system.random.choice((0, 0, 0.5)))

    async def interrupt() -> None:
        for _ in range(4):
            ref.tell("leave")
            await asyncio.sleep(system.random.random())

    await asyncio.gather(speak("x"), speak("y"), interrupt())
    await region.close()
    for name in "xy":
        assert [m for m in log if m[0] == name] == [(name, number) for number in range(6)]
    assert log.count("came") >= 2


@over_seeds
async def test_keys_have_actors_of_their_own(system: VirtualSystem) -> None:
    logs: dict[str, list[Any]] = {"a": [], "b": []}
    region = Region(lambda key, options: system.spawn(Tenant, key, logs[key], options=options))
    region.ref("a").tell(1)
    await region.ref("b").offer(2)
    assert sorted(region.live) == ["a", "b"]
    await region.close()
    assert logs == {"a": ["came", 1, "left"], "b": ["came", 2, "left"]}


@over_seeds
async def test_a_closed_region_starts_nobody(system: VirtualSystem) -> None:
    region = Region.of(system, Tenant, [])
    await region.close()
    with pytest.raises(pykka.ActorDeadError):
        region.ref("a").tell(1)
    with pytest.raises(pykka.ActorDeadError):
        await region.ref("a").ask(1, block=False)
