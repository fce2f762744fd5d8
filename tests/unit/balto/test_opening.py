"""Times that commands are given: a beginning after its end is one line, before any database is asked."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from balto.cli.commands import app

TURNED_ROUND = ("--since", "2026-11-27T10:00-03:00", "--until", "2026-11-27T12:59")


@pytest.mark.parametrize(
    "command",
    [
        ("events",),
        ("export", "clients"),
        ("replay", "--set", "gather_ms=1000"),
        ("report", "advice"),
        ("report", "advice", "--compare"),
        ("report", "biometrics"),
        ("report", "cost"),
        ("report", "cost", "--html", "cost.html"),
        ("report", "latency"),
        ("store", "export", "events.ndjson"),
    ],
    ids=" ".join,
)
def test_a_beginning_after_its_end_is_one_line(
    command: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("BALTO_DATABASE_URL", "postgresql://nobody@127.0.0.1:9/nothing")
    refused = CliRunner().invoke(app, [*command, *TURNED_ROUND])
    assert refused.stderr == (
        "balto: --since 2026-11-27T10:00-03:00 is after --until 2026-11-27T12:59: nothing lies between them\n"
    )
    assert refused.exit_code == 1
    assert list(tmp_path.iterdir()) == []
