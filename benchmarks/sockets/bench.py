"""`python -m benchmarks sockets`: what clients' frames cost the loop, woken for each, for each block, or in rounds.

Clients, server and sessions are in one process, so that nobody has to wait for the processor: frames are sent in the
order of their times, and the loop is let run whenever it would have been woken. Only its own CPU counts.
"""

import argparse
import asyncio
import select
import time
from statistics import median
from typing import Any, Final

import numpy as np
from rich.progress import Progress

from balto.loops import serving_loop
from balto.web.rounds import ROUND_S
from benchmarks.live.plan import MESSAGE_MS, RATE
from benchmarks.live.wire import BINARY, head
from benchmarks.report import Check, Machine, Report, rounded
from benchmarks.sockets.house import House, Manner, sessions

MANNERS: Final[tuple[Manner, ...]] = ("frames", "blocks", "rounds")
_PAUSES_US: Final = (0, 500)
"""Microseconds that others have the processor before each wake."""
_TURNS: Final = 4
"""Of the loop, from a frame to the last that a session does about it."""
_TURNS_AT_LAST: Final = 200


def add_options(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("--sessions", type=int, default=40)
    parser.add_argument("--seconds", type=float, default=2.0, help="of audio in each turn")
    parser.add_argument("--rounds", type=int, default=15, help="turns of each side")


def run(options: argparse.Namespace, progress: Progress) -> Report:
    """Let all sides take turns, without and with a pause before each wake."""
    machine = Machine.here()
    count, seconds, rounds = (3, 0.5, 1) if options.quick else (options.sessions, options.seconds, options.rounds)
    task = progress.add_task("sockets", total=len(_PAUSES_US) * rounds * len(MANNERS))
    spent: dict[tuple[int, Manner], list[float]] = {}
    wakes: dict[Manner, float] = {}
    with asyncio.Runner(loop_factory=serving_loop) as runner:
        runner.run(_heard("frames", count, 0.2, 0.0))
        for pause_us in _PAUSES_US:
            for turn in range(rounds):
                for manner in MANNERS if turn % 2 == 0 else MANNERS[::-1]:
                    cpu_s, woken = runner.run(_heard(manner, count, seconds, pause_us / 1e6))
                    audio_s = count * seconds
                    spent.setdefault((pause_us, manner), []).append(1000 * cpu_s / audio_s)
                    wakes[manner] = woken / audio_s
                    progress.advance(task)
    checks = []
    for pause_us in _PAUSES_US:
        for manner in MANNERS[1:]:
            pairs = zip(spent[pause_us, manner], spent[pause_us, "frames"], strict=True)
            name = f"CPU, woken for {manner} over each frame, {pause_us} µs between wakes"
            ratio = median(own / old for own, old in pairs)
            checks.append(Check(name=name, value=ratio, unit="×", goal=1.0, better="less"))
    compared: dict[str, Any] = {
        "sessions": count,
        "messages_ms": list(MESSAGE_MS),
        "wakes a second and session": {manner: rounded(each) for manner, each in wakes.items()},
        "CPU ms per second of audio": {
            f"{manner}, {pause_us} µs": rounded(median(each)) for (pause_us, manner), each in spent.items()
        },
    }
    return Report(bench="sockets", checks=checks, machine=machine, compared=compared)


async def _heard(manner: Manner, count: int, seconds: float, pause_s: float) -> tuple[float, int]:
    """Send everybody's frames, and return the CPU seconds that the loop took and how often it was woken."""
    async with sessions(manner, count) as house:
        readable = select.poll()
        for number in house.served:
            readable.register(number, select.POLLIN)
        cpu_s, woken, due_s = 0.0, 0, ROUND_S
        for when, client, frame in _frames(count, seconds):
            while manner == "rounds" and when >= due_s:
                due_s += ROUND_S
                if readable.poll(0):
                    cpu_s += await _woken(house, pause_s)
                    woken += 1
            house.clients[client].send(frame)
            if manner != "rounds" and readable.poll(0):
                cpu_s += await _woken(house, pause_s)
                woken += 1
        # Actors let the loop go on after 2 ms, by the clock: nothing is left undone in the end.
        return cpu_s + await _woken(house, pause_s, turns=_TURNS_AT_LAST), woken


async def _woken(house: House, pause_s: float, turns: int = _TURNS) -> float:
    time.sleep(pause_s)  # noqa: ASYNC251 - others are to have the processor, not the loop
    began = time.thread_time()
    house.tide.rounds.go_round()
    for _ in range(turns):
        await asyncio.sleep(0)
    return time.thread_time() - began


def _frames(count: int, seconds: float) -> list[tuple[float, int, bytes]]:
    """Return when each client sends what: silence with offsets, in no step with one another."""
    begins = np.random.default_rng(1).uniform(0, 0.1, count)
    frames = []
    for client in range(count):
        length_ms = MESSAGE_MS[client % len(MESSAGE_MS)]
        size = length_ms * RATE // 1000 * 2
        for number in range(int(seconds * 1000) // length_ms):
            payload = (number * size).to_bytes(8) + bytes(size)
            frames.append((begins[client] + number * length_ms / 1000, client, head(BINARY, len(payload)) + payload))
    return sorted(frames)
