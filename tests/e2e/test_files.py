"""Files at the command line that are no audio, or only the beginning of some."""

import asyncio
import json
from pathlib import Path
from random import Random

import pytest
from typer.testing import CliRunner, Result

from balto.cli import app
from tests.recordings import conversation, wav

PCM = conversation("dor_de_cabeca")
WAV = wav(PCM)
NO_AUDIO = {
    "text": b"O cliente pediu um xarope.\n" * 50,
    "noise": Random(7).randbytes(20_000),
    "empty": b"",
    "header": WAV[:44],
    "pretender": b"OggS" + bytes(200),
}


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("BALTO_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("BALTO_STT", "local")
    return tmp_path


async def balto(*arguments: str) -> Result:
    return await asyncio.to_thread(CliRunner().invoke, app, list(arguments))


@pytest.mark.parametrize("command", ["segment", "measure", "transcribe", "listen"])
@pytest.mark.parametrize("kind", NO_AUDIO)
async def test_what_is_no_audio_is_refused_in_one_line(home: Path, command: str, kind: str) -> None:
    (home / "file").write_bytes(NO_AUDIO[kind])
    result = await balto(command, "file")
    assert result.exit_code == 1
    assert result.stderr.startswith("balto: file is no audio file")
    assert len(result.stderr.splitlines()) == 1
    assert not (home / "postgres").exists()


async def test_bare_samples_are_heard_where_that_is_said(home: Path) -> None:
    (home / "file").write_bytes(PCM.tobytes())
    assert (await balto("segment", "file")).exit_code == 1
    phrases = json.loads((await balto("segment", "file", "--raw", "--json")).stdout)
    assert len(phrases) == 1


async def test_of_a_file_that_was_cut_off_the_beginning_is_heard_and_its_end_told(home: Path) -> None:
    (home / "file").write_bytes(WAV[: len(WAV) // 2])
    result = await balto("measure", "file", "--json")
    assert result.exit_code == 0
    (line,) = result.stderr.splitlines()
    assert (
        line
        == f"balto: file is cut off: it ends at {(len(WAV) // 2 - 44) / 32000:.2f} s, before the end that it declares"
    )
    assert json.loads(result.stdout)["pitch_mean_hz"] > 80


async def test_a_whole_file_is_told_nothing_of(home: Path) -> None:
    (home / "file").write_bytes(WAV)
    assert (await balto("measure", "file", "--json")).stderr == ""


async def test_measures_are_rounded_and_have_units(home: Path) -> None:
    (home / "file").write_bytes(WAV)
    lines = dict(line.split(maxsplit=1) for line in (await balto("measure", "file")).stdout.splitlines())
    assert lines["pitch_mean_hz"].endswith(" Hz")
    assert lines["snr_db"].endswith(" dB")
    assert lines["peak_dbfs"].endswith(" dBFS")
    assert all(len(word) <= 8 for word in lines["pitch_mean_hz"].split())
