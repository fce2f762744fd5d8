"""What the log shows of an exception, through the real handler."""

import asyncio
import contextlib
import importlib
import io
import json
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import pytest

from balto.library import StartError
from balto.logs import OURS, LogFileError, logging_into, set_up_logging
from balto.settings import Settings
from events.store import StoreUnavailableError

WORDS = "estou com herpes genital"
Format = Literal["console", "json"]


def fail_with(error: Exception) -> None:
    api_key, text = "bk_segredo", WORDS
    logging.getLogger("balto.test").debug("as long as %d", len(api_key + text))
    raise error


@pytest.fixture(autouse=True)
def own_root() -> Iterator[None]:
    """Give the root logger back as it was."""
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)


def logged(capsys: pytest.CaptureFixture[str], form: Format, error: Exception) -> str:
    set_up_logging(Settings(_env_file=None, log_format=form))
    try:
        fail_with(error)
    except Exception:
        logging.getLogger("balto.test").exception("phrase %d could not be heard", 7)
    return capsys.readouterr().err


@pytest.mark.parametrize("form", ["console", "json"])
def test_an_exception_shows_where_it_failed_but_no_words_and_no_values(
    capsys: pytest.CaptureFixture[str], form: Format
) -> None:
    shown = logged(capsys, form, ValueError(WORDS))
    assert "phrase 7 could not be heard" in shown
    assert "ValueError" in shown
    assert "test_logs.py" in shown
    assert "fail_with" in shown
    assert WORDS not in shown
    assert "bk_segredo" not in shown
    assert "herpes" not in shown


@pytest.mark.parametrize("form", ["console", "json"])
def test_causes_and_members_of_groups_are_named_without_their_words(
    capsys: pytest.CaptureFixture[str], form: Format
) -> None:
    error = ExceptionGroup(WORDS, [KeyError(WORDS)])
    error.__cause__ = OSError(WORDS)
    shown = logged(capsys, form, error)
    assert all(name in shown for name in ("ExceptionGroup", "KeyError", "OSError"))
    assert WORDS not in shown


@pytest.mark.parametrize("form", ["console", "json"])
def test_our_own_errors_say_what_they_say(capsys: pytest.CaptureFixture[str], form: Format) -> None:
    assert "StartError: the port is taken" in logged(capsys, form, StartError("the port is taken"))


def test_a_database_outage_is_one_line_without_frames(capsys: pytest.CaptureFixture[str]) -> None:
    error = StoreUnavailableError("the database did not answer: TimeoutError")
    error.__cause__ = TimeoutError(WORDS)
    shown = json.loads(logged(capsys, "json", error))
    assert shown["exception"] == "StoreUnavailableError: the database did not answer: TimeoutError"


@pytest.mark.parametrize("form", ["console", "json"])
async def test_what_the_loop_says_of_a_failed_callback_quotes_nothing(
    capsys: pytest.CaptureFixture[str], form: Format
) -> None:
    set_up_logging(Settings(_env_file=None, log_format=form))

    def callback(text: str) -> None:
        raise ValueError(text)

    asyncio.get_running_loop().call_soon(callback, WORDS)
    await asyncio.sleep(0)
    shown = capsys.readouterr().err
    assert "ValueError" in shown
    assert "herpes" not in shown


def test_the_errors_whose_words_are_ours_exist() -> None:
    for name in OURS:
        module, _, kind = name.rpartition(".")
        assert issubclass(getattr(importlib.import_module(module), kind), Exception)


def test_the_log_outlives_a_standard_error_that_was_lent_and_closed(capsys: pytest.CaptureFixture[str]) -> None:
    with io.StringIO() as lent, contextlib.redirect_stderr(lent):
        set_up_logging(Settings(_env_file=None, log_format="json"))
        logging.getLogger("balto.test").warning("while it was lent")
        within = lent.getvalue()
    logging.getLogger("balto.test").warning("afterwards")
    assert json.loads(within)["event"] == "while it was lent"
    assert json.loads(capsys.readouterr().err)["event"] == "afterwards"


def test_a_log_that_is_kept_in_a_file_is_not_shown(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    settings, log = Settings(_env_file=None, log_format="json"), tmp_path / "new" / "demo.log"
    with logging_into(log, settings):
        logging.getLogger("balto.test").warning("kept")
    logging.getLogger("balto.test").warning("shown")
    assert json.loads(log.read_text())["event"] == "kept"
    assert json.loads(capsys.readouterr().err)["event"] == "shown"
    assert log.stat().st_mode & 0o077 == 0
    with (
        pytest.raises(LogFileError, match=r"demo\.log/demo\.log cannot be written"),
        logging_into(log / "demo.log", settings),
    ):
        pass
