"""What the simulated speech providers share: faults to switch on, a record of calls, and a loopback server."""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from enum import StrEnum

from aiohttp import web
from aiohttp.test_utils import TestServer

from tests.simulators.live import LiveSimulator
from tests.simulators.weather import Weather


class Fault(StrEnum):
    """What a provider may do instead of answering well."""

    UNAUTHORISED = "unauthorised"
    THROTTLED = "throttled"
    OVERLOADED = "overloaded"
    SERVER_ERROR = "server_error"
    REFUSED = "refused"
    """The request is taken for malformed: 400 or 422, as the provider does."""
    SLOW = "slow"
    """No byte ever comes."""
    DRIPPING = "dripping"
    """Headers and a byte now and then, never the end."""
    DROPPED = "dropped"
    CUT_SHORT = "cut_short"
    """The connection is closed in the middle of the answer."""
    BAD_JSON = "bad_json"
    HTML = "html"
    NO_TEXT = "no_text"
    EMPTY_TEXT = "empty_text"
    MISSING_FIELDS = "missing_fields"
    """Text alone, without the fields that come with it."""
    NUL = "nul"
    """A NUL in the text and in a word, as JSON allows."""
    SURROGATE = "surrogate"
    """Half a surrogate pair in them, as JSON allows too."""


@dataclass(frozen=True, slots=True)
class Call:
    """A request that passed the provider's checks."""

    fields: dict[str, list[str]]
    audio: bytes


@dataclass
class SpeechSimulator(ABC):
    """A provider of speech-to-text on loopback.

    Attributes:
        key: the only key that is let in.
        text: what every phrase is said to hold.
        retry_after: value of the header with 429 and 503.
        latency_s: seconds before a good answer.
        fault: what to do instead of answering well; None for a good answer.
        weather: draws latency and faults of each call where no fault is switched on.
        phrases: what phrases hold, chosen by the first sample of each; `text` where there are none.
        requests: transcription requests so far, faulty ones included.
        connections: transports that requests came over.
        calls: those that passed the checks.
        reached: set once a request has passed the checks.
        left: set once a client has hung up on a silent answer.
    """

    key: str = "chave-do-simulador"
    text: str = "eu queria uma caixa de dipirona"
    retry_after: str = "7"
    latency_s: float = 0.0
    fault: Fault | None = None
    weather: Weather | None = None
    phrases: Sequence[str] = ()
    requests: int = 0
    connections: set[object] = field(default_factory=set)
    calls: list[Call] = field(default_factory=list)
    reached: asyncio.Event = field(default_factory=asyncio.Event)
    left: asyncio.Event = field(default_factory=asyncio.Event)
    _stopping: asyncio.Event = field(default_factory=asyncio.Event)

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[str]:
        """Serve on a free port of loopback; gives the base URL."""
        self._stopping.clear()
        self.live.stopping.clear()
        app = web.Application(client_max_size=64 * 1024 * 1024)
        self.add_routes(app)
        server = TestServer(app)
        await server.start_server()
        try:
            yield str(server.make_url("/")).rstrip("/")
        finally:
            self._stopping.set()
            self.live.stopping.set()
            await server.close()

    @property
    @abstractmethod
    def live(self) -> LiveSimulator:
        """The provider's WebSocket, served beside the rest, with the same key and texts at first."""

    @abstractmethod
    def add_routes(self, app: web.Application) -> None:
        """Add the provider's routes."""

    @abstractmethod
    def refusal(self, status: int) -> web.Response:
        """Answer with an error in the provider's own shape."""

    @abstractmethod
    def good_reply(self, text: str) -> dict[str, object]:
        """Give the body of a good answer."""

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """Answer a request that passed the checks, or act out the fault that is switched on or drawn."""
        self.reached.set()
        text, fault = self.text, self.fault
        if self.phrases and self.calls:
            first = int.from_bytes(self.calls[-1].audio[:2], "little")
            text = self.phrases[first % len(self.phrases)]
        if fault is None and self.weather is not None:
            latency_s, failing = self.weather.draw()
            await asyncio.sleep(latency_s)
            fault = Fault.SERVER_ERROR if failing else None
        match fault:
            case Fault.UNAUTHORISED:
                return self.refusal(401)
            case Fault.THROTTLED:
                return self.refusal(429)
            case Fault.OVERLOADED:
                return self.refusal(503)
            case Fault.SERVER_ERROR:
                return self.refusal(500)
            case Fault.REFUSED:
                return self.refusal(400)
            case Fault.SLOW | Fault.DRIPPING | Fault.DROPPED | Fault.CUT_SHORT:
                return await self._misbehave(request)
            case Fault.BAD_JSON:
                return web.Response(text='{"text": "' + self.text, content_type="application/json")
            case Fault.HTML:
                return web.Response(text=f"<html><body>{self.text}</body></html>", content_type="text/html")
        if self.latency_s:
            await asyncio.sleep(self.latency_s)
        return web.json_response(self._body(text))

    def _body(self, text: str) -> dict[str, object]:
        whole = self.good_reply(text)
        match self.fault:
            case Fault.NO_TEXT:
                return {name: value for name, value in whole.items() if name != "text"}
            case Fault.EMPTY_TEXT:
                return whole | {"text": "  ", "words": []}
            case Fault.MISSING_FIELDS:
                return {"text": text}
            case Fault.NUL | Fault.SURROGATE:
                unkeepable = "\0" if self.fault is Fault.NUL else "\ud83d"
                return self.good_reply(f"{text[:1]}{unkeepable}{text[1:]}")
        return whole

    async def _misbehave(self, request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"content-type": "application/json"})
        if self.fault is Fault.DROPPED:
            if request.transport is not None:
                request.transport.close()
            return response
        if self.fault in {Fault.DRIPPING, Fault.CUT_SHORT}:
            await response.prepare(request)
            await response.write(b'{"te' if self.fault is Fault.CUT_SHORT else b" ")
        if self.fault is Fault.CUT_SHORT:
            if request.transport is not None:
                request.transport.close()
            return response
        try:
            await self._stopping.wait()
        except asyncio.CancelledError:
            self.left.set()
            raise
        return response
