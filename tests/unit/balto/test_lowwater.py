"""On a busy server a client's frames are read when they complete a block, in one go; nothing is lost or left by it."""

import asyncio
import socket
import sys
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from actors.session.ports import AudioFormat
from balto.web import lowwater
from balto.web.gathering import Gathering
from balto.web.lowwater import LowWater, Tide, wire_size
from tests.unit.balto.lines import connected, turns

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux wakes nobody below the mark")

AUDIO, OFFSET, BLOCK = 640, 8, 4096
FRAME = bytes(wire_size(AUDIO + OFFSET))
NEVER = 1
"""Bytes per second of an audio whose blocks take an hour: no test waits for one to be overdue."""


@pytest.fixture
def busy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Tide, "busy", True)


@pytest.mark.usefixtures("busy")
def test_frames_wait_until_they_complete_a_block_and_are_read_in_one_go(run: Any) -> None:
    async def scenario() -> None:
        async with connected() as (listener, client):
            water = LowWater(listener.line, Tide(asyncio.get_running_loop()), NEVER)
            water.await_more(BLOCK, AUDIO, AUDIO + OFFSET)
            for _ in range(6):
                client.sendall(FRAME)
                await turns()
            assert listener.read == []
            client.sendall(FRAME)
            await listener.until(7 * len(FRAME))
            assert listener.read == [7 * len(FRAME)]

    run(scenario())


@pytest.mark.usefixtures("busy")
def test_a_client_that_hangs_up_is_heard_to_its_last_byte_at_once(run: Any) -> None:
    async def scenario() -> None:
        async with connected() as (listener, client):
            LowWater(listener.line, Tide(asyncio.get_running_loop()), NEVER).await_more(BLOCK, AUDIO, AUDIO + OFFSET)
            client.sendall(FRAME)
            client.shutdown(socket.SHUT_WR)
            await listener.lost.wait()
            assert sum(listener.read) == len(FRAME)

    run(scenario())


@pytest.mark.usefixtures("busy")
def test_what_waits_behind_a_block_that_does_not_come_is_read_soon_after_it_was_due(run: Any) -> None:
    async def scenario() -> None:
        async with connected() as (listener, client):
            water = LowWater(listener.line, Tide(asyncio.get_running_loop()), 32_000)
            water.await_more(BLOCK, AUDIO, AUDIO + OFFSET)
            assert water.mark == 7 * len(FRAME)
            client.sendall(b"a word")
            await listener.until(6)
            assert water.mark == 1

    run(scenario())


@pytest.mark.usefixtures("busy")
def test_what_is_there_is_read_when_the_mark_is_lowered(run: Any) -> None:
    async def scenario() -> None:
        async with connected() as (listener, client):
            water = LowWater(listener.line, Tide(asyncio.get_running_loop()), NEVER)
            water.await_more(BLOCK, AUDIO, AUDIO + OFFSET)
            client.sendall(b"a word")
            await turns()
            assert listener.read == []
            water.lower()
            await listener.until(6)

    run(scenario())


def test_a_server_that_is_not_busy_reads_each_frame(run: Any) -> None:
    async def scenario() -> None:
        async with connected() as (listener, client):
            water = LowWater(listener.line, Tide(asyncio.get_running_loop(), lambda: 0.0), NEVER)
            water.await_more(BLOCK, AUDIO, AUDIO + OFFSET)
            assert water.mark == 1
            client.sendall(b"a word")
            await listener.until(6)

    run(scenario())


@pytest.mark.usefixtures("busy")
def test_a_closed_line_has_no_mark(run: Any) -> None:
    async def scenario() -> None:
        async with connected() as (listener, _):
            water = LowWater(listener.line, Tide(asyncio.get_running_loop()), NEVER)
            listener.line.abort()
            water.await_more(BLOCK, AUDIO, AUDIO + OFFSET)
            assert water.mark == 1

    run(scenario())


