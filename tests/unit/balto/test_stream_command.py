"""How fast `balto stream` sends, and what it shows a person of a server's messages."""

from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

import balto.client
from balto.cli.commands import app
from balto.cli.serving import show_message
from balto.client import Outcome

RECORDING = Path(__file__).parents[2] / "assets" / "tosse.opus"


@pytest.fixture
def speeds(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Note how many times real time the client is asked to send."""
    asked: list[float] = []

    class Stream:
        session = "s-1"

        def __init__(self, *_: Any, speed: float, on_lost: Callable[[str], None], **__: Any) -> None:
            asked.append(speed)
            self._on_lost = on_lost

        async def messages(self) -> AsyncIterator[Any]:
            self._on_lost("the connection was lost")
            return
            yield

    monkeypatch.setattr(balto.client, "Stream", Stream)
    return asked


@pytest.mark.parametrize(
    ("options", "speed"),
    [
        ([], 1.0),
        (["--realtime"], 1.0),
        (["--fast"], 0.0),
        (["--speed", "2"], 2.0),
        (["--speed", "0.5"], 0.5),
        (["--speed", "0"], 0.0),
    ],
)
def test_a_file_is_sent_at_the_speed_that_is_asked_for(speeds: list[float], options: list[str], speed: float) -> None:
    result = CliRunner().invoke(app, ["stream", str(RECORDING), "--key", "bk_1", *options])
    assert (result.exit_code, speeds) == (0, [speed])
    lost, kept = result.stderr.splitlines()
    assert lost == "balto: the connection was lost; trying to come back"
    assert kept.startswith("balto: tosse.opus is kept as session s-1")


@pytest.mark.parametrize(
    "options", [["--speed", "-1"], ["--speed", "nan"], ["--speed", "inf"], ["--speed", "2", "--fast"], ["--speed", "x"]]
)
def test_no_file_is_sent_at_a_speed_that_is_none(speeds: list[float], options: list[str]) -> None:
    result = CliRunner().invoke(app, ["stream", str(RECORDING), "--key", "bk_1", *options])
    assert result.exit_code != 0
    assert "--speed" in result.stderr
    assert speeds == []


def outcome(reason: str) -> Outcome:
    words = "Chame o farmacêutico." if reason == "refer_to_pharmacist" else "Nada foi pedido."
    return Outcome(raw={}, phrase=1, result="sem_sugestao", reason=reason, message=words, together_with=None)


def test_a_referral_is_shown_and_what_came_to_nothing_is_not(capsys: pytest.CaptureFixture[str]) -> None:
    show_message(outcome("nothing_asked"))
    show_message(outcome("refer_to_pharmacist"))
    assert capsys.readouterr().out.split() == ["→", "Chame", "o", "farmacêutico."]
