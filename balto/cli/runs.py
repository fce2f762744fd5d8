"""What commands about single sessions share: finding them in the ledger or in files, and saying what is damaged."""

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from balto.cli.common import err, fail, load_settings, note
from balto.cli.names import existing_stream
from balto.cli.opening import with_store

RunName = Annotated[
    str,
    typer.Argument(
        help="A session's id, `last`, a stream's name (`replay-…`), or an exported file.", metavar="SESSION"
    ),
]
PassphraseFile = Annotated[
    Path | None,
    typer.Option(
        "--passphrase-file",
        envvar="BALTO_PASSPHRASE_FILE",
        metavar="FILE",
        help="Holds the passphrase of exported files; asked for on a terminal without it.",
    ),
]
Upto = Annotated[
    str | None,
    typer.Option(
        metavar="PLACE",
        help="An event's number (14), a time since the start (12.5s, 1:02.5) or a time of day (2026-11-26T14:30:05).",
    ),
]


def load_runs(names: Sequence[str], passphrase_file: Path | None) -> list[Any]:
    """Return the runs of that name, each from its file or from the ledger; ends the command with one line at none."""
    files = {name: _run_of_file(Path(name), passphrase_file) for name in dict.fromkeys(names) if Path(name).is_file()}
    streams = [name for name in dict.fromkeys(names) if name not in files]
    for name in streams:
        if "/" in name:
            fail(f"there is no file {name}")
    found = files | (dict(zip(streams, with_store(_reading(streams)), strict=True)) if streams else {})
    return [found[name] for name in names]


def _reading(names: Sequence[str]) -> Callable[[Any], Any]:
    async def work(library: Any) -> list[Any]:
        from balto.replay.run import NoRunError, run_of_stream
        from events.codec import CodecError

        runs = []
        for name in names:
            stream = await existing_stream(library, name)
            try:
                runs.append(await run_of_stream(library.store, stream or name))
            except (NoRunError, CodecError) as error:
                fail(f"{name}: {error}")
        return runs

    return work


def _run_of_file(path: Path, passphrase_file: Path | None) -> Any:
    from balto.library import StartError, master_keys
    from balto.replay.run import run_of_file
    from events.archive import ArchiveError
    from events.sealing import SealingError
    from events.sessionfile import head_of

    try:
        head = head_of(path)
        if head.get("redacted") is True:
            return run_of_file(path)
        if "seal" in head:
            return run_of_file(path, passphrase=passphrase(passphrase_file, path.name))
        return run_of_file(path, own=master_keys(load_settings()))
    except (ArchiveError, SealingError, StartError) as error:
        fail(str(error))


def passphrase(file: Path | None, of: str, *, new: bool = False) -> str:
    """Return the passphrase that a file holds, or that is typed; ends the command with one line where there is none."""
    if file is None:
        if not err.is_terminal:
            fail(f"{of} is sealed with a passphrase: give it with --passphrase-file, or BALTO_PASSPHRASE_FILE")
        return str(typer.prompt(f"Passphrase of {of}", hide_input=True, confirmation_prompt=new, err=True))
    try:
        words = file.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        fail(f"the passphrase in {file} cannot be read: {getattr(error, 'strerror', None) or 'it is no text'}")
    return words or fail(f"{file} is empty: it should hold a passphrase")


def tell_damage(runs: Iterable[Any]) -> None:
    """Say on standard error what of runs is not as it was, a line each."""
    for run in runs:
        for damage in run.damage:
            note(f"{run.name}: {damage.message}" if run.name not in damage.message else damage.message)


def damage_of(run: Any) -> list[dict[str, str]]:
    """Return what of a run is not as it was, for machines."""
    return [{"kind": damage.kind, "message": damage.message} for damage in run.damage]


def place(option: str, text: str | None) -> Any:
    """Return the place in a session that was given, its end by default; what is none is one line."""
    from balto.replay.place import EVERYTHING, parse_place

    try:
        return EVERYTHING if text is None else parse_place(text)
    except ValueError as error:
        fail(f"{option}: {error}")
