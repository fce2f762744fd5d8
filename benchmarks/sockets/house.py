"""Sessions behind real sockets without a ledger, providers or a phrase: what hearing silence costs remains."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any, Final, Literal
from uuid import uuid4

from aiohttp import web

from actors.messages import AudioFinished
from actors.runtime.clock import SystemClock
from actors.runtime.system import ActorSystem
from actors.session.inputs import EngineName, Policy
from actors.session.ports import FlowWindow, Goodbye, SessionServices
from actors.values import VadSettings, Withheld
from balto.sessions import SessionHost
from balto.web.gathering import Gathering
from balto.web.lowwater import LowWater, Tide
from balto.web.parting import PartingSocket
from balto.web.silence import Silence
from balto.web.socket import read_frames
from balto.web.wire import Handshake
from benchmarks.live.wire import upgrade
from events.catalogue import Event
from events.store import Append, Appended

Manner = Literal["frames", "blocks", "rounds"]
"""How a server is woken: for each frame, for each complete block, or by the clock, for what is complete then."""
_HELLO: Final = {"api_key": "k", "protocol": 2, "offsets": True, "audio": {"encoding": "pcm_s16le"}}


class Sea(Tide):
    """A tide whose manner does not depend on the processor."""

    def __init__(self, loop: asyncio.AbstractEventLoop, manner: Manner) -> None:
        super().__init__(loop)
        self._manner = manner

    @property
    def busy(self) -> bool:
        """See `Tide.busy`."""
        return self._manner != "frames"

    @property
    def crowded(self) -> bool:
        """See `Tide.crowded`."""
        return self._manner == "rounds"


class Journal:
    """Keeps nothing, at once."""

    def submit(self, append: Append) -> asyncio.Future[Appended]:
        """Say that it is durable."""
        landed: asyncio.Future[Appended] = asyncio.get_running_loop().create_future()
        landed.set_result(Appended(stream_position=append.expected + len(append.events), position=1))
        return landed

    async def append(self, append: Append) -> Appended:
        """Say that it is durable."""
        return await self.submit(append)


class Nobody:
    """Takes what a session says, and engines that are never asked."""

    provider = engine = "nobody"
    model = "m"

    def publish(self, event: Event) -> None:
        """Drop it."""

    def close(self, reason: Goodbye) -> None:
        """Drop it."""


@dataclass
class House:
    """Open clients of a server in this process."""

    tide: Sea
    clients: list[socket.socket]
    served: list[int] = field(default_factory=list)
    """Numbers of the server's sockets."""
    opened: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(0))
    """Released with each of them."""


@contextlib.asynccontextmanager
async def sessions(manner: Manner, count: int) -> AsyncIterator[House]:
    """Serve so many clients, whose sockets are yielded, for the length of the block."""
    async with ActorSystem() as system:
        host = SessionHost(system, _services(), versions=dict, settings={}, max_sessions=count)
        house = House(Sea(asyncio.get_running_loop(), manner), [])
        app = web.Application()

        async def serve(request: web.Request) -> web.WebSocketResponse:
            return await _serve(request, host, house)

        app.router.add_get("/ws", serve)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        try:
            for _ in range(count):
                house.clients.append(await _connected(runner.addresses[0][1]))
            async with asyncio.timeout(30):
                for _ in range(count):
                    await house.opened.acquire()
            yield house
        finally:
            for client in house.clients:
                client.close()
            await runner.cleanup()


def _services() -> SessionServices:
    nobody: Any = Nobody()
    return SessionServices(
        journal=Journal(),
        transcribers=(nobody,),
        understandings=(nobody,),
        policy=Policy(
            transcribers=(EngineName("nobody", "m"),),
            understandings=(EngineName("nobody", "m"),),
            resolve=lambda *_: Withheld(reason="nothing_asked"),
        ),
        clock=SystemClock(),
        memory=nobody,
        new_id=uuid4,
        sample_resources=lambda: None,
        stt_budget_s=1.0,
        llm_budget_s=1.0,
    )


async def _serve(request: web.Request, host: SessionHost, house: House) -> web.WebSocketResponse:
    ws = PartingSocket(request, max_msg_size=1 << 22, autoping=False, compress=False)
    await ws.prepare(request)
    handshake, flow, nobody = Handshake.model_validate(_HELLO), FlowWindow(), Nobody()
    _, session = host.start(
        tenant="t",
        counter_id="c",
        outbox=nobody,
        flow=flow,
        vad=VadSettings(),
        audio=handshake.format,
        protocol=2,
        resumable=True,
    )
    gathering, silence = Gathering.of(handshake.format), Silence(ws)
    water = LowWater(request.transport, house.tide, gathering.bytes_per_s, silence.is_watched)
    if request.transport is not None:
        house.served.append(request.transport.get_extra_info("socket").fileno())
        house.opened.release()
    try:
        outbox: Any = nobody
        await read_frames(ws, session, flow, outbox, handshake, gathering, silence, water)
    finally:
        water.close()
        session.tell(AudioFinished("client_left"))
    return ws


async def _connected(port: int) -> socket.socket:
    loop, client = asyncio.get_running_loop(), socket.socket()
    client.settimeout(0)
    await loop.sock_connect(client, ("127.0.0.1", port))
    client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    await loop.sock_sendall(client, upgrade(f"ws://127.0.0.1:{port}/ws"))
    await loop.sock_recv(client, 4096)
    return client
