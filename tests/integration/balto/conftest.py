"""A whole Balto on a fresh database, with scripted speech-to-text and the real lexicon, behind its real routes."""

import dataclasses
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp.test_utils import TestClient, TestServer
from pydantic import SecretStr

from actors.basket.catalogue import BasketCatalogue
from actors.llm.lexicon import LexiconUnderstanding
from balto.app import Balto, open_balto
from balto.engines import Engines
from balto.settings import Settings
from balto.web.server import build_app
from tests import patience
from tests.fakes import FakeClock, ScriptedTranscriber
from tests.integration.balto.door import PASSWORD, Client, Registered, log_in, register
from tests.postgres import FURNISHED


@pytest.fixture
def postgres_template() -> str:
    return FURNISHED


@pytest.fixture(autouse=True)
def unhurried(monkeypatch: pytest.MonkeyPatch) -> None:
    patience.at_the_door(monkeypatch)


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def transcriber() -> ScriptedTranscriber:
    return ScriptedTranscriber("estou com dor de cabeça")


@pytest.fixture
def settings(postgres_url: str, tmp_path: Path) -> Settings:
    return Settings(
        _env_file=None,
        database_url=postgres_url,
        data_dir=tmp_path,
        admin_password=SecretStr(PASSWORD),
        trust_loopback=True,
        stt="local",
        llm="lexicon",
    )


@pytest.fixture
async def balto(
    settings: Settings, clock: FakeClock, transcriber: ScriptedTranscriber, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Balto]:
    def engines(_: Settings, baskets: BasketCatalogue, **_models: object) -> Engines:
        lexicon = LexiconUnderstanding(baskets.lexicon, baskets.version)
        return Engines(transcribers=(transcriber,), understandings=(lexicon,))

    monkeypatch.setattr("balto.app.build_engines", engines)
    async with open_balto(settings) as opened:
        yield dataclasses.replace(opened, clock=clock)


@pytest.fixture
async def client(balto: Balto) -> AsyncIterator[Client]:
    async with TestClient(TestServer(build_app(balto))) as opened:
        yield opened


@pytest.fixture
async def counter(client: Client) -> Registered:
    """Return a registered counter, the client being the administrator."""
    registered = await register(client)
    await log_in(client)
    return registered
