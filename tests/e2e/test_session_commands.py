"""Commands about single sessions over a real database: retell, state, diff, session export and import."""

import asyncio
import json
import wave
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from balto.cli.commands import app
from events.catalogue import Event, SubjectErased, TranscriptionReceived
from events.embedded import EmbeddedPostgres
from events.envelope import NewEvent
from events.postgres import PostgresStore
from events.sealing import MasterKeys
from events.store import Append, RecordingChunk
from tests.events_at_hand import new_event
from tests.postgres import fresh_database
from tests.runs import OTHER, SESSION, phrase, recorded, session, started

WORDS = "o senhor tem dipirona"
LOUDER = started({"vad": {"threshold_multiplier": 2.0, "min_energy": 120.0}})
BASE = session(phrase(1, 0.1, WORDS), phrase(2, 0.6, "tosse"), seconds=1)
CHANGED = [
    replace(event, text="o senhor tem de pirona")
    if isinstance(event, TranscriptionReceived) and event.phrase == 1
    else event
    for event in session(phrase(1, 0.1, WORDS), phrase(2, 0.6, "tosse"), seconds=1, start=LOUDER)
]


async def kept(store: PostgresStore, name: str, events: list[Event], session_id: str) -> None:
    wrapped = [
        NewEvent(event_id=e.event_id, event=e.event, occurred_at=e.occurred_at, elapsed_us=e.elapsed_us,
                 correlation_id=e.correlation_id, causation_id=e.causation_id)
        for e in recorded(events, session_id)
    ]  # fmt: skip
    chunk = RecordingChunk(byte_start=0, data=b"\x01\x00" * 16_000)
    await store.append(Append(stream=name, tenant="t", events=wrapped, recordings=[chunk]))


