"""Starting and stopping as a process of its own: what goes wrong at once, and what a signal leaves behind."""

import asyncio
import json
import os
import signal
import socket
import sys
from pathlib import Path

import pytest


async def start(home: Path, *arguments: str, **settings: str) -> asyncio.subprocess.Process:
    names = {name: value for name, value in os.environ.items() if not name.startswith("BALTO_")}
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "balto",
        *arguments,
        cwd=home,
        env={**names, "BALTO_DATA_DIR": str(home), "PYTHONPATH": str(Path(__file__).parents[2]), **settings},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )


async def failure(home: Path, *arguments: str, **settings: str) -> str:
    """Run a command that fails and return its one line."""
    process = await start(home, *arguments, **settings)
    _out, error = await process.communicate()
    assert process.returncode == 1
    (line,) = error.decode().splitlines()
    return line


async def test_a_taken_port_is_told_before_anything_is_started(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        for command in ("serve", "demo"):
            line = await failure(tmp_path, command, BALTO_PORT=str(port))
            assert line == (
                f"balto: cannot listen on 127.0.0.1:{port}: address already in use; give another port"
                " (--port, BALTO_PORT)"
            )
    assert not (tmp_path / "postgres").exists()


@pytest.mark.parametrize(
    ("settings", "line"),
    [
        ({"BALTO_STT": "elevenlabs"}, "balto: BALTO_STT=elevenlabs needs BALTO_ELEVENLABS_API_KEY"),
        (
            {"BALTO_ADMIN_PASSWORD": "$argon2id$nonsense"},
            "balto: BALTO_ADMIN_PASSWORD starts like an Argon2 hash but is none",
        ),
        (
            {"BALTO_MASTER_KEY": "x"},
            "balto: BALTO_MASTER_KEY: a master key is not base64, with VERSION: before it where there are several",
        ),
        ({"BALTO_WHISPER_MODEL": "/nowhere"}, "balto: setting BALTO_WHISPER_MODEL: there is no folder /nowhere"),
        (
            {"BALTO_DATABASE_URL": "nonsense"},
            "balto: BALTO_DATABASE_URL is not a PostgreSQL address: postgresql://USER:PASSWORD@HOST:PORT/DATABASE",
        ),
        (
            {"BALTO_DATABASE_URL": "postgresql://a:segredo@127.0.0.1:9/b"},
            (
                "balto: the database at 127.0.0.1:9 does not answer (ConnectionRefusedError): "
                "see that PostgreSQL runs, is not stopped, and is reached from here"
            ),
        ),
    ],
)
async def test_what_is_wrong_is_one_line_before_anything_is_started(
    tmp_path: Path, settings: dict[str, str], line: str
) -> None:
    assert await failure(tmp_path, "serve", BALTO_PORT="0", **settings) == line
    assert not (tmp_path / "postgres").exists()


async def test_an_archive_that_cannot_be_written_is_one_line_and_the_start_goes_on(tmp_path: Path) -> None:
    (tmp_path / "mount").write_text("a file in its way")
    settings = {
        "BALTO_ARCHIVE_DIR": str(tmp_path / "mount" / "archive"),
        "BALTO_DATABASE_URL": "postgresql://a:segredo@127.0.0.1:9/b",
        "BALTO_LOG_FORMAT": "json",
    }
    process = await start(tmp_path, "serve", "--port", "0", **settings)
    _, error = await process.communicate()
    told = [json.loads(line) for line in error.decode().splitlines() if line.startswith("{")]
    (warning,) = [line for line in told if line["level"] == "warning"]
    assert warning["event"] == (
        f"the archive {tmp_path}/mount/archive (BALTO_ARCHIVE_DIR) cannot be written (Not a directory): sessions go "
        "on, but `balto store retain --events-older-than` cannot move old events there from here"
    )
    assert error.decode().splitlines()[-1].startswith("balto: the database at 127.0.0.1:9 does not answer")


async def test_a_file_of_settings_that_is_no_text_is_one_line(tmp_path: Path) -> None:
    (tmp_path / ".env").write_bytes(b"BALTO_PORT=\xff\xfe")
    assert await failure(tmp_path, "sessions") == "balto: .env is not UTF-8 text"


async def test_a_signal_during_the_start_leaves_no_server_behind(tmp_path: Path) -> None:
    process = await start(tmp_path, "sessions")
    async with asyncio.timeout(60):
        while not (tmp_path / "postgres.users").exists():  # noqa: ASYNC110 - another process sets no event of ours
            await asyncio.sleep(0.01)
        process.send_signal(signal.SIGTERM)
        _out, error = await process.communicate()
    assert process.returncode == 128 + signal.SIGTERM
    assert error == b""
    assert not (tmp_path / "postgres" / "postmaster.pid").exists()
