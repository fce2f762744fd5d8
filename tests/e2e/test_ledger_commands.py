"""The ledger's commands over a real database: verify, erase, status, holds, retention, export, import, copy."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import asyncpg
import pytest
from typer.testing import CliRunner, Result

from balto.cli.commands import app
from events.catalogue import SessionEnded, TranscriptionReceived
from events.embedded import EmbeddedPostgres
from events.postgres import PostgresStore
from events.sealing import MasterKeys
from events.store import Append, RecordingChunk
from projections.projection import standard
from tests.events_at_hand import new_event

SESSION = "01890000-0000-7000-8000-000000000001"
STREAM = f"session-{SESSION}"
CANARY = "losartana cinquenta"
SAID = TranscriptionReceived(
    phrase=3, provider="local", model="base", text=CANARY, confidence=0.5, latency_ms=41.25, cost_usd=0.0
)
CLEARED = {"cleared": ["keys", "recordings", "snapshots"], "left": [], "reason": None, "todo": None}
ENDED = SessionEnded(reason="client_finished", bytes_received=5, samples=5, phrases=0, recommendations=0)


@pytest.fixture
async def home(postgres_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Settings of a machine of its own, over the test's database with one session in it."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("BALTO_DATABASE_URL", postgres_url)
    monkeypatch.setenv("BALTO_DATA_DIR", str(tmp_path))
    store = await PostgresStore.connect(postgres_url, masters=MasterKeys.load(tmp_path / "master.key"))
    chunk = RecordingChunk(byte_start=0, data=b"audio")
    events = [new_event(), new_event(SAID), new_event(ENDED)]
    await store.append(Append(stream=STREAM, tenant="t", events=events, recordings=[chunk]))
    await store.append(Append(stream="other", tenant="t", events=[new_event()]))
    await store.close()
    return tmp_path


@pytest.fixture
async def elsewhere(postgres_server: EmbeddedPostgres) -> AsyncIterator[str]:
    name = f"other_{uuid4().hex}"
    connection = await asyncpg.connect(postgres_server.dsn)
    await connection.execute(f"CREATE DATABASE {name}")
    yield postgres_server.dsn_of(name)
    await connection.execute(f"DROP DATABASE {name} WITH (FORCE)")
    await connection.close()


async def balto(*arguments: str, stdin: str | None = None) -> Result:
    """Run a command as a process would, on a loop of its own."""
    return await asyncio.to_thread(CliRunner().invoke, app, list(arguments), input=stdin)


async def told(*arguments: str) -> Any:
    result = await balto(*arguments, "--json")
    assert result.exit_code == 0, result.stderr
    return json.loads(result.stdout)


def drafts(folder: Path) -> list[str]:
    """Return the names of files that are not whole yet."""
    return [path.name for path in folder.iterdir() if ".part" in path.name]


async def test_a_whole_ledger_is_verified(home: Path) -> None:
    found = await told("verify")
    assert (found["whole"], found["events"], found["streams"], found["flaws"]) == (True, 4, 2, [])
    assert {row["lag"] for row in found["read_models_behind"]} == {4}
    await told("sessions")
    assert (await told("verify"))["read_models_behind"] == []
    models = len(standard())
    whole = f"4 events in 2 streams: whole\n{models} of {models} read models equal their rebuild\n"
    assert (await balto("verify")).stdout == whole
    assert (await balto("verify", "--ledger-only")).stdout == "4 events in 2 streams: whole\n"


async def test_a_read_model_that_is_not_what_its_events_make_of_it_is_named(home: Path, postgres_url: str) -> None:
    await told("sessions")
    owner = await asyncpg.connect(postgres_url)
    await owner.execute("UPDATE projections.sessions SET phrases = phrases + 1")
    await owner.close()
    result = await balto("verify")
    assert result.exit_code == 1
    assert result.stderr == (
        "balto: read model sessions is not what its events make of it: 1 rows are missing or other, 1 too many or other"
        " (`balto projections rebuild sessions`)\n"
    )
    assert (await balto("projections", "rebuild", "sessions")).exit_code == 0
    assert {one["name"]: one["sound"] for one in (await told("verify"))["read_models"]}["sessions"]


async def test_an_event_that_stops_a_read_model_is_shown_and_can_be_skipped(home: Path, postgres_url: str) -> None:
    owner = await asyncpg.connect(postgres_url)
    await told("projections", "list")
    await owner.execute(
        "UPDATE projections.checkpoints SET position = 2, stopped_at = 3, reason = 'told so' WHERE name = 'sessions'"
    )
    shown = {row["name"]: row for row in await told("projections", "status")}
    assert (shown["sessions"]["state"], shown["sessions"]["stopped_at"]) == ("stopped", 3)
    assert (shown["clients"]["state"], shown["clients"]["reason"]) == ("live", None)
    refused = await balto("projections", "skip", "sessions", "2")
    assert (refused.exit_code, refused.stderr) == (
        1,
        "balto: sessions is not stopped at event 2 (`balto projections status` shows what is stopped, and where)\n",
    )
    assert (await balto("projections", "skip", "sessions", "3")).stdout == "sessions leaves out event 3 (told so)\n"
    assert "sessions leaves out on purpose: 3" in (await balto("projections", "status")).stdout
    (left,) = [row for row in await told("projections", "status") if row["name"] == "sessions"]
    assert (left["state"], left["lag"], left["skipped"]) == ("live", 0, [3])
    await owner.close()


async def test_a_flaw_is_named_and_the_exit_code_tells(home: Path, postgres_url: str) -> None:
    owner = await asyncpg.connect(postgres_url)
    await owner.execute("SET session_replication_role = replica; UPDATE events SET elapsed_us = 0 WHERE position = 2")
    await owner.close()
    result = await balto("verify")
    assert result.exit_code == 1
    assert result.stderr == "balto: event 2 was changed, or follows another\n"
    as_json = await balto("verify", "--json")
    assert (as_json.exit_code, json.loads(as_json.stdout)["flaws"][0]["position"]) == (1, 2)


async def test_erasing_asks_and_then_nothing_personal_is_left(home: Path) -> None:
    refused = await balto("erase", SESSION, stdin="n\n")
    assert refused.exit_code == 1
    assert CANARY in (await balto("events", "--stream", SESSION, "--json")).stdout
    erased = await told("erase", SESSION, "--yes", "--reason", "asked for")
    assert erased == {"stream": STREAM, "position": 5, "residue": CLEARED}
    assert CANARY not in (await balto("events", "--stream", SESSION, "--json")).stdout
    assert (await told("store", "status"))["erased_streams"] == 1
    missing = await balto("erase", "nobody", "--yes")
    assert (missing.exit_code, missing.stderr) == (
        1,
        "balto: there is no session nobody (`balto sessions` lists them)\n",
    )


async def test_status_says_what_there_is(home: Path) -> None:
    found = await told("store", "status")
    assert (found["last_position"], found["streams"], found["keys"], found["recordings"]) == (4, 2, 1, 1)
    assert (found["recording_bytes"], found["masters"], len(found["partitions"])) == (5, [1], 1)
    assert "last position 4; 2 streams" in (await balto("store", "status")).stdout


async def test_a_hold_keeps_and_a_lifted_one_does_not(home: Path) -> None:
    made = await told("store", "hold", "add", "--stream", SESSION, "--reason", "a court asked")
    held = await balto("erase", SESSION, "--yes")
    assert (held.exit_code, held.stderr) == (1, "balto: the stream is on legal hold\n")
    assert [row["stream"] for row in await told("store", "hold", "list")] == [STREAM]
    assert (await balto("store", "hold", "remove", str(made["id"]))).exit_code == 0
    assert (await balto("store", "hold", "remove", str(made["id"]))).exit_code == 1
    assert await told("store", "hold", "list") == []
    assert len(await told("store", "hold", "list", "--all")) == 1
    assert (await balto("erase", SESSION, "--yes")).exit_code == 0


async def test_young_audio_is_kept_and_old_audio_goes(home: Path, postgres_url: str) -> None:
    assert (await told("store", "retain", "--recordings-older-than", "1"))["recordings"]["streams"] == 0
    owner = await asyncpg.connect(postgres_url)
    await owner.execute("UPDATE recordings SET recorded_at = now() - interval '3 days'")
    await owner.close()
    done = await told("store", "retain", "--recordings-older-than", "1")
    assert done["recordings"] == {"streams": 1, "bytes": 5, "residue": {**CLEARED, "cleared": ["recordings"]}}
    assert '"RecordingsExpired"' in (await balto("events", "--stream", SESSION, "--json")).stdout
    assert (await balto("store", "retain")).exit_code == 1


async def test_partitions_go_to_the_archive_and_come_back(home: Path, postgres_url: str) -> None:
    pytest.importorskip("pyarrow", reason="Parquet needs the extra `export`")
    owner = await asyncpg.connect(postgres_url)
    # Four events, nine days old, fill a partition; the next one is there for what follows.
    await owner.execute(
        """
        SET session_replication_role = replica;
        UPDATE events SET recorded_at = recorded_at - interval '9 days';
        ALTER TABLE events DETACH PARTITION events_from_0;
        ALTER TABLE events ATTACH PARTITION events_from_0 FOR VALUES FROM (0) TO (5);
        UPDATE head SET partitioned_to = 5, partition_size = 5;
        SELECT ensure_partitions(5);
        """
    )
    await owner.close()
    before = (await balto("events", "--json")).stdout
    assert await told("store", "index") == ["events_from_0_by_type", "events_from_0_by_data"]
    assert (await balto("store", "index")).stdout == "every full partition has its indexes\n"
    (done,) = (await told("store", "retain", "--events-older-than", "1"))["partitions"]
    assert (done["first"], done["end"], done["outcome"]) == (0, 5, "frozen")
    assert (await balto("events", "--json")).stdout == before
    assert (await told("verify"))["events"] == 4
    (cold,) = (await told("store", "status"))["cold"]
    assert (cold["file"], cold["events"]) == ("events_000000000001_000000000004.parquet", 4)
    assert await told("store", "thaw", "0") == {"first": 0, "events": 4}
    assert (await told("store", "status"))["cold"] == []


async def test_export_import_and_copy_between_servers(
    home: Path, elsewhere: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = await told("store", "export", "all.ndjson", "--recordings")
    assert (out["events"], out["keys"], out["recordings"]) == (4, 1, 1)
    assert (await told("store", "copy", "--to", elsewhere)) == {"new": 4}
    monkeypatch.setenv("BALTO_DATABASE_URL", elsewhere)
    came = await told("store", "import", "all.ndjson")
    assert (came["events"], came["new"]) == (4, 0)
    assert (await told("verify"))["whole"]
    assert CANARY in (await balto("events", "--stream", SESSION, "--json")).stdout


async def test_one_stream_is_exported_by_whatever_name_it_is_called(home: Path) -> None:
    for name in (SESSION, STREAM, "last"):
        assert (await told("store", "export", "one.ndjson", "--force", "--stream", name))["events"] == 3
    before = (home / "one.ndjson").read_bytes()
    kept = await balto("store", "export", "one.ndjson")
    assert (kept.exit_code, kept.stderr) == (
        1,
        "balto: one.ndjson is there already: give --force to write over it\n",
    )
    assert (home / "one.ndjson").read_bytes() == before
    missing = await balto("store", "export", "two.ndjson", "--stream", "nobody")
    assert (missing.exit_code, missing.stderr) == (
        1,
        "balto: there is no stream nobody (`balto sessions` lists the sessions)\n",
    )
    assert (await balto("store", "hold", "add", "--stream", "nobody", "--reason", "x")).exit_code == 1


async def test_an_export_as_parquet_writes_over_neither_the_file_nor_its_manifest(home: Path) -> None:
    manifest = home / "all.parquet.json"
    manifest.write_text("of something else\n")
    manifest.chmod(0o644)
    kept = await balto("store", "export", "all.parquet")
    assert (kept.exit_code, kept.stderr) == (
        1,
        "balto: all.parquet.json is there already: give --force to write over it\n",
    )
    assert manifest.read_text() == "of something else\n"
    assert not (home / "all.parquet").exists()
    assert (await told("store", "export", "all.parquet", "--force"))["events"] == 4
    assert [path.stat().st_mode & 0o777 for path in (manifest, home / "all.parquet")] == [0o600, 0o600]
    assert drafts(home) == []
    assert (await told("store", "import", "all.parquet"))["new"] == 0
    before = manifest.read_bytes()
    assert (await balto("store", "export", "all.parquet")).exit_code == 1
    assert manifest.read_bytes() == before


async def test_a_failed_import_is_one_line(home: Path) -> None:
    result = await balto("store", "import", "nowhere.ndjson")
    assert result.exit_code == 1
    assert result.stderr == "balto: nowhere.ndjson cannot be read: No such file or directory\n"