@pytest.fixture
async def home(postgres_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Path]:
    """A ledger of a session, and of another one that parts from it."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("BALTO_DATABASE_URL", postgres_url)
    monkeypatch.setenv("BALTO_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("BALTO_PASSPHRASE_FILE", str(tmp_path / "passphrase"))
    (tmp_path / "passphrase").write_text("nine lives of a cat\n")
    store = await PostgresStore.connect(postgres_url, masters=MasterKeys.load(tmp_path / "master.key"))
    await kept(store, f"session-{SESSION}", BASE, SESSION)
    await kept(store, f"session-{OTHER}", CHANGED, OTHER)
    yield tmp_path
    await store.close()


@pytest.fixture
async def elsewhere(postgres_server: EmbeddedPostgres, postgres_template: str) -> AsyncIterator[str]:
    async with fresh_database(postgres_server, postgres_template) as url:
        yield url


async def balto(*arguments: str, stdin: str | None = None) -> Result:
    return await asyncio.to_thread(CliRunner().invoke, app, list(arguments), input=stdin)


async def told(*arguments: str, code: int = 0) -> Any:
    result = await balto(*arguments, "--json")
    assert result.exit_code == code, result.stderr
    return json.loads(result.stdout)


async def test_a_session_is_walked_with_what_each_event_changed(home: Path) -> None:
    walk = await told("retell", SESSION)
    assert [event["type"] for event in walk["events"]] == [type(event).__name__ for event in BASE]
    received = walk["events"][5]
    assert (received["type"], received["data"]["text"], received["caused_by"]) == ("TranscriptionReceived", WORDS, 5)
    assert {"field": "open_phrases.1.text", "before": "", "after": WORDS} in received["changes"]
    assert (walk["state"]["recommendations"], walk["damage"]) == (2, [])
    shown = (await balto("retell", SESSION, "--until", "6")).stdout
    assert f"“{WORDS}”" in shown
    assert "phrase 1 stage transcribing → gathering" in shown
    assert "#7 " not in shown


async def test_a_walk_can_be_of_one_phrase(home: Path) -> None:
    walk = await told("retell", SESSION, "--phrase", "2")
    missing = await balto("retell", SESSION, "--phrase", "99")
    assert (missing.exit_code, missing.stderr) == (1, f"balto: session-{SESSION} has no phrase 99\n")
    assert {event["phrase"] for event in walk["events"]} == {2}
    assert len(walk["events"]) == len(phrase(2, 0.6, "tosse"))
    assert walk["state"]["recommendations"] == 2


async def test_a_walk_waits_for_enter_where_it_is_told_to(home: Path) -> None:
    result = await balto("retell", SESSION, "--step", stdin="\n\nq\n")
    assert "#2 " in result.stdout
    assert "#3 " not in result.stdout
    assert result.exit_code == 0


async def test_what_was_heard_is_written_as_wav_up_to_a_place(home: Path) -> None:
    whole = await balto("retell", SESSION, "--audio", "heard.wav", "--speed", "0")
    assert "balto: 1.00 s of audio written to heard.wav" in whole.stderr
    assert seconds(home / "heard.wav") == 1.0
    over = ("retell", SESSION, "--audio", "heard.wav", "--until", "1")
    kept = await balto(*over)
    there = "balto: heard.wav is there already: give --force to write over it\n"
    assert (kept.exit_code, kept.stdout, kept.stderr) == (1, "", there)
    assert seconds(home / "heard.wav") == 1.0
    assert (await balto(*over, "--force")).exit_code == 0
    assert seconds(home / "heard.wav") == 0.0
    await balto("retell", SESSION, "--audio", "start.wav", "--until", "1")
    assert seconds(home / "start.wav") == 0.0
    refused = await balto("retell", SESSION, "--audio", "nowhere/heard.wav")
    assert refused.stderr == "balto: nowhere/heard.wav cannot be written: No such file or directory\n"


def seconds(file: Path) -> float:
    with wave.open(str(file)) as reading:
        return float(reading.getnframes() / reading.getframerate())


async def test_where_time_went_is_told_of_files_and_replays_as_of_sessions(home: Path, postgres_url: str) -> None:
    store = await PostgresStore.connect(postgres_url, masters=MasterKeys.load(home / "master.key"))
    await kept(store, "replay-1", BASE, SESSION[:-1] + "d")
    await store.close()
    await told("session", "export", SESSION, "a.session")
    rows = await told("timeline", SESSION)
    assert [(row["phrase"], row["outcome"], row["stt_ms"]) for row in rows] == [
        (1, "recommended", 300.0),
        (2, "recommended", 300.0),
    ]
    assert await told("timeline", "a.session") == rows
    assert await told("timeline", f"session-{SESSION}") == rows
    assert await told("timeline", "replay-1") == [{**row, "session_id": "replay-1"} for row in rows]
    unknown = await balto("timeline", "replay-2")
    assert (unknown.exit_code, unknown.stderr) == (
        1,
        "balto: there is no stream replay-2 (`balto sessions` lists the sessions)\n",
    )


async def test_the_state_is_told_at_any_place(home: Path) -> None:
    state = await told("state", SESSION, "--at", "6")
    assert (state["after"]["position"], state["state"]["open_phrases"]["1"]["stage"]) == (6, "gathering")
    assert (await told("state", SESSION, "--at", "0.6s"))["state"] == state["state"]
    shown = (await balto("state", SESSION, "--at", "6")).stdout
    assert f"phrase 1 gathering since 0.10 s, asked local: “{WORDS}”" in shown
    assert (await balto("state", SESSION, "--at", "0")).stdout == f"session-{SESSION} had not begun\n"
    assert (await told("state", SESSION, "--at", "0"))["after"] is None
    assert "remembers     item Chá of phrase 2" in (await balto("state", SESSION)).stdout


async def test_runs_that_part_are_told_with_why_and_medicines(home: Path) -> None:
    found = await told("diff", SESSION, OTHER, code=1)
    assert found["same"] is False
    assert found["inputs"] == [{"kind": "setting", "name": "vad.threshold_multiplier", "a": 1.5, "b": 2.0}]
    first = found["first"]
    assert (first["type"], first["verdict"], first["a"]["position"]) == ("TranscriptionReceived", "text", 6)
    assert first["medicines"] == {"a": ["dipirona"], "b": []}
    assert [given["kind"] for given in first["explained_by"]] == ["answer"]
    assert [each["type"] for each in first["chain"]] == ["SpeechStarted", "PhraseCaptured", "TranscriptionRequested"]
    assert {k: v for k, v in found["counts"].items() if v} == {"same": 15, "text": 1}
    shown = await balto("diff", SESSION, OTHER)
    assert shown.exit_code == 1
    assert "first divergent event:" in shown.stdout
    assert "15 same, 1 text differs" in shown.stdout


async def test_runs_that_agree_exit_with_0_and_errors_with_2(home: Path) -> None:
    same = await balto("diff", SESSION, f"session-{SESSION}")
    assert (same.exit_code, "the same came of both" in same.stdout) == (0, True)
    for wrong in ("nobody", "no/such.session", "01890000-0000-7000-8000-000000000001"):
        result = await balto("diff", SESSION, wrong)
        assert (result.exit_code, result.stderr.count("\n")) == (2, 1), result.stderr
    (home / "junk.session").write_text("{}")
    result = await balto("diff", SESSION, "junk.session")
    assert (result.exit_code, result.stderr) == (
        2,
        "balto: junk.session is no exported session (`balto session export` writes one)\n",
    )


async def test_an_exported_session_stands_in_its_place(home: Path) -> None:
    moved = await told("session", "export", SESSION, "a.session")
    assert (moved["events"], moved["recordings"]) == (len(BASE), 1)
    assert (await told("diff", "a.session", SESSION))["same"]
    assert (await told("state", "a.session", "--at", "6"))["state"]["open_phrases"]["1"]["text"] == WORDS
    assert (await told("session", "import", "a.session"))["new"] == 0
    (home / "passphrase").write_text("nine lives of a dog")
    refused = await balto("retell", "a.session")
    assert (refused.exit_code, refused.stderr) == (1, "balto: the passphrase is not that of a.session\n")


async def test_a_redacted_session_needs_no_passphrase(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("BALTO_PASSPHRASE_FILE")
    await told("session", "export", SESSION, "r.session", "--redact")
    walk = await balto("retell", "r.session")
    assert WORDS not in walk.stdout
    assert walk.stderr == "balto: r.session is redacted: what was said and heard is not in it\n"
    assert (await told("diff", "r.session", SESSION))["same"], "what is gone is not compared"
    sealed = await balto("session", "export", SESSION, "s.session")
    assert sealed.stderr == (
        "balto: s.session is sealed with a passphrase: give it with --passphrase-file, or BALTO_PASSPHRASE_FILE\n"
    )


async def test_an_export_does_not_write_over_a_file_unless_it_is_told_to(home: Path) -> None:
    (home / "a.session").write_text("somebody's")
    refused = await balto("session", "export", SESSION, "a.session")
    assert (refused.exit_code, refused.stderr) == (
        1,
        "balto: a.session is there already: give --force to write over it\n",
    )
    assert (home / "a.session").read_text() == "somebody's"
    assert (await told("session", "export", SESSION, "a.session", "--force"))["events"] == len(BASE)


async def test_a_redacted_session_comes_in_only_where_that_is_meant_and_says_what_it_is(
    home: Path, elsewhere: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    await told("session", "export", SESSION, "r.session", "--redact")
    await told("session", "export", SESSION, "a.session")
    monkeypatch.setenv("BALTO_DATABASE_URL", elsewhere)
    refused = await balto("session", "import", "r.session")
    assert refused.exit_code == 1
    assert refused.stderr.startswith("balto: r.session is redacted, and what came in so cannot be completed later")
    assert (await told("session", "import", "r.session", "--redacted"))["new"] == len(BASE)
    walk = await balto("retell", SESSION)
    assert walk.stderr == (
        f"balto: session-{SESSION}: the session came in redacted: what was said and heard is not in this ledger\n"
    )
    again = await balto("replay", SESSION, "--execute")
    assert "came in redacted" in again.stderr
    assert "erased" not in again.stderr
    over = await balto("session", "import", "a.session")
    assert over.exit_code == 1
    assert over.stderr == (
        f"balto: stream session-{SESSION} came in redacted, and no event is ever rewritten: import the whole into"
        " another ledger, or read it from its file\n"
    )


async def test_of_a_damaged_file_the_rest_is_told(home: Path) -> None:
    await told("session", "export", SESSION, "a.session")
    cut(home / "a.session")
    walk = await balto("retell", "a.session")
    assert walk.exit_code == 0
    assert walk.stderr.startswith("balto: a.session is cut off: it ends after event ")
    assert walk.stderr.count("\n") == 2, "and that audio is missing"
    found = await told("diff", "a.session", SESSION, code=1)
    assert [each["kind"] for each in found["a"]["damage"]] == ["cut_off", "missing_audio"]
    assert found["first"]["verdict"] == "only_b"
    refused = await balto("session", "import", "a.session")
    assert (refused.exit_code, refused.stderr) == (1, "balto: a.session is no whole export of a ledger\n")


def cut(file: Path) -> None:
    whole = file.read_bytes()
    file.write_bytes(whole[: len(whole) // 4])


async def test_an_erased_session_is_told_in_numbers(home: Path, postgres_url: str) -> None:
    store = await PostgresStore.connect(postgres_url, masters=MasterKeys.load(home / "master.key"))
    await store.erase(f"session-{SESSION}", new_event(SubjectErased(reason="asked for")))
    await store.close()
    walk = await balto("retell", SESSION, "--audio", "heard.wav")
    assert walk.exit_code == 0
    assert WORDS not in walk.stdout
    gone = "the session was erased on 2026-03-02: what was said and heard is gone, numbers are left"
    silent = f"no audio of session-{SESSION} is there; heard.wav was not written"
    assert walk.stderr == f"balto: session-{SESSION}: {gone}\nbalto: {silent}\n"
    assert (await told("state", SESSION))["state"]["recommendations"] == 2
    assert (await told("diff", SESSION, SESSION))["same"]
