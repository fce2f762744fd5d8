"""A whole Balto on a real port and a real PostgreSQL, with scripted ears where a test needs no others."""

import asyncio
import contextlib
import functools
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import aiohttp
import orjson
import pytest

from actors.basket.catalogue import load_baskets
from actors.llm.lexicon import LexiconUnderstanding
from actors.llm.understanding import Understanding
from actors.stt.live import LiveEars
from actors.stt.router import RoutingPolicy
from actors.stt.streaming import StreamingTranscriber
from actors.stt.transcriber import Transcriber
from balto.accounts import register_client, register_counter
from balto.app import Balto, open_balto
from balto.engines import Engines
from balto.settings import Settings
from balto.web.server import serving
from events.catalogue import Event
from events.envelope import RecordedEvent
from tests import patience
from tests.fakes import ScriptedTranscriber
from tests.postgres import FURNISHED

END = orjson.dumps({"tipo": "fim"}).decode()
UNHURRIED: dict[str, Any] = {
    "stt_budget_s": 120.0,
    "stt_hedge_s": 60.0,
    "llm_budget_s": 120.0,
    "llm_hedge_s": 60.0,
    "handshake_timeout_s": 60.0,
}
"""A house's patience with its engines, unless a test is about that: who answers is not to be the machine's load's."""


@dataclass
class House:
    """A running server and what a test needs of it."""

    balto: Balto
    url: str
    key: str
    counter_id: str

    @property
    def socket_url(self) -> str:
        return f"{self.url}/ws"

    async def recorded(self, session_id: str) -> list[RecordedEvent]:
        return [event async for event in self.balto.library.store.read_stream(f"session-{session_id}")]

    async def ended(self, number: int = 1) -> list[list[RecordedEvent]]:
        """Wait until so many sessions have ended, and return their events, the oldest session first."""
        async with asyncio.timeout(60):
            while True:
                ends = [e async for e in self.balto.library.store.read_all(types=("SessionEnded",))]
                if len(ends) >= number:
                    return [await self.recorded(e.stream.removeprefix("session-")) for e in ends]
                await asyncio.sleep(0.02)


@dataclass
class Conversation:
    """What came back over one connection."""

    messages: list[dict[str, Any]] = field(default_factory=list)
    close_code: int | None = None

    def of(self, command: str) -> list[dict[str, Any]]:
        return [message for message in self.messages if message["comando"] == command]


Open = Callable[..., AbstractAsyncContextManager[House]]


@pytest.fixture
def postgres_template() -> str:
    return FURNISHED


@pytest.fixture(autouse=True)
def unhurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take no engine for ill because the machine is busy; `UNHURRIED` has what is a setting of that."""
    patience.at_the_door(monkeypatch)
    patient = RoutingPolicy(patience_s=60.0, last_resort_s=60.0)
    monkeypatch.setattr("balto.routing.RoutingPolicy", functools.partial(replace, patient))
    monkeypatch.setattr("balto.routing.LiveEars", functools.partial(LiveEars, patience_s=60.0))


@pytest.fixture
def open_house(postgres_url: str, tmp_path: Path) -> Open:
    @contextlib.asynccontextmanager
    async def open_one(
        *ears: Transcriber,
        heads: tuple[Understanding, ...] = (),
        streaming: StreamingTranscriber | None = None,
        client_email: str = "a@b.example",
        **settings: Any,
    ) -> AsyncIterator[House]:
        chosen = Settings(
            _env_file=None,
            port=0,
            data_dir=tmp_path,
            stt="local",
            **{"database_url": postgres_url, **UNHURRIED, **settings},
        )
        baskets = load_baskets(chosen.baskets)
        engines = Engines(
            transcribers=ears or (ScriptedTranscriber(),),
            understandings=(*heads, LexiconUnderstanding(baskets.lexicon, baskets.version)),
            streaming=streaming,
        )
        async with open_balto(chosen, engines=engines) as balto, serving(balto) as url:
            code = await register_client(balto.library.store, email=client_email, legal_name="Farmácia")
            counter_id, key = await register_counter(balto.library.store, code, "Balcão 1")
            yield House(balto, url, key, counter_id)
            await assert_read_models_are_sound(balto)

    return open_one


async def assert_read_models_are_sound(balto: Balto) -> None:
    """Whatever a test did: every read model equals its rebuild, byte for byte."""
    projector = balto.library.projector
    await projector.catch_up()
    assert [one for one in await projector.verify() if not one.sound] == []


@pytest.fixture
async def house(open_house: Open) -> AsyncIterator[House]:
    async with open_house() as house:
        yield house


async def converse(
    house: House, data: bytes, *, chunk: int = 3_200, finish: bool = True, linger: bool = True, **hello: Any
) -> Conversation:
    """Shake hands, send audio in chunks, and collect what comes back until the connection closes."""
    conversation = Conversation()
    first = {"api_key": house.key, **hello}
    async with aiohttp.ClientSession() as http, http.ws_connect(house.socket_url, max_msg_size=0) as ws:
        await ws.send_str(orjson.dumps(first).decode())
        with contextlib.suppress(ConnectionError):
            for at in range(0, len(data), chunk):
                await ws.send_bytes(data[at : at + chunk])
            if finish:
                await ws.send_str(END)
        if linger:
            async for frame in ws:
                if frame.type is aiohttp.WSMsgType.TEXT:
                    conversation.messages.append(orjson.loads(frame.data))
        else:
            await ws.close()
        conversation.close_code = ws.close_code
    return conversation


def of_type[E: Event](recorded: list[RecordedEvent], kind: type[E]) -> list[E]:
    return [r.event for r in recorded if isinstance(r.event, kind)]
