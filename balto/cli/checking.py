"""The regression suite of golden sessions: `balto replay --check FOLDER`."""

import logging
from pathlib import Path
from typing import Any

import typer

from balto.cli.common import fail, load_settings, note, out, print_json
from balto.cli.opening import bar
from balto.cli.runs import passphrase


def check_folder(folder: Path, passphrase_file: Path | None, *, as_json: bool) -> None:
    """Hear the exported sessions of a folder again and compare what comes of them with what was recorded.

    Exits with 0 where the same came of each, 1 where one differs or cannot be heard, 2 where nothing can be checked.
    """
    from balto.cli.diff import errors_are_two
    from balto.replay.golden import check

    with errors_are_two():
        files = _files(folder)
        secret, own = _secrets(files, passphrase_file)
        kit = _kit()
        # What sessions say of their ends is news of counters, and these are none.
        logging.getLogger("actors").setLevel(logging.WARNING)
        results = []
        try:
            with bar("hearing golden sessions again") as moved:
                for result in check(files, kit, passphrase=secret, own=own):
                    results.append(result)
                    moved(len(results), len(files))
        finally:
            kit.close()
    if as_json:
        print_json([_as_data(result, folder) for result in results])
    else:
        _tell(results, folder)
    raise typer.Exit(0 if all(result.passed for result in results) else 1)


def _files(folder: Path) -> list[Path]:
    from balto.replay.golden import PATTERN, golden_files

    if not folder.is_dir():
        fail(f"there is no folder {folder}")
    return golden_files(folder) or fail(f"{folder} holds no session ({PATTERN}): `balto session export` writes them")


def _secrets(files: list[Path], passphrase_file: Path | None) -> tuple[str | None, Any]:
    """Return the passphrase and the master keys, each where a file needs it."""
    from balto.library import StartError, master_keys
    from events.archive import ArchiveError
    from events.sealing import SealingError
    from events.sessionfile import head_of

    sealed = owned = False
    for file in files:
        try:
            head = head_of(file)
        except ArchiveError:
            continue  # told with the others, when it is its turn
        sealed |= "seal" in head
        owned |= "seal" not in head and head.get("redacted") is not True
    try:
        own = master_keys(load_settings()) if owned else None
    except (SealingError, StartError) as error:
        fail(str(error))
    return (passphrase(passphrase_file, files[0].parent.name) if sealed else None), own


def _kit() -> Any:
    from actors.basket.entries import BasketFileError
    from balto.engines import EngineError
    from balto.replay.kit import Kit
    from balto.replay.plan import Plan

    try:
        return Kit(load_settings(), Plan())
    except (BasketFileError, EngineError) as error:
        fail(str(error))


def _as_data(result: Any, folder: Path) -> dict[str, Any]:
    from balto.cli.diff import as_data, medicine_names

    return {
        "file": str(result.file.relative_to(folder)),
        "passed": result.passed,
        "fault": result.fault,
        "damage": [{"kind": each.kind, "message": each.message} for each in result.damage],
        "difference": None if result.difference is None else as_data(result.difference, medicine_names()),
    }


def _tell(results: list[Any], folder: Path) -> None:
    from balto.cli.diff import medicine_names, tell_first

    for result in results:
        name = str(result.file.relative_to(folder))
        for damage in result.damage:
            note(f"{name}: {damage.message}")
        if result.fault is not None:
            out.print(f"[red]failed[/red]  {name}: cannot be heard again: {result.fault}", soft_wrap=True)
        elif result.passed:
            out.print(f"[green]same[/green]    {name}, {result.difference.counts['same']} events", soft_wrap=True)
        else:
            out.print(f"[red]differs[/red] {name}", soft_wrap=True)
            tell_first(result.difference, medicine_names())
    passed = sum(result.passed for result in results)
    out.print(f"{passed} of {len(results)} golden sessions came to the same")
