"""The weights: joined from the installed pieces, refused when they aren't the trusted ones, quick the second time."""

import os
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from pathlib import Path

import pytest

from actors.stt import weights
from actors.stt.weights import SMALL_FILES, STAMP, Source, WeightsError, ensure_weights, installed_source, main

FIRST, SECOND = b"first half " * 200_000, b"second half " * 100_000


@pytest.fixture
def source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Source:
    """Pieces of a small model that is trusted for the length of a test."""
    folder = tmp_path / "pieces"
    folder.mkdir()
    (folder / "one").write_bytes(FIRST)
    (folder / "two").write_bytes(SECOND)
    for name in SMALL_FILES:
        (folder / name).write_text(f"{{}} of {name}")
    monkeypatch.setattr(weights, "MODEL_SHA256", sha256(FIRST + SECOND).hexdigest())
    return Source(parts=(folder / "one", folder / "two"), small=folder)


def test_the_installed_pieces_are_the_trusted_model(tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    folder = ensure_weights(tmp_path / "whisper", lambda done, total: told.append((done, total)))
    assert sha256((folder / "model.bin").read_bytes()).hexdigest() == weights.MODEL_SHA256
    assert {p.name for p in folder.iterdir()} == {"model.bin", STAMP, *SMALL_FILES}
    assert told[-1] == (145_217_532, 145_217_532)
    assert told == sorted(told)


def test_the_pieces_are_joined_in_order(tmp_path: Path, source: Source) -> None:
    folder = ensure_weights(tmp_path / "model", source=source)
    assert (folder / "model.bin").read_bytes() == FIRST + SECOND
    assert (folder / "config.json").read_text() == "{} of config.json"


@pytest.mark.parametrize("piece", ["one", "two"])
def test_a_tampered_piece_is_refused_and_nothing_is_kept(tmp_path: Path, source: Source, piece: str) -> None:
    tampered = bytearray((source.small / piece).read_bytes())
    tampered[1000] ^= 1
    (source.small / piece).write_bytes(tampered)
    with pytest.raises(WeightsError, match="refused, sha256"):
        ensure_weights(tmp_path / "model", source=source)
    assert list((tmp_path / "model").iterdir()) == []


def test_a_second_call_reads_neither_the_pieces_nor_the_model(tmp_path: Path, source: Source) -> None:
    folder = ensure_weights(tmp_path / "model", source=source)
    model = folder / "model.bin"
    stamp = model.stat()
    model.write_bytes(b"x" * stamp.st_size)
    os.utime(model, ns=(stamp.st_atime_ns, stamp.st_mtime_ns))
    nowhere = Source(parts=(tmp_path / "gone",), small=tmp_path / "gone")
    assert ensure_weights(folder, source=nowhere) == folder
    assert model.read_bytes().startswith(b"xxx")


def test_a_model_changed_since_its_stamp_is_made_anew(tmp_path: Path, source: Source) -> None:
    folder = ensure_weights(tmp_path / "model", source=source)
    model = folder / "model.bin"
    before = model.stat()
    model.write_bytes(b"x" * before.st_size)
    os.utime(model, ns=(before.st_atime_ns, before.st_mtime_ns + 1))
    ensure_weights(folder, source=source)
    assert model.read_bytes() == FIRST + SECOND


def test_a_good_model_without_a_stamp_is_verified_and_not_joined_again(tmp_path: Path, source: Source) -> None:
    folder = ensure_weights(tmp_path / "model", source=source)
    (folder / STAMP).unlink()
    told: list[int] = []
    ensure_weights(folder, lambda done, _: told.append(done), source=source)
    assert told == []
    assert (folder / STAMP).is_file()


def test_a_lost_small_file_is_brought_back(tmp_path: Path, source: Source) -> None:
    folder = ensure_weights(tmp_path / "model", source=source)
    (folder / "tokenizer.json").unlink()
    ensure_weights(folder, source=source)
    assert (folder / "tokenizer.json").is_file()


def test_many_at_once_all_end_with_the_same_good_model(tmp_path: Path, source: Source) -> None:
    with ThreadPoolExecutor(8) as pool:
        folders = list(pool.map(lambda _: ensure_weights(tmp_path / "model", source=source), range(8)))
    assert len(set(folders)) == 1
    assert (folders[0] / "model.bin").read_bytes() == FIRST + SECOND
    assert {p.name for p in folders[0].iterdir()} == {"model.bin", STAMP, *SMALL_FILES}


def test_a_missing_package_is_one_clear_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(weights, "PACKAGES", ("no_such_package_of_weights",))
    with pytest.raises(WeightsError, match=r"no-such-package-of-weights is not installed \(extra: local\)"):
        installed_source()


def test_a_missing_piece_is_one_clear_line(tmp_path: Path, source: Source) -> None:
    source.parts[1].unlink()
    with pytest.raises(WeightsError, match="No such file"):
        ensure_weights(tmp_path / "model", source=source)


def test_the_command_says_where_the_weights_are(
    tmp_path: Path, source: Source, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(weights, "installed_source", lambda: source)
    assert main([str(tmp_path / "model")]) == 0
    assert capsys.readouterr().out.strip() == str(tmp_path / "model")


def test_the_command_fails_with_one_line_on_tampered_weights(
    tmp_path: Path, source: Source, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    source.parts[0].write_bytes(b"something else")
    monkeypatch.setattr(weights, "installed_source", lambda: source)
    assert main([str(tmp_path / "model")]) == 1
    assert len(capsys.readouterr().err.splitlines()) == 1


def test_the_command_without_a_folder_is_a_usage_error() -> None:
    assert main([]) == 2
