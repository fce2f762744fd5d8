"""Commands that move a single session: into a file sealed with a passphrase, or redacted, and back."""

from pathlib import Path
from typing import Annotated, Any

import typer

from balto.cli.common import AsJson, Force, fail, keep_what_is_there
from balto.cli.names import existing_stream
from balto.cli.opening import bar, with_store
from balto.cli.runs import PassphraseFile, passphrase
from balto.cli.transfer import report_moved

session = typer.Typer(help="Single sessions in files: export, import.", no_args_is_help=True)


@session.command("export")
def export(
    name: Annotated[str, typer.Argument(help="A session's id, `last`, or a stream's name.", metavar="SESSION")],
    file: Annotated[Path, typer.Argument(help="Where to.", metavar="FILE")],
    redact: Annotated[
        bool, typer.Option("--redact", help="Without anything personal: no words, no audio, no keys.")
    ] = False,
    passphrase_file: PassphraseFile = None,
    force: Force = False,
    as_json: AsJson = False,
) -> None:
    """Write a session to a file: events, audio, settings, versions and a checksum.

    What is personal stays sealed: the session's own key goes along, wrapped with a passphrase (scrypt) that
    `--passphrase-file` holds or that is asked for. Whoever has both reads it, even after an erasure here.
    `balto retell`, `state`, `diff` and `replay` take the file in a session's place.

    Examples: `balto session export last counter.session`, `balto session export last counter.session --redact`.
    """
    if file.suffix == ".parquet":
        fail(f"{file}: a session's file is lines of JSON, not Parquet (`balto store export` writes that)")
    keep_what_is_there(file, force)
    from balto.library import master_keys
    from events.driver import one_connection
    from events.fileseal import FileSeal
    from events.portable import export_file
    from events.sealing import SealingError
    from events.selection import Selection
    from events.transfer import Rewrap

    seal = FileSeal.new()
    try:
        keys = None if redact else seal.keys(passphrase(passphrase_file, file.name, new=True))
    except SealingError as error:
        fail(str(error))

    async def work(library: Any) -> Any:
        stream = await existing_stream(library, name)
        whole = {"stream": stream, "events": await library.store.stream_position(stream)}
        async with one_connection(library.dsn, application_name="balto session export") as connection:
            with bar(f"exporting {stream}") as moved:
                return await export_file(
                    connection,
                    file,
                    archive=library.settings.archive,
                    rewrap=Rewrap(master_keys(library.settings), keys),
                    selection=Selection(stream=stream),
                    redacted=redact,
                    recordings=not redact,
                    note={"session": whole, **({} if redact else {"seal": seal.written()})},
                    progress=moved,
                )

    report_moved(with_store(work), f"exported to {file}", as_json=as_json)


@session.command("import")
def import_(
    file: Annotated[Path, typer.Argument(help="A file of `balto session export`.", metavar="FILE")],
    passphrase_file: PassphraseFile = None,
    redacted: Annotated[
        bool, typer.Option("--redacted", help="Take a redacted file too, in the place of the whole session.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Bring a session in as it was, sealed with this ledger's own master key; what is there already is skipped.

    Nothing is brought in of a file whose checksum does not hold; `balto retell FILE` shows what of it can be read.
    No event is ever rewritten, so what came in redacted stays so: hence such a file comes in with --redacted alone.
    """
    from balto.library import master_keys
    from events.archive import ArchiveError
    from events.driver import one_connection
    from events.fileseal import FileSeal
    from events.portable import import_file
    from events.sealing import SealingError
    from events.sessionfile import head_of

    try:
        head = head_of(file)
        bare = head.get("redacted") is True
        if bare and not redacted:
            fail(
                f"{file} is redacted, and what came in so cannot be completed later: look at it with"
                f" `balto retell {file}`, import the whole file, or give --redacted to take it as it is"
            )
        sealed = "seal" in head and not bare
        theirs = FileSeal.read(head["seal"]).keys(passphrase(passphrase_file, file.name)) if sealed else None
    except (ArchiveError, SealingError) as error:
        fail(str(error))

    async def work(library: Any) -> Any:
        async with one_connection(library.dsn, application_name="balto session import") as connection:
            with bar(f"importing {file.name}") as moved:
                own = master_keys(library.settings)
                return await import_file(connection, file, own=own, theirs=theirs, progress=moved)

    report_moved(with_store(work), f"imported from {file}", as_json=as_json)
