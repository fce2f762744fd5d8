"""Whether the archive can be written is tried, not guessed, and leaves nothing behind."""

import logging
from pathlib import Path

import pytest

from balto.archiving import hindrance, tell_of_archive
from balto.settings import Settings


def test_a_folder_that_is_there_or_can_be_made_is_no_hindrance(tmp_path: Path) -> None:
    assert hindrance(tmp_path) is None
    assert hindrance(tmp_path / "new" / "archive") is None
    assert list(tmp_path.iterdir()) == []


def test_what_is_in_the_way_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert hindrance(tmp_path / "file") == hindrance(tmp_path / "file" / "archive") == "Not a directory"


def test_a_machine_without_an_archive_of_its_own_is_told_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "archive").write_text("")
    with caplog.at_level(logging.WARNING):
        tell_of_archive(Settings(_env_file=None, data_dir=tmp_path))
        tell_of_archive(Settings(_env_file=None, archive_dir=tmp_path))
        assert caplog.records == []
        tell_of_archive(Settings(_env_file=None, archive_dir=tmp_path / "archive"))
    assert len(caplog.records) == 1
