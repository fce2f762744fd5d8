"""What clients send is read in rounds: all of it, in order, by whoever's turn it is; ends and errors are the loop's."""

import asyncio
import os
import socket
import struct
import sys
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from balto.web import rounds as module
from balto.web.rounds import Rounds
from tests.unit.balto.lines import Listener, connected, turns

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="epoll is Linux's")
Run = Callable[[Coroutine[Any, Any, None]], None]


def joined(listener: Listener, waits: Callable[[], bool] = lambda: True) -> Rounds:
    rounds = Rounds(asyncio.get_running_loop(), lambda: True)
    rounds.join(listener.number, listener.line, waits)
    return rounds


def test_several_clients_are_read_in_one_round(run: Run) -> None:
    async def scenario() -> None:
        async with connected() as (first, one), connected() as (second, other):
            rounds = joined(first)
            rounds.join(second.number, second.line, lambda: True)
            one.sendall(b"one")
            other.sendall(b"other")
            await first.until(3)
            assert second.read == [5]

    run(scenario())


def test_a_socket_in_the_rounds_does_not_wake_the_loop(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "ROUND_S", 3_600.0)

    async def scenario() -> None:
        async with connected() as (listener, client):
            rounds = joined(listener)
            client.sendall(b"first")
            await turns()
            assert listener.read == []
            # Whoever read too fast takes reading up again, and joins anew.
            listener.line.resume_reading()
            rounds.join(listener.number, listener.line, lambda: True)
            await turns()
            assert listener.read == []
            rounds.leave(listener.number, listener.line)
            await listener.until(5)
            client.sendall(b"second")
            await listener.until(11)

    run(scenario())


def test_more_than_a_round_reads_comes_in_the_next_ones_and_in_order(run: Run) -> None:
    async def scenario() -> None:
        async with connected() as (listener, client):
            joined(listener)
            client.settimeout(10)
            sent = os.urandom(1 << 20)
            await asyncio.get_running_loop().run_in_executor(None, client.sendall, sent)
            await listener.until(len(sent))
            assert listener.bytes == sent
            assert max(listener.read) <= 1 << 16

    run(scenario())


def test_nothing_is_read_while_nobody_waits_for_it(run: Run) -> None:
    async def scenario() -> None:
        waits = False
        asked = asyncio.Event()

        def waiting() -> bool:
            asked.set()
            return waits

        async with connected() as (listener, client):
            joined(listener, waiting)
            client.sendall(b"bytes")
            for _ in range(2):
                asked.clear()
                await asked.wait()
            assert listener.read == []
            waits = True
            await listener.until(5)

    run(scenario())


def test_who_hangs_up_is_heard_to_the_last_byte(run: Run) -> None:
    async def scenario() -> None:
        async with connected() as (listener, client):
            rounds = joined(listener)
            client.sendall(b"bytes")
            client.shutdown(socket.SHUT_WR)
            await listener.lost.wait()
            assert listener.bytes == b"bytes"
            assert len(rounds) == 0

    run(scenario())


def test_a_reset_is_the_loops_to_tell(run: Run) -> None:
    async def scenario() -> None:
        async with connected() as (listener, client):
            rounds = joined(listener)
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            client.close()
            await listener.lost.wait()
            assert len(rounds) == 0

    run(scenario())


def test_a_client_whose_bytes_cannot_be_read_or_who_ends_another_harms_no_neighbour(run: Run) -> None:
    async def scenario() -> None:
        async with connected() as (first, one), connected() as (second, other), connected() as (third, last):
            rounds = joined(first)
            for listener in (second, third):
                rounds.join(listener.number, listener.line, lambda: True)

            def fail(data: bytes) -> None:
                rounds.leave(second.number, second.line)
                raise ValueError(len(data))

            first.data_received = fail  # type: ignore[method-assign] # as a parser with a fault
            for client in (one, other, last):
                client.sendall(b"said")
            await first.lost.wait()
            await second.until(4)
            await third.until(4)
            assert len(rounds) == 1

    run(scenario())


def test_a_connection_closed_here_is_forgotten_though_another_takes_its_number(run: Run) -> None:
    async def scenario() -> None:
        async with connected() as (first, _):
            number, line = first.number, first.line
            rounds = joined(first)
            line.abort()
            await first.lost.wait()
        async with connected() as (second, client):
            # Whatever number it was given: the first one's is what the rounds remember.
            rounds.join(second.number, second.line, lambda: True)
            rounds.leave(number, line)
            client.sendall(b"bytes")
            await second.until(5)

    run(scenario())


def test_who_holds_reading_up_keeps_it_held_up(run: Run) -> None:
    async def scenario() -> None:
        async with connected() as (listener, client):
            rounds = joined(listener)
            listener._reading_paused = True
            rounds.leave(listener.number, listener.line)
            client.sendall(b"bytes")
            await turns()
            assert not listener.line.is_reading()
            listener.line.resume_reading()
            await listener.until(5)

    run(scenario())


def test_once_there_is_no_reason_for_rounds_all_are_the_loops_again(run: Run) -> None:
    async def scenario() -> None:
        reasons = iter([True, False])
        over = asyncio.Event()

        def worthwhile() -> bool:
            if not (reason := next(reasons)):
                over.set()
            return reason

        rounds = Rounds(asyncio.get_running_loop(), worthwhile)
        async with connected() as (first, one), connected() as (second, other):
            for listener in (first, second):
                rounds.join(listener.number, listener.line, lambda: True)
            await over.wait()
            assert len(rounds) == 0
            one.sendall(b"one")
            other.sendall(b"other")
            await first.until(3)
            await second.until(5)

    run(scenario())
