"""One measurement in a process of its own: `python -m benchmarks.actors.side SIDE MEASUREMENT NUMBERS…` prints JSON."""

import asyncio
import gc
import itertools
import json
import os
import sys
import threading
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Final

import pykka

from actors.runtime.actor import Actor
from actors.runtime.system import ActorSystem, SpawnOptions
from benchmarks.actors.sessions import serve_ours, serve_plain

PAGE: Final = os.sysconf("SC_PAGE_SIZE")
AT_ONCE: Final = 500
"""Actors that are timed when so many are live already."""


def resident() -> int:
    """Return the resident memory of this process in bytes."""
    gc.collect()
    return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * PAGE


class Count:
    """Counts what actors have handled, and says when it is all."""

    def __init__(self, target: int, done: Callable[[], object]) -> None:
        self._left = itertools.count(target - 1, -1)
        self._done = done

    def one(self) -> None:
        """Count one message; many threads may at a time."""
        if not next(self._left):
            self._done()


class Plain(pykka.ThreadingActor):
    """A plain actor that counts, and notes what it was told last."""

    use_daemon_thread = True
    last: Any = None

    def on_receive(self, message: Any) -> Any:
        """Count, or answer."""
        if type(message) is Count:
            return message.one()
        self.last = message
        return message


class Ours(Actor):
    """The same on our runtime."""

    last: Any = None

    def on_receive(self, message: Any) -> Any:
        """Count, or answer."""
        if type(message) is Count:
            return message.one()
        self.last = message
        return message


Spawn = Callable[[], pykka.ActorRef[Any]]
Send = Callable[[list[pykka.ActorRef[Any]], int], Awaitable[float]]
"""Sends every actor so many messages, waits until all are handled, and returns the CPU seconds it took.

With several actors, each message to all is handled by all before the next one is sent.
"""


async def grow(spawn: Spawn, send: Send, small: int, large: int) -> dict[str, float]:
    """Measure what an actor costs when many are live: in memory, and to start."""
    await send([spawn()], 1)
    before = resident()
    refs = [spawn() for _ in range(small)]
    await send(refs[-1:], 1)
    cpu, wall = time.process_time(), time.perf_counter()
    refs += [spawn() for _ in range(AT_ONCE)]
    await send(refs[-1:], 1)
    cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    refs += [spawn() for _ in range(large - len(refs))]
    await send(refs[-1:], 1)
    return {
        "bytes_per_actor": (resident() - before) / large,
        "spawn_cpu_us": 1e6 * cpu / AT_ONCE,
        "spawn_wall_us": 1e6 * wall / AT_ONCE,
    }


async def fan_out(spawn: Spawn, send: Send, actors: int, times: int) -> dict[str, float]:
    """Measure a message to each of many actors, again and again."""
    refs = [spawn() for _ in range(actors)]
    await send(refs, 1)
    return {"cpu_us": 1e6 * await send(refs, times) / (actors * times)}


