"""Projectors and reports in trouble: lost connections, a database that is away or hangs."""

import asyncio
import contextlib
import os
import random
import signal
from pathlib import Path

import asyncpg
import pytest

from events.store import StoreUnavailableError
from projections import reports
from projections.database import open_pool
from projections.following import Followed
from projections.projector import Projector
from tests.integration.projections.models import TALLY, tally
from tests.integration.projections.script import Ledger
from tests.integration.projections.test_projector import write


async def test_a_running_projector_survives_losing_its_connections(ledger: Ledger, postgres_url: str) -> None:
    own = await open_pool(postgres_url)
    observer = await asyncpg.connect(postgres_url)
    projector = Projector(own, [TALLY])
    await projector.install()
    running = asyncio.create_task(projector.run(poll_s=0.001))
    written = len(await write(ledger, 9))
    killed = await observer.fetch(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE datname = current_database() AND application_name = 'balto projections'"
    )
    written += len(await write(Ledger(ledger.store, ids=random.Random(2)), 10))
    while await tally(observer) < written:
        assert not running.done()
    running.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await running
    assert killed
    assert await tally(observer) == written
    await observer.close()
    await own.close()


async def test_a_database_that_is_away_is_said_so(tmp_path: Path) -> None:
    with pytest.raises(StoreUnavailableError):
        await Projector.connect(f"postgresql:///balto?host={tmp_path}&user=postgres")


async def test_a_running_projector_survives_whatever_goes_wrong_in_a_round(
    ledger: Ledger, pool: asyncpg.Pool, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    projector = Projector(pool, [TALLY])
    await projector.install()
    sound, failures = projector._round, iter([KeyError("segredo"), RuntimeError("segredo")])

    async def stumbling() -> Followed:
        for failure in failures:
            raise failure
        return await sound()

    monkeypatch.setattr(projector, "_round", stumbling)
    written = len(await write(ledger, 9))
    running = asyncio.create_task(projector.run(poll_s=0.001))
    while await tally(pool) < written:
        assert not running.done()
    running.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await running
    assert "projections wait: KeyError" in caplog.text
    assert "segredo" not in caplog.text


async def test_a_report_gives_up_on_a_server_that_hangs(
    projector: Projector, pool: asyncpg.Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("projections.database.QUERY_TIMEOUT_S", 0.2)
    async with pool.acquire() as connection:
        backends = [
            row["pid"]
            for row in await connection.fetch(
                "SELECT pid FROM pg_stat_activity WHERE datname = current_database()"
                " AND application_name = 'balto projections'"
            )
        ]
    for pid in backends:
        os.kill(pid, signal.SIGSTOP)
    try:
        with pytest.raises(StoreUnavailableError):
            await reports.counters(pool)
    finally:
        for pid in backends:
            os.kill(pid, signal.SIGCONT)
