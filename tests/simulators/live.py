"""What the providers' simulated WebSockets share: faults to switch on, a record of streams, and when they answer."""

import asyncio
import json
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from aiohttp import WSMsgType, web

from tests.simulators.weather import Weather


class LiveFault(StrEnum):
    """What a provider may do instead of hearing well."""

    UNAUTHORISED = "unauthorised"
    """401 instead of an upgrade."""
    AUTH_ERROR = "auth_error"
    """Let in, and told in a frame that the key is no good."""
    QUOTA = "quota"
    RATE_LIMITED = "rate_limited"
    REFUSED = "refused"
    """Told in a frame that the audio or the request is malformed."""
    FAILED = "failed"
    """Told in a frame that the provider has failed."""
    THROTTLED = "throttled"
    """429 with Retry-After instead of an upgrade."""
    SERVER_ERROR = "server_error"
    """500 instead of an upgrade."""
    HTML = "html"
    """A page instead of an upgrade."""
    DROPPED = "dropped"
    """The connection is closed instead of an upgrade."""
    SLOW = "slow"
    """The upgrade never comes."""
    CUT_SHORT = "cut_short"
    """Closed, with an abnormal code, once some audio has come."""
    HUNG_UP = "hung_up"
    """Closed in good order once some audio has come."""
    BROKEN_OFF = "broken_off"
    """The connection is torn down when a text is asked for."""
    UNANSWERED = "unanswered"
    """Never answers when a text is asked for."""
    DRIPPING = "dripping"
    """Partial texts without end, never the final one."""
    BAD_JSON = "bad_json"
    NO_OBJECT = "no_object"
    """JSON, but a list."""
    MISSING_FIELDS = "missing_fields"
    """The final text's frame has nothing but its type."""
    EMPTY_TEXT = "empty_text"
    NUL = "nul"
    """A NUL in the final text, as JSON allows."""
    SURROGATE = "surrogate"
    """Half a surrogate pair in it, as JSON allows too."""


@dataclass
class LiveCall:
    """One stream that was let in."""

    options: Mapping[str, Sequence[str]]
    """Query parameters by name."""
    audio: bytearray = field(default_factory=bytearray)
    pieces: list[int] = field(default_factory=list)
    """Bytes of each piece of audio."""
    commits: list[int] = field(default_factory=list)
    """Bytes of audio at each of them."""
    ended: str | None = None
    """How the client left: `farewell`, `closed` or `gone`."""


