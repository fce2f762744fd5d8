"""A ledger, a projector on it and the rows of its read models."""

from collections.abc import AsyncIterator

import asyncpg
import pytest

from events.postgres import PostgresStore
from projections.projection import standard
from projections.projector import Projector
from tests import patience
from tests.integration.projections.script import Ledger
from tests.postgres import FURNISHED

type Rows = dict[str, list[tuple[object, ...]]]


@pytest.fixture
def postgres_template() -> str:
    return FURNISHED


@pytest.fixture(autouse=True)
def unhurried(monkeypatch: pytest.MonkeyPatch) -> None:
    patience.with_the_database(monkeypatch)


@pytest.fixture
def ledger(store: PostgresStore) -> Ledger:
    return Ledger(store)


@pytest.fixture
async def projector(store: PostgresStore, postgres_url: str) -> AsyncIterator[Projector]:
    projector = await Projector.connect(postgres_url)
    try:
        yield projector
    finally:
        await projector.close()


@pytest.fixture
def pool(projector: Projector) -> asyncpg.Pool:
    return projector.pool


async def all_rows(pool: asyncpg.Pool) -> Rows:
    """Return every row of every read model."""
    return {
        projection.name: [
            tuple(row) for row in await pool.fetch(f"SELECT * FROM projections.{projection.name} t ORDER BY t::text")
        ]
        for projection in standard()
    }
