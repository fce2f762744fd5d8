"""What setting up says and leaves behind where it fails."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def fake_python(folder: Path, script: str) -> Path:
    path = folder / "python"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return path


@pytest.mark.parametrize(
    ("said", "line"),
    [
        ("some words\\nERROR: no such hash\\nmore", "ERROR: no such hash"),
        ("some words\\nthe last line", "the last line"),
        ("ERROR: connection refused", "The package index cannot be reached"),
    ],
)
def test_a_failed_installation_is_one_line(tmp_path: Path, said: str, line: str) -> None:
    python = fake_python(tmp_path, f"printf '{said}\\n' >&2; exit 1")
    done = subprocess.run(
        ["/bin/sh", ROOT / "requirements" / "install.sh", "lock.txt"],
        env={**os.environ, "PYTHON": str(python)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    (told,) = done.stderr.splitlines()
    assert told.startswith(line)


def test_an_environment_that_was_half_made_is_removed(tmp_path: Path) -> None:
    make = shutil.which("make")
    if make is None:
        pytest.skip("no make here")
    shutil.copy(ROOT / "Makefile", tmp_path)
    python = fake_python(tmp_path, '[ "$1" = -c ] && exit 0; mkdir -p .venv/bin && touch .venv/bin/python; exit 1')
    names = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
    done = subprocess.run(
        [make, f"PYTHON={python}", ".venv/bin/python"], cwd=tmp_path, env=names, capture_output=True, check=False
    )
    assert done.returncode == 2
    assert not (tmp_path / ".venv").exists()


def test_an_installation_leaves_its_modules_compiled(tmp_path: Path) -> None:
    for room in ("events", "actors", "projections", "balto"):
        (tmp_path / room).mkdir()
        (tmp_path / room / "__init__.py").touch()
    python = fake_python(tmp_path, f'[ "$2" = pip ] || exec {sys.executable} "$@"')
    done = subprocess.run(
        ["/bin/sh", ROOT / "requirements" / "install.sh", "lock.txt"],
        cwd=tmp_path,
        env={**os.environ, "PYTHON": str(python), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, b"")
    assert len(list(tmp_path.glob("*/__pycache__/*.pyc"))) == 4
