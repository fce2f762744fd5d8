"""The queries that the page for analysts shows run as it says: for an analyst's login, and over exported files."""

import re
from pathlib import Path
from uuid import uuid4

import asyncpg
import duckdb
import pytest

from projections.analysts import grant_analyst, revoke_analyst
from projections.bi import find_view
from projections.export_parquet import write_parquet
from projections.exports import Filters, open_export
from projections.projector import Projector
from tests.integration.projections.days import day
from tests.integration.projections.script import Ledger

PAGE = Path(__file__).parents[3] / "docs" / "bi.md"
QUERIES = re.findall(r"```sql\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)


@pytest.fixture
async def filled(ledger: Ledger, projector: Projector) -> Projector:
    for stream, tenant, us, event in day(7, sessions=6, phrases=6):
        await ledger.append(stream, tenant, event, at_us=us)
    await projector.catch_up()
    return projector


async def test_those_for_a_database_run_as_an_analyst(filled: Projector, postgres_url: str) -> None:
    login = f"analyst_{uuid4().hex}"
    await grant_analyst(postgres_url, "100000", login)
    analyst = await asyncpg.connect(postgres_url.replace("user=balto", f"user={login}"))
    queries = [query for query in QUERIES if ".parquet" not in query]
    try:
        answers = [
            await analyst.fetch(re.sub(r"\$__timeFilter\((\w+)\)", r"\1 BETWEEN '2000-01-01' AND now()", query))
            for query in queries
        ]
    finally:
        await analyst.close()
        await revoke_analyst(postgres_url, login)
    assert len(answers) == 6
    # None of the day's phrases took two seconds or more but by chance: that one may answer nothing.
    assert all(answer for query, answer in zip(queries, answers, strict=True) if "> 2000" not in query)


async def test_those_for_files_run_over_exported_files(filled: Projector, postgres_url: str, tmp_path: Path) -> None:
    queries = [query for query in QUERIES if ".parquet" in query]
    for name in sorted({name for query in queries for name in re.findall(r"'(\w+)\.parquet'", query)}):
        view = find_view(name)
        assert view is not None
        with (tmp_path / f"{name}.parquet").open("wb") as file:

            async def sink(data: bytes, write: object = file.write) -> None:
                write(data)  # type: ignore[operator]

            async with open_export(postgres_url, view, Filters()) as export:
                await write_parquet(export, sink)
    with duckdb.connect() as connection:
        connection.execute(f"SET file_search_path = '{tmp_path}'")
        answers = [connection.execute(query).fetchall() for query in queries]
    assert len(answers) == 3
    assert all(answers)
