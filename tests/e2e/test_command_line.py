"""The command line over a real database: what it prints for machines, and how it fails."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from balto.cli.commands import app
from tests.e2e.conftest import House, converse
from tests.recordings import conversation, wav

PCM = conversation("dor_de_cabeca")


@pytest.fixture
def home(postgres_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Settings of a machine of its own, over the test's database."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("BALTO_DATABASE_URL", postgres_url)
    monkeypatch.setenv("BALTO_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("BALTO_STT", "local")
    return tmp_path


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    path = tmp_path / "recording.wav"
    path.write_bytes(wav(PCM))
    return path


async def balto(*arguments: str, stdin: str | None = None) -> Result:
    """Run a command as a process would, on a loop of its own."""
    return await asyncio.to_thread(CliRunner().invoke, app, list(arguments), input=stdin)


async def told(*arguments: str, stdin: str | None = None) -> Any:
    """Run a command and return the JSON that it prints."""
    result = await balto(*arguments, "--json", stdin=stdin)
    assert result.exit_code == 0, result.stderr
    return json.loads(result.stdout)


async def test_phrases_of_a_file(home: Path, recording: Path) -> None:
    (phrase,) = await told("segment", str(recording))
    assert set(phrase) == {"start_ms", "end_ms", "cut_reason"}
    assert 0 < phrase["start_ms"] < phrase["end_ms"] < len(PCM) / 16


async def test_a_stricter_ear_finds_less(home: Path, recording: Path) -> None:
    (phrase,) = await told("segment", str(recording), "--min-energy", "200")
    (louder,) = await told("segment", str(recording), "--min-energy", "5000")
    assert louder["end_ms"] - louder["start_ms"] < phrase["end_ms"] - phrase["start_ms"]


async def test_bio_metrics_of_a_file(home: Path, recording: Path) -> None:
    metrics = await told("measure", str(recording))
    assert 80 < metrics["pitch_mean_hz"] < 300
    assert metrics["peak_dbfs"] < 0


async def test_advice_on_a_text(home: Path) -> None:
    advice = await told("advise", "estou", "com", "dor de cabeça")
    assert advice["macro"] == "DOR_FEBRE_INFLAMACAO"
    assert [entity["name"] for entity in advice["entities"]] == ["dor de cabeça"]
    assert set(advice["items"][0]) >= {"sugestao", "explicacao"}


async def test_advice_on_lines(home: Path) -> None:
    result = await balto("advise", "-", stdin="bom dia\nestou com azia\n\n")
    first, second, third = map(json.loads, result.stdout.splitlines())
    assert (first["items"], third["items"]) == ([], [])
    assert second["macro"] == "GASTROINTESTINAL"


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (("segment", "nowhere.wav"), "balto: nowhere.wav cannot be read: No such file or directory"),
        (
            ("segment", "{recording}", "--threshold-multiplier", "0"),
            "balto: threshold_multiplier must be between 1 and 10",
        ),
        (
            ("stream", "{recording}"),
            "balto: no key: give --key or set BALTO_COUNTER_KEY (`balto counters add` makes one)",
        ),
        (
            ("counters", "add", "Balcão"),
            "balto: give either --client CODE or, to register a new client, --email ADDRESS",
        ),
        (("counters", "add", "Balcão", "--client", "000000"), "balto: there is no client of this code"),
        (("counters", "rotate-key", "nobody"), "balto: there is no counter nobody (`balto counters list`"),
        (("counters", "add", " ", "--email", "a@b.example"), "balto: the counter needs a name"),
        (("counters", "add", "Balcão", "--email", "nobody"), "balto: this is not an e-mail address"),
        (("report", "advice", "--counter", "nobody"), "balto: there is no counter nobody"),
        (("report", "biometrics", "--session", "nope"), "balto: there is no session nope"),
        (("events", "--stream", "nope"), "balto: there is no stream nope"),
        (("events", "--type", "SessionStart"), "balto: there is no event type SessionStart; is it SessionStarted?"),
        (("timeline", "last"), "balto: there are no sessions yet"),
        (("projections", "rebuild", "nothing"), "balto: there is no projection nothing; there are"),
    ],
)
async def test_a_failure_is_one_clear_line(home: Path, recording: Path, arguments: tuple[str, ...], line: str) -> None:
    result = await balto(*(argument.format(recording=recording) for argument in arguments))
    assert result.exit_code == 1
    assert result.stderr.startswith(line)
    assert len(result.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (("session",), None),
        (("nosuch",), "balto: No such command 'nosuch'"),
        (("timeline",), "balto: Missing argument 'SESSION'"),
        (("sessions", "--limit", "x\ny"), "balto: Invalid value for '--limit': "),
        (("counters", "list", "--jsn"), "balto: No such option: --jsn"),
    ],
)
async def test_a_misspelt_command_is_one_line(arguments: tuple[str, ...], line: str | None) -> None:
    result = await balto(*arguments)
    assert result.exit_code == 2
    assert not line or (result.stderr.startswith(line) and len(result.stderr.splitlines()) == 1)


async def test_whoever_asks_for_json_gets_json(home: Path, house: House) -> None:
    await converse(house, PCM.tobytes(), protocol=2)
    assert len(await told("export", "phrase_timeline")) == 1
    page = home / "latency.html"
    assert await told("report", "latency", "--html", str(page)) == {"file": str(page)}
    assert page.is_file()


async def test_a_wrong_setting_is_named(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BALTO_PORT", "many")
    result = await balto("sessions")
    assert result.exit_code == 1
    assert result.stderr.startswith("balto: setting BALTO_PORT: ")


async def test_what_is_wrong_with_an_option_is_said_of_the_option(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BALTO_PORT", "8765")
    result = await balto("serve", "--port", "65536")
    assert (result.exit_code, result.stderr) == (1, "balto: --port: must be 65535 or less\n")


async def test_a_second_counter_of_a_name_is_told_of(home: Path) -> None:
    first = await told("counters", "add", "Caixa", "--email", "dona@farmacia.example")
    second = await balto("counters", "add", "caixa", "--client", first["client"])
    assert second.exit_code == 0
    assert f"rotate-key {first['counter_id']}" in second.stderr


async def test_a_missing_baskets_file_is_one_line(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BALTO_BASKETS", str(home / "nowhere.json"))
    result = await balto("advise", "azia")
    assert result.exit_code == 1
    assert len(result.stderr.splitlines()) == 1


async def test_the_story_of_a_session(home: Path, house: House) -> None:
    answer = await converse(house, PCM.tobytes(), protocol=2)
    session_id = answer.messages[0]["session"]
    (session,) = await told("sessions")
    assert (session["session_id"], session["phrases"], session["end_reason"]) == (session_id, 1, "client_finished")
    assert (session["counter_name"], len(session["counter_id"])) == ("Balcão 1", 36)
    assert " Balcão 1 " in (await balto("sessions")).stdout
    for arguments in (("sessions",), ("timeline", "last"), ("report", "biometrics", "--session", "last")):
        shown, *_ = (await balto(*arguments)).stdout.split("\nthis session was sent faster than speech")
        table = shown.splitlines()
        assert max(len(line.rstrip()) for line in table) <= 80, arguments
        assert len([line for line in table if line.strip()]) == 3, arguments
    (phrase,) = await told("timeline", session_id)
    assert phrase["outcome"] == "recommended"
    assert phrase["total_ms"] >= phrase["stt_ms"] + phrase["ai1_ms"] + phrase["ai2_ms"]
    assert await told("timeline", "last") == [phrase]
    (measured,) = await told("report", "biometrics", "--session", "last")
    assert measured["pitch_mean_hz"] > 80
    hops = {row["hop"]: row["count"] for row in await told("report", "latency")}
    assert hops == {"audio": 1, "stt": 1, "ai1": 1, "ai2": 1, "ws": 1, "total": 1}
    advised = await told("report", "advice")
    assert {(row["basket"], row["sent"], row["accepted"]) for row in advised} == {
        ("DOR_FEBRE_INFLAMACAO/DOR_DE_CABECA", 1, 0)
    }


async def test_events_show_personal_fields_only_to_machines_that_name_a_stream(home: Path, house: House) -> None:
    session_id = (await converse(house, PCM.tobytes(), protocol=2)).messages[0]["session"]
    everything = await balto("events", "--type", "TranscriptionReceived", "--json")
    one = await balto("events", "--stream", session_id, "--type", "TranscriptionReceived", "--json")
    shown = await balto("events", "--stream", "last")
    assert "text" not in json.loads(everything.stdout)["data"]
    assert json.loads(one.stdout)["data"]["text"] == "estou com dor de cabeça"
    assert "dor de cabeça" not in shown.stdout
    assert "SessionStarted" in shown.stdout
    assert f"session-{session_id}" in shown.stdout
    assert "'" not in shown.stdout


async def test_a_counter_is_added_and_its_key_opens_the_socket(home: Path, house: House) -> None:
    made = await told("counters", "add", "Balcão 2", "--email", "b@c.example")
    assert made["counter_id"] in {row["counter_id"] for row in await told("counters", "list")}
    house.key = made["api_key"]
    assert (await converse(house, b"", protocol=2)).close_code == 1000
    rotated = await told("counters", "rotate-key", made["counter_id"])
    assert (await converse(house, b"", protocol=2)).close_code == 4001
    house.key = rotated["api_key"]
    assert (await converse(house, b"", protocol=2)).close_code == 1000


async def test_a_known_email_is_told_to_name_its_client(home: Path) -> None:
    await told("counters", "add", "Balcão 1", "--email", "c@d.example")
    again = await balto("counters", "add", "Balcão 2", "--email", "c@d.example")
    assert again.exit_code == 1
    assert "use --client CODE" in again.stderr


async def test_a_wrong_key_is_told_as_such(home: Path, house: House, recording: Path) -> None:
    url = house.url.removeprefix("http://")
    result = await balto("stream", str(recording), "--url", url, "--key", "bk_" + "a" * 43, "--fast")
    assert result.exit_code == 1
    assert result.stderr.endswith("balto: the server ended the session: the key is not valid (4001)\n")


async def test_a_file_is_streamed_to_a_server(home: Path, house: House, recording: Path) -> None:
    result = await balto("stream", str(recording), "--url", house.url, "--key", house.key, "--fast", "--json")
    assert result.exit_code == 0, result.stderr
    commands = [json.loads(line)["comando"] for line in result.stdout.splitlines()]
    assert commands[0] == "ready"
    assert "recomendar" in commands
    assert commands[-1] == "fim"


async def test_streaming_to_nobody_is_one_line(home: Path, recording: Path) -> None:
    result = await balto("stream", str(recording), "--url", "http://127.0.0.1:9", "--key", "bk_x", "--fast")
    assert result.exit_code == 1
    assert result.stderr.startswith("balto: no Balto answers at http://127.0.0.1:9")


async def test_a_read_model_is_rebuilt(home: Path, house: House) -> None:
    await converse(house, PCM.tobytes(), protocol=2)
    before = await told("timeline", "last")
    result = await balto("projections", "rebuild", "all")
    assert result.exit_code == 0
    assert "rebuilt phrase_timeline" in result.stdout
    assert await told("timeline", "last") == before
    assert {row["lag"] for row in await told("projections", "status")} == {0}


@pytest.mark.whisper
async def test_a_file_is_listened_to_and_kept_as_a_session(
    home: Path, recording: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard = await told("listen", str(recording))
    (phrase,) = heard["phrases"]
    assert "dipirona" in phrase["text"].lower()
    assert phrase["macro"] == "DOR_FEBRE_INFLAMACAO"
    assert phrase["items"]
    (row,) = await told("timeline", heard["session"])
    assert row["outcome"] == "recommended"
    written = await told("transcribe", str(recording))
    assert [p["text"] for p in written["phrases"]] == [phrase["text"]]


def test_help_teaches() -> None:
    result = CliRunner().invoke(app, ["--help"])
    assert result.exit_code == 0
    for command in ("serve", "demo", "stream", "listen", "segment", "measure", "transcribe", "advise", "sessions"):
        assert command in result.stdout