@dataclass
class LiveSimulator(ABC):
    """A provider's WebSocket on loopback, added to the application that serves the rest of it.

    Attributes:
        key: the only key that is let in.
        text: what every segment is said to hold.
        model: the only one that is known.
        retry_after: value of the header with 429.
        fault: what to do instead of hearing well.
        weather: draws the latency and the faults of each commit where no fault is switched on.
        phrases: what phrases hold, chosen by the first sample of each; `text` where there are none.
        opened: connections asked for, refused ones included.
        calls: those that were let in.
        asked: set once a connection has been asked for.
        reached: set once audio has come.
        left: set once a client is gone.
    """

    key: str
    model: str
    text: str
    retry_after: str = "7"
    fault: LiveFault | None = None
    weather: Weather | None = None
    phrases: Sequence[str] = ()
    opened: int = 0
    calls: list[LiveCall] = field(default_factory=list)
    asked: asyncio.Event = field(default_factory=asyncio.Event)
    reached: asyncio.Event = field(default_factory=asyncio.Event)
    left: asyncio.Event = field(default_factory=asyncio.Event)
    stopping: asyncio.Event = field(default_factory=asyncio.Event)

    @abstractmethod
    def key_of(self, request: web.Request) -> str | None:
        """Return the key that a client shows."""

    @abstractmethod
    def flaw(self, options: Mapping[str, Sequence[str]]) -> str | None:
        """Return what is wrong with a stream's parameters."""

    @abstractmethod
    def greeting(self) -> Mapping[str, Any]:
        """Give the first frame."""

    @abstractmethod
    def trouble(self, fault: LiveFault | None) -> tuple[Mapping[str, Any], int]:
        """Give the frame that tells of a fault, and the code to close with."""

    @abstractmethod
    def partial(self, text: str) -> Mapping[str, Any]:
        """Give a frame with a text that may change."""

    @abstractmethod
    def finals(self, text: str) -> Sequence[dict[str, Any]]:
        """Give the frames of a final text."""

    @abstractmethod
    def read(self, message: str | bytes, call: LiveCall) -> str | None:
        """Take a client's frame; return `commit` or `farewell` where it is one."""

    @abstractmethod
    def farewell(self) -> Mapping[str, Any] | None:
        """Give the frame that answers a farewell; None where the provider has none."""

    async def serve(self, request: web.Request) -> web.StreamResponse:
        """Answer a request for a stream."""
        self.opened += 1
        self.asked.set()
        if self.key_of(request) != self.key:
            return web.json_response({"detail": f"{self.key_of(request)} is no key"}, status=401)
        refused = await self._instead_of_upgrade(request)
        if refused is not None:
            return refused
        options = {name: request.query.getall(name) for name in request.query}
        wrong = self.flaw(options)
        if wrong is not None:
            return web.json_response({"detail": wrong}, status=400)
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        call = LiveCall(options)
        self.calls.append(call)
        stopped = asyncio.ensure_future(self.stopping.wait())
        hearing = asyncio.ensure_future(self._hear(request, socket, call))
        try:
            await asyncio.wait([stopped, hearing], return_when=asyncio.FIRST_COMPLETED)
        finally:
            stopped.cancel()
            hearing.cancel()
            call.ended = call.ended or "gone"
            self.left.set()
        return socket

    async def _instead_of_upgrade(self, request: web.Request) -> web.StreamResponse | None:
        match self.fault:
            case LiveFault.UNAUTHORISED:
                return web.json_response({"detail": f"{self.key}: {self.text}"}, status=401)
            case LiveFault.THROTTLED:
                return web.json_response({}, status=429, headers={"retry-after": self.retry_after})
            case LiveFault.SERVER_ERROR:
                return web.json_response({"detail": self.text}, status=500)
            case LiveFault.HTML:
                return web.Response(text=f"<html>{self.text}</html>", content_type="text/html")
            case LiveFault.DROPPED:
                assert request.transport is not None
                request.transport.close()
                return web.Response()
            case LiveFault.SLOW:
                try:
                    await self.stopping.wait()
                finally:
                    self.left.set()
                return web.Response()
        return None

    async def _hear(self, request: web.Request, socket: web.WebSocketResponse, call: LiveCall) -> None:
        if self.fault in _TOLD:
            frame, code = self.trouble(self.fault)
            await socket.send_str(json.dumps(frame))
            await socket.close(code=code)
            return
        await socket.send_str(json.dumps(self.greeting()))
        async for message in socket:
            if message.type not in (WSMsgType.TEXT, WSMsgType.BINARY):
                break
            asked = self.read(message.data, call)
            if call.audio:
                self.reached.set()
            if asked == "farewell":
                call.ended = "farewell"
                answer = self.farewell()
                if answer is not None and self.fault is not LiveFault.UNANSWERED:
                    await socket.send_str(json.dumps(answer))
                    await socket.close()
                return
            if self.fault in (LiveFault.CUT_SHORT, LiveFault.HUNG_UP) and call.audio:
                await socket.close(code=1011 if self.fault is LiveFault.CUT_SHORT else 1000, message=b"goodbye")
                return
            if asked == "commit":
                call.commits.append(len(call.audio))
                await self._answer(request, socket, call)
        call.ended = "closed"

    async def _answer(self, request: web.Request, socket: web.WebSocketResponse, call: LiveCall) -> None:
        text = self.text
        if self.phrases:
            text = self.phrases[int.from_bytes(call.audio[:2], "little") % len(self.phrases)]
        frames = self.finals(text)
        match self.fault:
            case LiveFault.UNANSWERED:
                return
            case LiveFault.BROKEN_OFF:
                assert request.transport is not None
                request.transport.abort()
                return
            case LiveFault.DRIPPING:
                while not socket.closed:
                    await socket.send_str(json.dumps(self.partial(text)))
                    await asyncio.sleep(0.02)
                return
            case LiveFault.BAD_JSON:
                await socket.send_str('{"text": "' + text)
                return
            case LiveFault.NO_OBJECT:
                await socket.send_str(json.dumps([text]))
                return
            case LiveFault.MISSING_FIELDS:
                frames = [{name: value for name, value in f.items() if name in _TYPES} for f in frames]
            case LiveFault.EMPTY_TEXT:
                frames = self.finals("  ")
            case LiveFault.NUL | LiveFault.SURROGATE:
                unkeepable = "\0" if self.fault is LiveFault.NUL else "\ud83d"
                frames = self.finals(f"{text[:1]}{unkeepable}{text[1:]}")
            case None if self.weather is not None:
                latency_s, failing = self.weather.draw()
                await asyncio.sleep(latency_s)
                if failing:
                    frame, code = self.trouble(LiveFault.FAILED)
                    await socket.send_str(json.dumps(frame))
                    await socket.close(code=code)
                    return
        await socket.send_str(json.dumps(self.partial(text)))
        for frame in frames:
            await socket.send_str(json.dumps(frame))


_TOLD = frozenset({LiveFault.AUTH_ERROR, LiveFault.QUOTA, LiveFault.RATE_LIMITED, LiveFault.REFUSED, LiveFault.FAILED})
_TYPES = frozenset({"message_type", "type"})
