"""The commands for analysts, against a real database."""

import asyncio
import base64
import json
import os
import sys
from pathlib import Path
from uuid import uuid4

import asyncpg
import pytest
from pyarrow import parquet
from typer.testing import CliRunner, Result

from balto.cli.commands import app
from events.postgres import PostgresStore
from tests.integration.projections.days import day
from tests.integration.projections.script import Ledger
from tests.postgres import MASTERS


async def balto(*arguments: str) -> Result:
    return await asyncio.to_thread(CliRunner().invoke, app, list(arguments))


@pytest.fixture(autouse=True)
def as_operator(postgres_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("BALTO_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("BALTO_DATABASE_URL", postgres_url)


def names(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


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
    revoked = await balto("bi", "revoke", login, "--json")
    assert json.loads(revoked.stdout) == {"login": login, "tenant": None, "dropped": True}
    assert json.loads((await balto("bi", "list", "--json")).stdout) == []


async def test_a_token_is_made_listed_and_revoked() -> None:
    made = json.loads((await balto("counters", "add", "Balcão 1", "--email", "a@b.example", "--json")).stdout)
    token = json.loads((await balto("bi", "token", made["client"], "--label", "painel", "--json")).stdout)
    assert token["token"].startswith("bt_")
    listed = await balto("bi", "tokens", "--json")
    (row,) = json.loads(listed.stdout)
    assert (row["token_id"], row["tenant"], row["label"]) == (token["token_id"], made["client"], "painel")
    assert token["token"] not in listed.stdout
    revoked = await balto("bi", "revoke-token", token["token_id"], "--json")
    assert json.loads(revoked.stdout) == {"token_id": token["token_id"], "revoked": True}
    assert json.loads((await balto("bi", "tokens", "--json")).stdout) == []
    assert (await balto("bi", "revoke-token", token["token_id"])).exit_code == 1


async def test_read_models_are_written_to_files_named_by_form(tmp_path: Path) -> None:
    made = json.loads((await balto("counters", "add", "=Balcão", "--email", "a@b.example", "--json")).stdout)
    printed = await balto("export", "counters")
    assert printed.stdout.splitlines()[1].startswith(f"{made['counter_id']},{made['client']},'=Balcão,")
    for form in ("csv", "json", "parquet", "xlsx"):
        file = tmp_path / f"counters.{form}"
        told = json.loads((await balto("export", "counters_v1", "-o", str(file), "--json")).stdout)
        assert told == {"view": "counters_v1", "position": 4, "file": str(file)}
    assert json.loads((tmp_path / "counters.json").read_text())[0]["name"] == "=Balcão"
    assert parquet.read_table(tmp_path / "counters.parquet").column("name").to_pylist() == ["=Balcão"]
    assert (tmp_path / "counters.csv").read_text() == printed.stdout
    assert {name for name in names(tmp_path) if "counters" in name} == {
        f"counters.{form}" for form in ("csv", "json", "parquet", "xlsx")
    }


async def test_what_cannot_be_exported_is_one_line_and_leaves_no_file(tmp_path: Path) -> None:
    for arguments in (
        ("nothing",),
        ("clients", "--counter", "c"),
        ("clients", "-o", "/nowhere/at/all.csv"),
        ("clients", "--format", "xlsx"),
        ("clients", "-o", str(tmp_path / "clients.txt")),
    ):
        refused = await balto("export", *arguments)
        assert refused.exit_code == 1
        assert refused.stderr.count("\n") == 1
    told = "clients.txt does not say what to write: end it in .csv, .json, .parquet, .xlsx, or give --format\n"
    assert refused.stderr.endswith(told)
    assert (await balto("export", "clients", "-o", str(tmp_path / "clients.TXT"), "--format", "csv")).exit_code == 0
    assert [name for name in names(tmp_path) if name.lower() == "clients.txt"] == ["clients.TXT"]
    assert not [name for name in names(tmp_path) if name.endswith(".part")]


async def test_a_full_disk_behind_standard_output_is_one_line() -> None:
    full = os.open("/dev/full", os.O_WRONLY)
    try:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "balto", "export", "clients", stdout=full, stderr=asyncio.subprocess.PIPE
        )
        _, told = await process.communicate()
    finally:
        os.close(full)
    assert told.decode() == "balto: standard output cannot be written: No space left on device\n"
    assert process.returncode == 1


async def test_what_cannot_be_granted_is_one_line() -> None:
    for arguments in (("grant", "000000", "ana"), ("grant", "000000", "Ana Maria"), ("revoke", "ana")):
        refused = await balto("bi", *arguments)
        assert refused.exit_code == 1
        assert refused.stderr.count("\n") == 1


async def test_reports_are_pages_of_what_was_heard(
    postgres_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BALTO_MASTER_KEY", base64.b64encode(bytes(range(32))).decode())
    store = await PostgresStore.connect(postgres_url, masters=MASTERS)
    ledger = Ledger(store)
    for stream, tenant, us, event in day(5, sessions=2):
        await ledger.append(stream, tenant, event, at_us=us)
    await store.close()
    for name, drawn in (
        ("latency", 'class="bar'),
        ("biometrics", "Mean pitch, Balcão 1"),
        ("cost", "<td>transcription</td>"),
        ("advice", "% accepted"),
    ):
        file = tmp_path / f"{name}.html"
        made = await balto("report", name, "--html", str(file))
        assert made.exit_code == 0, made.stderr
        assert drawn in file.read_text(encoding="utf-8")
        empty = await balto("report", name, "--html", str(file), "--until", "2001-01-01")
        assert empty.exit_code == 0
        assert drawn not in file.read_text(encoding="utf-8")
