"""The project's golden sessions come to the same when they are heard again, those of earlier schemas too."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from balto.cli.commands import app
from balto.replay.golden import Checked, check, golden_files
from balto.replay.kit import Kit
from balto.replay.plan import Plan
from balto.replay.run import Run, run_of_file
from balto.replay.semantic import lane_of
from balto.settings import Settings
from events.catalogue import event_types
from events.envelope import UnknownEvent
from events.released import read_released
from tests.golden.keeping import GENERATIONS, OLDER, PASSPHRASE, SESSIONS, SPOKEN

FILES = golden_files(SESSIONS)


@pytest.fixture(scope="module")
def kit() -> Iterator[Kit]:
    kit = Kit(Settings(_env_file=None), Plan())
    yield kit
    kit.close()


def opened(file: Path) -> Run:
    return run_of_file(file, passphrase=PASSPHRASE)


def checked(file: Path, kit: Kit) -> Checked:
    (result,) = check([file], kit, passphrase=PASSPHRASE, own=None)
    return result


def test_every_kept_session_is_there() -> None:
    older = {f"versions-{generation}" for generation in GENERATIONS}
    assert {file.stem for file in FILES} == {*SPOKEN, "scripted", *older}


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_golden_session_comes_to_the_same(file: Path, kit: Kit) -> None:
    result = checked(file, kit)
    assert (result.fault, result.damage) == (None, ())
    assert result.difference is not None
    told = [(each.pair.either.type, each.differences) for each in result.difference.contrasts if each.verdict != "same"]
    assert told == []
    assert result.difference.counts["same"] > 5


def test_there_is_a_kept_event_of_every_version_that_was_ever_released() -> None:
    kept = {(each.type, each.schema_version) for file in golden_files(OLDER) for each in opened(file).recorded}
    earlier = {
        (name, int(version))
        for name, versions in read_released().items()
        for version in versions
        if int(version) < event_types()[name].schema_version
    }
    assert earlier - kept == set(), "a version was raised: run python -m tests.golden.keeping, and look at older.py"


@pytest.mark.parametrize("file", golden_files(OLDER), ids=lambda file: file.stem)
def test_old_events_are_read_as_the_newest(file: Path) -> None:
    run = opened(file)
    assert run.damage == ()
    assert not any(isinstance(event, UnknownEvent) for event in run.events)
    assert any(each.schema_version < event_types()[each.type].schema_version for each in run.recorded)


def of_folder(
    folder: Path, home: Path, monkeypatch: pytest.MonkeyPatch, *, as_json: bool = False
) -> tuple[int, str, str]:
    monkeypatch.chdir(home)
    secret = str(SESSIONS / "passphrase")
    how = ["--json"] if as_json else []
    result = CliRunner().invoke(app, ["replay", "--check", str(folder), "--passphrase-file", secret, *how])
    return result.exit_code, result.stdout, result.stderr


def test_a_folder_in_which_all_is_the_same_exits_with_0(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "golden"
    folder.mkdir()
    (folder / "weather.session").write_bytes((SESSIONS / "weather.session").read_bytes())
    assert of_folder(folder, tmp_path, monkeypatch) == (
        0,
        "same    weather.session, 10 events\n1 of 1 golden sessions came to the same\n",
        "",
    )


def test_what_differs_and_what_is_damaged_is_told_and_exits_with_1(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "golden"
    folder.mkdir()
    (folder / "headache.session").write_bytes((SESSIONS / "headache.session").read_bytes())
    (folder / "junk.session").write_text("junk")
    weather = (SESSIONS / "weather.session").read_bytes()
    (folder / "weather.session").write_bytes(weather[: len(weather) // 4])
    cestas = json.loads(Settings(_env_file=None).baskets.read_text(encoding="utf-8"))
    swap(cestas, "Compressa de gel para a testa", "Chá de camomila")
    (tmp_path / "other.json").write_text(json.dumps(cestas), encoding="utf-8")
    monkeypatch.setenv("BALTO_BASKETS", str(tmp_path / "other.json"))
    code, said, errors = of_folder(folder, tmp_path, monkeypatch, as_json=True)
    headache, junk, cut = json.loads(said)
    assert (code, errors) == (1, "")
    assert (headache["passed"], headache["difference"]["first"]["type"]) == (False, "BasketResolved")
    assert "junk.session is no exported session" in junk["fault"]
    assert cut["passed"] is False
    assert cut["fault"] is not None


def swap(node: object, old: str, new: str) -> None:
    """Put another suggestion in the place of one, everywhere."""
    if isinstance(node, dict):
        for name, value in node.items():
            if value == old:
                node[name] = new
            else:
                swap(value, old, new)
    elif isinstance(node, list):
        for each in node:
            swap(each, old, new)


def damaged(file: Path, into: Path, edit: Callable[[dict[str, Any]], dict[str, Any] | None]) -> Path:
    lines = [edit(json.loads(line)) for line in file.read_text(encoding="utf-8").splitlines()]
    into.write_text("".join(json.dumps(line) + "\n" for line in lines if line is not None), encoding="utf-8")
    return into


def test_of_a_session_without_some_of_its_audio_the_rest_is_heard_again(tmp_path: Path, kit: Kit) -> None:
    def without(line: dict[str, Any]) -> dict[str, Any] | None:
        return None if line.get("recording", {}).get("byte_start", 0) > 15_000 else line

    result = checked(damaged(SESSIONS / "pregnant.session", tmp_path / "holed.session", without), kit)
    assert [each.kind for each in result.damage] == ["checksum", "missing_audio"]
    assert result.difference is not None
    of_first = [each.verdict for each in result.difference.contrasts if lane_of(each.pair.either.event) == 1]
    assert of_first == ["same"] * len(of_first)
    assert "TranscriptionReceived" in {each.pair.either.type for each in result.difference.contrasts}
    assert not result.passed


def test_of_a_session_with_an_event_that_is_not_known_the_rest_is_heard_again(tmp_path: Path, kit: Kit) -> None:
    def unknown(line: dict[str, Any]) -> dict[str, Any]:
        if line.get("event", {}).get("type") == "PhraseMeasured":
            line["event"]["type"] = "PhraseWeighed"
        return line

    result = checked(damaged(SESSIONS / "weather.session", tmp_path / "unknown.session", unknown), kit)
    assert "unknown_type" in {each.kind for each in result.damage}
    assert result.difference is not None
    assert result.difference.first is not None
    assert "PhraseWeighed" in {each.pair.either.type for each in result.difference.contrasts}


def test_a_redacted_session_is_not_heard_again_and_says_so_in_one_line(tmp_path: Path, kit: Kit) -> None:
    def redacted(line: dict[str, Any]) -> dict[str, Any] | None:
        if "balto" in line:
            return {**line, "redacted": True, "masters": {}}
        if "event" in line and line["event"]["sealed"] is not None:
            line["event"]["sealed"] = ""
        return line if "event" in line or "end" in line else None

    result = checked(damaged(SESSIONS / "weather.session", tmp_path / "redacted.session", redacted), kit)
    assert result.difference is None
    assert result.fault
    assert "\n" not in result.fault


def test_a_folder_without_sessions_exits_with_2(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert of_folder(tmp_path / "nowhere", tmp_path, monkeypatch) == (
        2,
        "",
        f"balto: there is no folder {tmp_path}/nowhere\n",
    )
    assert of_folder(tmp_path, tmp_path, monkeypatch)[0] == 2
