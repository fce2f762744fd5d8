"""Messages that are only told take a shorter way through the mailbox: failures, ends and orders are as on the long one.

Every sixteenth message is timed and takes the long way, so that each test passes both.
"""

import asyncio
from typing import Any, ClassVar

import pykka
import pytest

from actors.runtime import deadletters, metrics
from actors.runtime.actor import Actor, ChildFailed, ChildRestarting
from actors.runtime.metrics import SAMPLE_MASK
from actors.runtime.refs import Ref
from actors.runtime.supervisor import RESTART, Supervision
from actors.runtime.system import ActorSystem, stop
from actors.runtime.testkit import VirtualSystem, over_seeds

PLACES = [0, 1, SAMPLE_MASK, SAMPLE_MASK + 1, SAMPLE_MASK + 2]


class Fragile(Actor):
    """Takes what it is told until that is an error, which it raises; `stop` and `leave` are orders."""

    def __init__(self, log: list[Any]) -> None:
        super().__init__()
        self.log = log

    def on_receive(self, message: Any) -> Any:
        if isinstance(message, BaseException):
            raise message
        self.log.append(message)
        if message == "leave":
            self.leave()
        if message == "stop":
            self.stop()
        return message

    def on_failure(self, *exc_info: Any) -> None:
        self.log.append(type(exc_info[1]).__name__)


class Renewed(Fragile):
    supervision: ClassVar[Supervision] = RESTART


class Guardian(Actor):
    """Parent of one of them, which notes what it is told of it."""

    def __init__(self, child: type[Fragile], log: list[Any]) -> None:
        super().__init__()
        self.news: list[Any] = []
        self.child = self.spawn(child, log)

    def on_receive(self, message: Any) -> Any:
        if isinstance(message, ChildFailed):
            self.news.append((message.actor_class, message.error))
        return self.child if message == "child" else self.news

    def on_child_restarting(self, restarting: ChildRestarting) -> None:
        self.news.append((restarting.error, restarting.message))

    def on_letters_died(self, died: Any) -> None:
        self.news.append(dict(died.kinds))


@pytest.fixture
async def system() -> Any:
    async with ActorSystem() as system:
        yield system


def behind_numbers(system: ActorSystem, count: int) -> tuple[Ref[Fragile], list[Any]]:
    """Start one that is told so many numbers first, which its log will hold."""
    log: list[Any] = []
    ref = system.spawn(Fragile, log)
    for number in range(count):
        ref.tell(number)
    return ref, log


@pytest.mark.parametrize("place", PLACES)
async def test_a_failure_ends_the_actor_wherever_it_comes(system: ActorSystem, place: int) -> None:
    log: list[Any] = []
    guardian = system.spawn(Guardian, Fragile, log)
    child = await guardian.ask("child", block=False)
    before = metrics.tally_of(Fragile)
    handled, failed = before.handled, before.failed
    for number in range(place):
        child.tell(number)
    child.tell(ZeroDivisionError())
    child.tell("too late")
    await stop(child)
    assert log == [*range(place), "ZeroDivisionError"]
    assert await guardian.ask("news", block=False) == [{"str": 1}, ("Fragile", "ZeroDivisionError")]
    after = metrics.tally_of(Fragile)
    assert (after.handled - handled, after.failed - failed) == (place + 1, 1)


@pytest.mark.parametrize("place", PLACES)
async def test_a_restart_tells_of_the_message_itself_and_goes_on(system: ActorSystem, place: int) -> None:
    log: list[Any] = []
    guardian = system.spawn(Guardian, Renewed, log)
    child = await guardian.ask("child", block=False)
    error = ZeroDivisionError()
    for number in range(place):
        child.tell(number)
    child.tell(error)
    child.tell("next")
    assert await child.ask("last", block=False) == "last"
    assert log == [*range(place), "ZeroDivisionError", "next", "last"]
    assert await guardian.ask("news", block=False) == [("ZeroDivisionError", error)]


@pytest.mark.parametrize("place", PLACES)
async def test_an_order_to_leave_the_process_stops_all(system: ActorSystem, place: int) -> None:
    first, second = system.spawn(Fragile, []), system.spawn(Fragile, [])
    for number in range(place):
        second.tell(number)
    second.tell(SystemExit())
    await stop(first)
    await stop(second)
    assert pykka.ActorRegistry.get_by_class(Fragile) == []


@pytest.mark.parametrize("place", PLACES)
async def test_who_leaves_takes_nothing_more(system: ActorSystem, place: int) -> None:
    ref, log = behind_numbers(system, place)
    buried = deadletters.counts["float"]
    ref.tell("leave")
    ref.tell(0.5)
    await stop(ref)
    assert log == [*range(place), "leave"]
    assert deadletters.counts["float"] == buried + 1


@pytest.mark.parametrize("place", PLACES)
async def test_who_stops_itself_takes_what_was_sent_before(system: ActorSystem, place: int) -> None:
    ref, log = behind_numbers(system, place)
    ref.tell("stop")
    ref.tell("before the order")
    await stop(ref)
    assert log == [*range(place), "stop", "before the order"]


@over_seeds
async def test_questions_and_deadlines_among_what_is_told_keep_the_order(system: VirtualSystem) -> None:
    log: list[Any] = []
    ref = system.spawn(Fragile, log)
    futures: list[tuple[int, Any]] = []
    for number in range(40):
        match system.random.randrange(3):
            case 0:
                futures.append((number, ref.ask(number, block=False)))
            case 1:
                ref.tell(number, within=1e9)
            case _:
                ref.tell(number)
    await stop(ref)
    assert log == list(range(40))
    assert [await future for _, future in futures] == [number for number, _ in futures]


class Patient(Actor):
    """Waits in its handler for what a friend brings, of messages that are odd numbers."""

    capacity: ClassVar[int | None] = 50

    def __init__(self, log: list[Any], waits: asyncio.Queue[Any]) -> None:
        super().__init__()
        self.log = log
        self.waits = waits

    def on_receive(self, message: Any) -> Any:
        self.log.append(message)
        if isinstance(message, int) and message % 2:
            self.waits.put_nowait((message, self.suspend()))
        return message


@over_seeds
async def test_who_is_suspended_takes_what_it_waits_for_first_and_then_all_else_in_order(system: VirtualSystem) -> None:
    log: list[Any] = []
    waits: asyncio.Queue[Any] = asyncio.Queue()
    ref = system.spawn(Patient, log, waits)

    async def friend() -> None:
        for _ in range(20):
            number, go_on = await waits.get()
            await asyncio.sleep(system.random.uniform(0, 0.01))
            assert log[-1] == number
            go_on(f"answer to {number}")

    bringing = asyncio.create_task(friend())
    for number in range(40):
        ref.tell(number)
        if system.random.random() < 0.3:
            await asyncio.sleep(0.001)
    assert await ref.stop(block=False) is True
    await bringing
    assert log == [each for n in range(40) for each in ([n, f"answer to {n}"] if n % 2 else [n])]