@pytest.mark.usefixtures("busy")
def test_a_crowd_is_read_in_rounds_and_one_with_large_frames_or_that_is_over_is_not(
    run: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lowwater, "CROWD", 2)

    async def scenario() -> None:
        async with connected() as (listener, client), connected() as (other, _):
            tide = Tide(asyncio.get_running_loop())
            water = LowWater(listener.line, tide, NEVER)
            water.await_more(BLOCK, AUDIO, AUDIO + OFFSET)
            assert (len(tide.rounds), water.mark) == (0, 7 * len(FRAME))
            second = LowWater(other.line, tide, NEVER)
            water.await_more(BLOCK, AUDIO, AUDIO + OFFSET)
            assert (len(tide.rounds), water.mark) == (1, 7 * len(FRAME))
            water.await_more(0, 1 << 16, 1 << 16)
            assert (len(tide.rounds), water.mark) == (0, 1)
            water.await_more(0, AUDIO, AUDIO)
            assert (len(tide.rounds), water.mark) == (1, 1)
            water.close()
            assert len(tide.rounds) == 0
            client.sendall(b"a word")
            await listener.until(6)
            second.close()
            assert tide.clients == 0

    run(scenario())


class Loop:
    """The time, and who is to be called."""

    def __init__(self) -> None:
        self.now = 0.0
        self.calls: list[Callable[[], None]] = []

    def time(self) -> float:
        return self.now

    def call_later(self, _: float, call: Callable[[], None]) -> Callable[[], None]:
        self.calls.append(call)
        return call


class Line:
    """A connection whose socket only remembers its mark."""

    def __init__(self) -> None:
        self.marks: list[int] = []

    def get_extra_info(self, name: str) -> object:
        return self if name == "socket" else None

    def is_closing(self) -> bool:
        return False

    def fileno(self) -> int:
        return 0

    def setsockopt(self, level: int, option: int, value: int) -> None:
        assert (level, option) == (socket.SOL_SOCKET, socket.SO_RCVLOWAT)
        self.marks.append(value)


def test_the_server_is_busy_from_one_share_on_and_no_longer_below_a_smaller_one() -> None:
    loop, used = Loop(), [0.0]
    tide = Tide(loop, lambda: used[0])  # type: ignore[arg-type]
    seen = []
    for share in (0.14, 0.16, 0.11, 0.09, 0.11):
        loop.now += 1.0
        used[0] += share
        seen.append(tide.busy)
    assert seen == [False, True, True, False, False]
    loop.now += 0.5
    used[0] += 0.5
    assert not tide.busy, "half a second says too little"


@pytest.mark.usefixtures("busy")
def test_the_timer_runs_only_while_a_mark_is_raised() -> None:
    loop, line = Loop(), Line()
    water = LowWater(line, Tide(loop), 32_000)  # type: ignore[arg-type]
    loop.now = 1.0
    water.await_more(BLOCK, AUDIO, AUDIO)
    (tick,) = loop.calls
    loop.now += 0.128
    tick()
    assert line.marks == [7 * wire_size(AUDIO)]
    assert len(loop.calls) == 2
    loop.now += 0.05
    tick()
    assert line.marks[1:] == [1]
    assert len(loop.calls) == 2


@pytest.mark.usefixtures("busy")
@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(size=st.integers(1, 6_000), begins=st.integers(0, 3 * BLOCK), counted=st.booleans())
def test_no_complete_block_waits_behind_the_mark_and_none_is_read_in_pieces(
    size: int, begins: int, counted: bool
) -> None:
    loop, line, gathering = Loop(), Line(), Gathering.of(AudioFormat(encoding="pcm_s16le"))
    water = LowWater(line, Tide(loop), 32_000)  # type: ignore[arg-type]
    at = end = begins if counted else 0
    payload = size + OFFSET * counted
    waiting = reads = blocks = 0
    for _ in range(3 * BLOCK // size + 3):
        loop.now += 1.0
        waiting += 1
        at += size
        if waiting * wire_size(payload) >= water.mark:
            reads += 1
            for _ in range(waiting):
                ready = gathering.take(bytes(size), end if counted else None)
                end += size
                if ready:
                    blocks += 1
                    water.await_more(gathering.missing, size, payload)
                else:
                    water.passed(payload)
            waiting = 0
        assert end // BLOCK == at // BLOCK
    # Before the first block nothing is known of the client's frames.
    assert reads <= blocks + BLOCK // size + 1


@pytest.mark.usefixtures("busy")
def test_frames_that_turn_out_smaller_or_larger_than_those_before_lower_the_mark() -> None:
    for size in (100, 500, 1_300, 4_000):
        loop, line = Loop(), Line()
        water = LowWater(line, Tide(loop), 32_000)  # type: ignore[arg-type]
        loop.now = 1.0
        water.await_more(BLOCK, AUDIO, AUDIO)
        for _ in range(7 * wire_size(AUDIO) // wire_size(size)):
            assert water.mark > 1
            water.passed(size)
        assert water.mark == 1
