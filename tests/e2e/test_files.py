"""Files at the command line that are no audio, or only the beginning of some."""

import asyncio
import json
from pathlib import Path
from random import Random

import numpy as np
import pytest
from typer.testing import CliRunner, Result

from balto.cli.commands import app
from tests.recordings import conversation, wav
from tests.sounds import tone
from tests.unit.audio.containers import encoded

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
    assert result.stderr.startswith("balto: file is not an audio file")
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


ODD = {
    "mp3": encoded("mp3", "libmp3lame", rate=44_100, frame_size=1_152, seconds=2),
    "m4a": encoded("mp4", "aac", rate=44_100, frame_size=1_024, seconds=2),
    "video.mp4": encoded("mp4", "aac", rate=44_100, frame_size=1_024, seconds=2, video="mpeg4"),
    "flac": encoded("flac", "flac", rate=44_100, frame_size=1_024, seconds=2),
    "24 bit.wav": encoded("wav", "pcm_s24le", rate=96_000, seconds=2),
    "webm": encoded("webm", "libopus", seconds=2),
    "flac.ogg": encoded("ogg", "flac", rate=44_100, frame_size=1_024, seconds=2),
}


@pytest.mark.parametrize("kind", ODD)
async def test_every_kind_of_file_is_measured(home: Path, kind: str) -> None:
    (home / "file").write_bytes(ODD[kind])
    result = await balto("measure", "file", "--json")
    assert result.stderr == ""
    assert json.loads(result.stdout)["pitch_mean_hz"] == pytest.approx(440, rel=0.01)


async def test_a_long_mp4_with_its_index_at_the_end_is_read_back_and_forth(home: Path) -> None:
    raw = ODD["m4a"]
    index = raw.index(b"moov") - 4
    # more in front of the index than a stream could have put aside
    padding = (40 * 1024 * 1024).to_bytes(4, "big") + b"free"
    with (home / "file").open("wb") as file:
        file.write(raw[:index] + padding)
        file.truncate(index + 40 * 1024 * 1024)
        file.seek(0, 2)
        file.write(raw[index:])
    result = await balto("measure", "file", "--json")
    assert json.loads(result.stdout)["pitch_mean_hz"] == pytest.approx(440, rel=0.01)


async def test_bare_samples_of_another_rate_and_several_channels_are_heard(home: Path) -> None:
    sound = np.rint(tone(440, 2.0, rate=44_100) * 32_768).astype("<i2")
    (home / "file").write_bytes(np.repeat(sound[:, None], 2, axis=1).tobytes())
    result = await balto("measure", "file", "--raw", "--rate", "44100", "--channels", "2", "--json")
    assert json.loads(result.stdout)["pitch_mean_hz"] == pytest.approx(440, rel=0.01)


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (("folder",), "balto: folder cannot be read: Is a directory"),
        (("nowhere",), "balto: nowhere cannot be read: No such file or directory"),
        (("file", "--rate", "8000"), "balto: --rate and --channels are of bare samples: they need --raw"),
        (("file", "--raw", "--rate", "1"), "balto: sample rate must be 4000 to 192000 Hz, not 1"),
        (("file", "--raw", "--channels", "0"), "balto: channels must be 1 to 32, not 0"),
        (("file", "--plot", "nowhere/a.png"), "balto: nowhere/a.png cannot be written: No such file or directory"),
    ],
)
async def test_what_cannot_be_done_is_one_line(home: Path, arguments: tuple[str, ...], line: str) -> None:
    (home / "file").write_bytes(WAV)
    (home / "folder").mkdir()
    result = await balto("segment", *arguments)
    assert (result.exit_code, result.stderr) == (1, f"{line}\n")


@pytest.mark.parametrize("command", ["segment", "measure"])
async def test_a_plot_is_a_png_beside_the_answer(home: Path, command: str) -> None:
    (home / "file").write_bytes(WAV)
    result = await balto(command, "file", "--json", "--plot", "a.png")
    assert result.stderr == "balto: drawn into a.png\n"
    assert json.loads(result.stdout)
    assert (home / "a.png").read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"
