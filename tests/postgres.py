"""A real PostgreSQL for tests: one embedded server for the whole run, a fresh migrated database for each test.

`BALTO_TEST_BINARIES` names the folder of another PostgreSQL's programs to run them on.
"""

import asyncio
import contextlib
import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Coroutine, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from uuid import uuid4

import asyncpg
import pytest

from events.embedded import EmbeddedPostgres
from events.migrations import migrate
from events.postgres import PostgresStore
from events.sealing import MasterKeys
from projections.projector import Projector

MASTERS = MasterKeys({1: bytes(range(32))})
"""What the stores of tests seal with."""

_FOLDER = "BALTO_TEST_POSTGRES"
_BINARIES = os.environ.get("BALTO_TEST_BINARIES")
BARE = "balto_template_bare"
"""A migrated ledger."""
FURNISHED = "balto_template_furnished"
"""The same with every read model's tables and views, which take a second to make."""
_QUICK = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off", "max_connections": "200"}


def an_embedded_server(data_dir: Path, settings: Mapping[str, str] | None = None) -> EmbeddedPostgres:
    """Return a server that is not started, of the version that the run is for."""
    return EmbeddedPostgres(data_dir, settings, binaries=Path(_BINARIES) if _BINARIES else None)


def pytest_configure(config: pytest.Config) -> None:
    """Name one folder for all processes of the run; only the first of them, which has no worker input, does."""
    if not hasattr(config, "workerinput"):
        folder = Path(tempfile.mkdtemp(prefix="balto-tests-"))
        folder.chmod(0o755)  # the server's user must get in where tests run as root
        os.environ[_FOLDER] = str(folder)


def pytest_report_header() -> str | None:
    """Say which programs the run is on, where they are not the installed ones."""
    return _BINARIES and f"postgresql: {_BINARIES}"


def pytest_unconfigure(config: pytest.Config) -> None:
    """Remove the folder, after every process of the run has left the server."""
    if not hasattr(config, "workerinput") and _FOLDER in os.environ:
        shutil.rmtree(os.environ.pop(_FOLDER))


def _run[T](coroutine: Coroutine[None, None, T]) -> T:
    """Run a coroutine on a loop and thread of its own, beside whatever loop a test has."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, coroutine).result()


async def _make_templates(server: EmbeddedPostgres) -> None:
    connection = await asyncpg.connect(server.dsn)
    try:
        # Another worker of the same run may be at it: the lock is the session's, since DDL of databases needs that.
        await connection.execute("SELECT pg_advisory_lock(1)")
        for name, furnish in ((BARE, _migrate), (FURNISHED, _furnish)):
            if await connection.fetchval("SELECT true FROM pg_database WHERE datname = $1", name) is None:
                await connection.execute(f"CREATE DATABASE {name}_new")
                await furnish(server.dsn_of(f"{name}_new"))
                await connection.execute(f"ALTER DATABASE {name}_new RENAME TO {name}")
    finally:
        await connection.close()


async def _migrate(dsn: str) -> None:
    template = await asyncpg.connect(dsn)
    try:
        await migrate(template)
    finally:
        await template.close()


async def _furnish(dsn: str) -> None:
    await _migrate(dsn)
    await (await Projector.connect(dsn)).close()


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[EmbeddedPostgres]:
    """The run's embedded server, without fsync: what tests of durability need is a server of their own."""
    server = an_embedded_server(Path(os.environ[_FOLDER]), _QUICK)
    _run(server.start())
    try:
        _run(_make_templates(server))
        yield server
    finally:
        _run(server.stop())


@pytest.fixture
def postgres_template() -> str:
    """Return the name of the database that a test's is a copy of: `BARE`, unless a folder or file says `FURNISHED`."""
    return BARE


@pytest.fixture
async def postgres_url(postgres_server: EmbeddedPostgres, postgres_template: str) -> AsyncIterator[str]:
    """Address of a fresh, migrated database, dropped after the test."""
    async with fresh_database(postgres_server, postgres_template) as url:
        yield url


@contextlib.asynccontextmanager
async def fresh_database(postgres_server: EmbeddedPostgres, template: str) -> AsyncIterator[str]:
    """Yield the address of a copy of a template, dropped afterwards: for tests that need a second ledger."""
    name = f"test_{uuid4().hex}"
    connection = await asyncpg.connect(postgres_server.dsn)
    try:
        await connection.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
        yield postgres_server.dsn_of(name)
        await connection.execute(f"DROP DATABASE {name} WITH (FORCE)")
    finally:
        await connection.close()


@pytest.fixture
async def store(postgres_url: str) -> AsyncIterator[PostgresStore]:
    """A store on a fresh database."""
    store = await PostgresStore.connect(postgres_url, masters=MASTERS)
    try:
        yield store
    finally:
        await store.close()


async def divide(url: str, size: int) -> None:
    """Give an empty ledger partitions of so many events."""
    owner = await asyncpg.connect(url)
    try:
        await owner.execute(
            f"""
            DROP TABLE events_from_0;
            UPDATE head SET partition_size = {size}, partitioned_to = 0;
            SELECT ensure_partitions(0);
            """
        )
    finally:
        await owner.close()
