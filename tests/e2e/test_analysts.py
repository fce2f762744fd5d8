"""The commands for analysts, against a real database."""

import asyncio
import json
from pathlib import Path
from uuid import uuid4

import asyncpg
import pytest
from click.testing import Result
from typer.testing import CliRunner

from balto.cli import app


async def balto(*arguments: str) -> Result:
    return await asyncio.to_thread(CliRunner().invoke, app, list(arguments))


@pytest.fixture(autouse=True)
def as_operator(postgres_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("BALTO_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("BALTO_DATABASE_URL", postgres_url)


async def test_an_analyst_is_made_listed_and_taken_away(postgres_url: str) -> None:
    made = json.loads((await balto("counters", "add", "Balcão 1", "--email", "a@b.example", "--json")).stdout)
    login = f"ana_{uuid4().hex}"
    granted = json.loads((await balto("bi", "grant", made["client"], login, "--json")).stdout)
    assert (granted["login"], granted["tenant"]) == (login, made["client"])
    assert len(granted["password"]) == 32
    again = await balto("bi", "grant", made["client"], login)
    assert again.stdout == f"{login} sees the rows of {made['client']}\n"
    await balto("projections", "list")
    analyst = await asyncpg.connect(postgres_url.replace("user=balto", f"user={login}"))
    assert [row["name"] for row in await analyst.fetch("SELECT name FROM counters_v1")] == ["Balcão 1"]
    await analyst.close()
    (row,) = json.loads((await balto("bi", "list", "--json")).stdout)
    assert (row["login"], row["tenant"]) == (login, made["client"])
    assert (await balto("bi", "revoke", login)).stdout == f"dropped {login}\n"
    assert json.loads((await balto("bi", "list", "--json")).stdout) == []


async def test_what_cannot_be_granted_is_one_line() -> None:
    for arguments in (("grant", "000000", "ana"), ("grant", "000000", "Ana Maria"), ("revoke", "ana")):
        refused = await balto("bi", *arguments)
        assert refused.exit_code == 1
        assert refused.stderr.count("\n") == 1