async def tell(spawn: Spawn, send: Send, messages: int) -> dict[str, float]:
    """Measure messages to one actor, sent and handled."""
    ref = spawn()
    await send([ref], messages // 10)
    return {"cpu_us": 1e6 * await send([ref], messages) / messages}


async def idle(spawn: Spawn, send: Send, actors: int) -> dict[str, float]:
    """Measure the whole process's memory with so many actors that have nothing to do."""
    refs = [spawn() for _ in range(actors)]
    await send(refs[-1:], 1)
    return {"mb": resident() / 2**20}


def behind(refs: list[pykka.ActorRef[Any]], number: int) -> bool:
    """Return whether any actor has not handled a message yet."""
    # Looked at from outside: asking would be a message.
    return any(getattr(ref._actor_weakref(), "last", None) != number for ref in refs)  # noqa: SLF001 - as above


async def send_plain(refs: list[pykka.ActorRef[Any]], times: int) -> float:
    """`Send` for plain actors."""
    over = threading.Event()
    count = Count(len(refs), over.set)
    began = time.process_time()
    for number in range(times - 1):
        for ref in refs:
            ref.tell(number)
        if len(refs) > 1:
            refs[-1].ask(number)
            while behind(refs, number):
                time.sleep(0.001)  # noqa: ASYNC251 - nothing runs on this loop
    for ref in refs:
        ref.tell(count)
    over.wait()
    return time.process_time() - began


async def send_ours(refs: list[pykka.ActorRef[Any]], times: int) -> float:
    """`Send` for our actors on the loop."""
    over = asyncio.Event()
    count = Count(len(refs), over.set)
    began = time.process_time()
    for number in range(times - 1):
        for ref in refs:
            ref.tell(number)
        if len(refs) > 1:
            await refs[-1].ask(number, block=False)
            while behind(refs, number):  # noqa: ASYNC110 - the actors are not to pay for an event
                await asyncio.sleep(0.001)
    for ref in refs:
        ref.tell(count)
    await over.wait()
    return time.process_time() - began


async def ask(system: ActorSystem, times: int) -> dict[str, float]:
    """Measure awaiting one answer after the other, on the loop."""
    ref = system.spawn(Ours)
    for _ in range(times // 10):
        await ref.ask("warm", block=False)
    began = time.process_time()
    for _ in range(times):
        await ref.ask("question", block=False)
    return {"cpu_us": 1e6 * (time.process_time() - began) / times}


class Slow(Actor):
    """Takes a millisecond a message."""

    async def on_receive(self, _message: Any) -> None:
        """Wait."""
        await asyncio.sleep(0.001)


class SlowPlain(pykka.ThreadingActor):
    """The same on a thread."""

    use_daemon_thread = True

    def on_receive(self, _message: Any) -> None:
        """Wait."""
        time.sleep(0.001)


async def flood_ours(system: ActorSystem, seconds: int) -> dict[str, float]:
    """Flood a slow actor from eight senders that wait for room, a kilobyte a message."""
    ref = system.spawn(Slow, options=SpawnOptions(capacity=64))
    until = time.monotonic() + seconds
    sent = 0

    async def send() -> None:
        nonlocal sent
        while time.monotonic() < until:
            await ref.offer(bytes(1024))
            sent += 1

    await ref.offer(b"")
    before = most = resident()
    senders = [asyncio.create_task(send()) for _ in range(8)]
    while time.monotonic() < until:
        await asyncio.sleep(0.25)
        most = max(most, resident())
    await asyncio.gather(*senders)
    return {"mb": (most - before) / 2**20, "sent": sent, "longest_queue": 64}


def flood_plain(seconds: int) -> dict[str, float]:
    """Flood a slow plain actor from one sender."""
    ref = SlowPlain.start()
    until = time.monotonic() + seconds
    before = resident()
    sent = 0
    while time.monotonic() < until:
        ref.tell(bytes(1024))
        sent += 1
    return {"mb": (resident() - before) / 2**20, "sent": sent, "longest_queue": sent}


async def measure_plain(what: str, numbers: list[int]) -> dict[str, float]:
    """Run one measurement of plain Pykka."""
    match what:
        case "grow":
            return await grow(Plain.start, send_plain, *numbers)
        case "fan-out":
            return await fan_out(Plain.start, send_plain, *numbers)
        case "tell":
            return await tell(Plain.start, send_plain, *numbers)
        case "flood":
            return flood_plain(*numbers)
        case "sessions":
            return serve_plain(*numbers)
    raise SystemExit(f"no measurement {what}")


async def measure_ours(what: str, numbers: list[int]) -> dict[str, float]:
    """Run one measurement of our runtime, on an event loop."""
    system = ActorSystem()

    def spawn() -> pykka.ActorRef[Any]:
        return system.spawn(Ours)

    match what:
        case "grow":
            return await grow(spawn, send_ours, *numbers)
        case "fan-out":
            return await fan_out(spawn, send_ours, *numbers)
        case "tell":
            return await tell(spawn, send_ours, *numbers)
        case "idle":
            return await idle(spawn, send_ours, *numbers)
        case "ask":
            return await ask(system, *numbers)
        case "flood":
            return await flood_ours(system, *numbers)
        case "sessions":
            return await serve_ours(system, *numbers)
        case "recall":
            # Not above: what it imports would count as memory of the actors.
            from benchmarks.actors.day import recall  # noqa: PLC0415

            return recall(*numbers)
    raise SystemExit(f"no measurement {what}")


if __name__ == "__main__":
    measure = {"plain": measure_plain, "ours": measure_ours}[sys.argv[1]]
    print(json.dumps(asyncio.run(measure(sys.argv[2], [int(number) for number in sys.argv[3:]]))), flush=True)
    # Thousands of threads take longer to end in order than all that was measured.
    os._exit(0)
