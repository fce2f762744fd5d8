"""A connection to the socket, as a client holds it: what is sent, what comes back, how it ends."""

import contextlib
import json
import socket
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import aiohttp

from tests.api_suite.suite import Failed, expect
from tests.api_suite.visit import AFAR, Visit

FIM = {"tipo": "fim"}
_OFFSET_BYTES = 8


@dataclass(slots=True)
class Line:
    """One connection."""

    ws: aiohttp.ClientWebSocketResponse
    visit: Visit
    messages: list[dict[str, Any]] = field(default_factory=list)
    code: int | None = None
    reason: str = ""

    async def say(self, message: Any) -> None:
        """Send a text frame; a string goes as it is."""
        text = message if isinstance(message, str) else json.dumps(message)
        self.visit.note(f"→ {text}")
        await self.ws.send_str(text)

    async def send(self, data: bytes, *, chunk: int = 3_200, start: int | None = None) -> None:
        """Send audio in frames, each with its offset from `start` on if that is given; a closed line ends it."""
        self.visit.note(
            f"→ {len(data)} bytes of audio in frames of {chunk}{'' if start is None else f', from {start}'}"
        )
        with contextlib.suppress(ConnectionError, aiohttp.ClientError):
            for at in range(0, len(data), chunk):
                offset = b"" if start is None else (start + at).to_bytes(_OFFSET_BYTES)
                await self.ws.send_bytes(offset + data[at : at + chunk])

    async def next(self) -> dict[str, Any] | None:
        """Return the next message; None at the end, with `code` and `reason` set."""
        frame = await self.ws.receive()
        if frame.type is aiohttp.WSMsgType.TEXT:
            message: dict[str, Any] = json.loads(frame.data)
            self.messages.append(message)
            shown = json.dumps(message, ensure_ascii=False)
            if message.get("comando") != "ack":
                self.visit.note(f"← {shown}")
            return message
        if frame.type is aiohttp.WSMsgType.CLOSE:
            self.code, self.reason = frame.data, frame.extra or ""
        else:
            self.code = self.ws.close_code
        self.visit.note(f"← closed: {self.code} {self.reason}".rstrip())
        return None

    async def until(self, command: str) -> dict[str, Any]:
        """Return the next message of a kind.

        Raises:
            Failed: the server closed first.
        """
        while (message := await self.next()) is not None:
            if message["comando"] == command:
                return message
        raise Failed(f"closed with {self.code} before `{command}`")

    def cut(self) -> None:
        """Break the line as a lost network does: no close frame is sent."""
        transport = self.ws.get_extra_info("socket")
        transport.shutdown(socket.SHUT_RDWR)

    async def rest(self) -> list[dict[str, Any]]:
        """Read to the end and return every message of the connection."""
        while await self.next() is not None:
            pass
        return self.messages

    def of(self, command: str) -> list[dict[str, Any]]:
        """Return the messages of a kind so far."""
        return [message for message in self.messages if message["comando"] == command]

    async def closes_with(self, code: int) -> None:
        """Read to the end and expect this code."""
        await self.rest()
        expect(self.code == code, f"closed with {self.code} {self.reason!r}, not {code}")


@contextlib.asynccontextmanager
async def line(visit: Visit, hello: Any = None, *, protocols: Sequence[str] = (), **fields: Any) -> AsyncIterator[Line]:
    """Connect and say a first frame: the one that is given, or a handshake with the first counter's key and `fields`.

    With `hello=""` nothing is said.
    """
    async with visit.http.ws_connect(
        visit.socket_url, max_msg_size=0, protocols=protocols, headers=AFAR, autoclose=True
    ) as ws:
        one = Line(ws, visit)
        if hello != "":
            await one.say({"api_key": visit.counters[0].key, **fields} if hello is None else hello)
        yield one


async def ready(one: Line) -> dict[str, Any]:
    """Return the `ready` of a connection, having noted its session."""
    message = await one.until("ready")
    if message["session"] not in one.visit.sessions:
        one.visit.sessions.append(message["session"])
    return message
