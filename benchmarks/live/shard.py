"""A process of the load generator: `python -m benchmarks.live.shard` takes a plan from standard input."""

import asyncio
import json
import sys
import time
from bisect import bisect_right
from collections.abc import Callable
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import orjson

from benchmarks.live.audio import TIMESLICE_MS, Recordings
from benchmarks.live.plan import LATE_S, RATE, Plan, Talk, Told
from benchmarks.live.wire import BINARY, CLOSE, PING, PONG, TEXT, Reader, frame, head, upgrade

_AHEAD_S: Final = 1.0
"""Before its audio begins, a client connects."""
_FAREWELL_S: Final = 60.0
"""After its audio has ended, a client waits for what the server still has to say."""
_LINGERS_S: Final = 3.0
"""After its audio has ended, a client of a server without a farewell stays."""
_RETRY_S: Final = 0.01

Source = Callable[[int], bytes]
"""Gives the bytes of a message by its number; none when the audio is over."""


class Client(asyncio.Protocol):
    """One client in real time: a message that is due is sent, whatever has become of those before.

    Args:
        plan: the shard's.
        talk: this client's.
        source: its messages.
        told: what came of it is written here.
    """

    def __init__(self, plan: Plan, talk: Talk, source: Source, told: Told) -> None:
        self._plan = plan
        self._source = source
        self._told = told
        self._balto = plan.dialect == "balto"
        self._hello = _hello(talk) if self._balto else None
        self._period = (TIMESLICE_MS if talk.kind == "webm" else talk.message_ms) / 1000
        self._messages = int(talk.seconds / self._period)
        self._begin = plan.start + talk.begin_s
        self._from, self._to = (plan.start + at for at in plan.window)
        self._reader = Reader()
        self._transport: asyncio.Transport
        self._sent = 0
        self._offset = 0
        self._offsets: list[int] = []
        self._acknowledged = 0
        self.over = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Ask for the socket."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        transport.write(upgrade(self._plan.url))
        self._at(self._begin + self._period)

    def data_received(self, data: bytes) -> None:
        """Note what the server says."""
        was_open = self._reader.opened
        try:
            frames = self._reader.feed(data)
        except ConnectionRefusedError as error:
            self._told.error = str(error)
            self._transport.close()
            return
        if not was_open and self._reader.opened and self._hello is not None:
            self._transport.write(frame(TEXT, self._hello))
        for opcode, payload in frames:
            if opcode == TEXT:
                self._hear(payload)
            elif opcode == PING:
                self._transport.write(frame(PONG, payload))
            elif opcode == CLOSE:
                self._told.close_code = int.from_bytes(payload[:2]) if payload else 1005
                self._transport.write(frame(CLOSE, payload[:2]))
                self._transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        """Be through."""
        if self._sent < self._messages and not self._told.error:
            self._told.error = f"closed after {self._sent} of {self._messages} messages: {exc or 'by the server'}"
        if not self.over.done():
            self.over.set_result(None)

    def _hear(self, payload: bytes) -> None:
        now = time.time()
        if payload.startswith(b'{"comando":"ack"'):
            self._acknowledge(orjson.loads(payload)["offset"], now)
            return
        message = orjson.loads(payload)
        match message.get("comando"):
            case "ready":
                self._told.session = message["session"]
            case "recomendar":
                self._told.received.append((message.get("id", ""), message.get("frase", 0), now))
            case _:
                return

    def _acknowledge(self, offset: int, now: float) -> None:
        if self._from <= now <= self._to:
            waiting = self._sent - bisect_right(self._offsets, self._acknowledged)
            self._told.behind_s = max(self._told.behind_s, waiting * self._period)
        self._acknowledged = offset

    def _at(self, when: float) -> None:
        loop = asyncio.get_running_loop()
        loop.call_at(loop.time() + when - time.time(), self._send)

    def _send(self) -> None:
        if self._transport.is_closing():
            return
        if not self._reader.opened:
            self._at(time.time() + _RETRY_S)
            return
        now = time.time()
        while self._sent < self._messages and (due := self._begin + (self._sent + 1) * self._period) <= now:
            self._send_one(now, now - due)
        if self._sent < self._messages:
            self._at(self._begin + (self._sent + 1) * self._period)
        else:
            self._say_farewell(now)

    def _send_one(self, now: float, late_s: float) -> None:
        payload, told = self._source(self._sent), self._told
        offset = self._offset.to_bytes(8) if self._balto else b""
        self._transport.write(head(BINARY, len(offset) + len(payload)) + offset + payload)
        self._offset += len(payload)
        self._offsets.append(self._offset)
        self._sent += 1
        told.messages += 1
        told.late += late_s > LATE_S
        told.worst_late_s = max(told.worst_late_s, late_s)
        told.sent_s += self._period
        if self._plan.note_sends:
            told.sends.append(now)

    def _say_farewell(self, now: float) -> None:
        if self._balto and now <= self._to:
            # What is still unacknowledged counts, too, where no further acknowledgement came in the window.
            self._acknowledge(self._acknowledged, now)
        loop = asyncio.get_running_loop()
        if self._balto:
            self._transport.write(frame(TEXT, b'{"tipo":"fim"}'))
            loop.call_later(_FAREWELL_S, self._transport.close)
        else:
            # Nothing tells when such a server has heard everything.
            loop.call_later(_LINGERS_S, self._transport.write, frame(CLOSE, (1000).to_bytes(2)))
            loop.call_later(2 * _LINGERS_S, self._transport.close)


def _hello(talk: Talk) -> bytes:
    encoding = "webm-opus" if talk.kind == "webm" else "pcm_s16le"
    hello = {"api_key": talk.key, "protocol": 2, "offsets": True, "audio": {"encoding": encoding}}
    return json.dumps(hello).encode()


def _source(recordings: Recordings, talk: Talk) -> Source:
    if talk.kind == "webm":
        data, ends = recordings.webm(talk.audio)
        return lambda number: data[ends[number - 1] if number else 0 : ends[number]]
    pcm, size = recordings.pcm, talk.message_ms * RATE // 1000 * 2
    first = talk.audio * 2

    def take(number: int) -> bytes:
        at = (first + number * size) % len(pcm)
        piece = pcm[at : at + size]
        return piece if len(piece) == size else piece + pcm[: size - len(piece)]

    return take


async def _talk(plan: Plan, talk: Talk, recordings: Recordings) -> Told:
    told = Told(number=talk.number)
    await asyncio.sleep(plan.start + talk.begin_s - _AHEAD_S - time.time())
    place = urlsplit(plan.url)
    assert place.hostname is not None
    assert place.port is not None
    source = _source(recordings, talk)
    try:
        _, client = await asyncio.get_running_loop().create_connection(
            lambda: Client(plan, talk, source, told), place.hostname, place.port
        )
        await client.over
    except OSError as error:
        told.error = str(error)
    return told


async def run(plan: Plan) -> list[Told]:
    """Let all of a plan's clients talk."""
    recordings = Recordings(Path(plan.folder))
    return await asyncio.gather(*(_talk(plan, talk, recordings) for talk in plan.talks))


if __name__ == "__main__":
    told = asyncio.run(run(Plan.of(json.load(sys.stdin))))
    spent = time.process_time()
    sys.stdout.write(json.dumps({"cpu_s": spent, "told": [each.as_json() for each in told]}))
