"""What the commands with most options say of themselves has room in a terminal of 80 columns."""

import re

import pytest
from typer.testing import CliRunner

from balto.cli.commands import app


@pytest.mark.parametrize("command", ["diff", "events", "listen", "replay", "retell", "transcribe"])
def test_no_name_is_cut_or_broken(command: str) -> None:
    narrow, wide = (
        CliRunner().invoke(app, [command, "--help"], env={"COLUMNS": columns}).stdout for columns in ("80", "400")
    )
    assert max(map(len, narrow.splitlines())) <= 80
    # What a narrow terminal cuts ends in an ellipsis, and what it breaks is no word of the wide one.
    assert words(narrow) <= words(wide)


def words(text: str) -> set[str]:
    return {word for word in re.split(r"[\s│]+", text) if word[:1].isalnum()}
