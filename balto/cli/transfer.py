"""Commands that move the ledger: export, import, copy to another server."""

import dataclasses
import os
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from balto.cli.common import AsJson, Force, fail, keep_what_is_there, out, print_json
from balto.cli.names import existing_stream
from balto.cli.opening import Since, Until, bar, span, with_store

MasterKey = Annotated[
    str | None,
    typer.Option(
        "--master-key",
        envvar="BALTO_OTHER_MASTER_KEY",
        help="Master keys of the other ledger, as in BALTO_MASTER_KEY; keys are wrapped anew.",
    ),
]


def _other(text: str | None) -> Any:
    from events.sealing import MasterKeys, SealingError

    try:
        return None if text is None else MasterKeys.parse(text)
    except SealingError as error:
        fail(str(error))


def export(
    file: Annotated[Path, typer.Argument(help="Where to; `.parquet` in its name means Parquet.", metavar="FILE")],
    form: Annotated[Literal["ndjson", "parquet"] | None, typer.Option("--format", help="By default as named.")] = None,
    stream: Annotated[str | None, typer.Option("--stream", help="One stream, or a session by its id.")] = None,
    tenant: Annotated[str | None, typer.Option("--tenant", help="One tenant's.")] = None,
    since: Since = None,
    until: Until = None,
    redacted: Annotated[bool, typer.Option("--redacted", help="Without anything personal, and without keys.")] = False,
    recordings: Annotated[bool, typer.Option("--recordings", help="With the audio, sealed (NDJSON).")] = False,
    master_key: MasterKey = None,
    force: Force = False,
    as_json: AsJson = False,
) -> None:
    """Write events to a file with a checksum; what is personal stays sealed, its keys wrapped beside it."""
    if form is not None and (form == "parquet") != (file.suffix == ".parquet"):
        fail(f"{file} is not named as {form}")
    if recordings and file.suffix == ".parquet":
        fail("Parquet holds no recordings; export NDJSON")
    from events.archive import manifest_of

    keep_what_is_there(file, force, *([manifest_of(file)] if file.suffix == ".parquet" else []))
    from balto.library import master_keys
    from events.driver import one_connection
    from events.portable import export_file
    from events.selection import Selection
    from events.transfer import Rewrap

    begin, end = span(since, until)

    async def work(library: Any) -> Any:
        name = await existing_stream(library, stream)
        selection = Selection(stream=name, tenant=tenant, since=begin, until=end)
        async with one_connection(library.dsn, application_name="balto export") as connection:
            with bar("exporting events") as moved:
                return await export_file(
                    connection,
                    file,
                    archive=library.settings.archive,
                    rewrap=Rewrap(master_keys(library.settings), _other(master_key)),
                    selection=selection,
                    redacted=redacted,
                    recordings=recordings,
                    progress=moved,
                )

    report_moved(with_store(work), f"exported to {file}", as_json=as_json)


def import_(
    file: Annotated[Path, typer.Argument(help="A file of `balto store export`.", metavar="FILE")],
    master_key: MasterKey = None,
    as_json: AsJson = False,
) -> None:
    """Bring the events of a file in as they were; what is there already is skipped."""
    from balto.library import master_keys
    from events.driver import one_connection
    from events.portable import import_file

    async def work(library: Any) -> Any:
        async with one_connection(library.dsn, application_name="balto import") as connection:
            with bar("importing events") as moved:
                own = master_keys(library.settings)
                return await import_file(connection, file, own=own, theirs=_other(master_key), progress=moved)

    report_moved(with_store(work), f"imported from {file}", as_json=as_json)


def copy(
    to: Annotated[str | None, typer.Option("--to", help="Address of the other database; or BALTO_COPY_TO.")] = None,
    master_key: MasterKey = None,
    as_json: AsJson = False,
) -> None:
    """Copy the ledger to another server, or bring an earlier copy up to date."""
    target_url = to or os.environ.get("BALTO_COPY_TO")
    if not target_url:
        fail("say where to: --to URL, or BALTO_COPY_TO where others can see the command line")
    from balto.library import is_postgres_address, master_keys
    from events.copying import copy_ledger
    from events.driver import one_connection
    from events.postgres import PostgresStore
    from events.transfer import Rewrap

    if not is_postgres_address(target_url):
        fail("where to is no PostgreSQL address: postgresql://USER:PASSWORD@HOST:PORT/DATABASE")

    async def work(library: Any) -> int:
        own, other = master_keys(library.settings), _other(master_key)
        # Migrates it, and refuses one that is sealed with other master keys.
        await (await PostgresStore.connect(target_url, masters=other or own)).close()
        async with (
            one_connection(library.dsn, application_name="balto copy") as source,
            one_connection(target_url, application_name="balto copy") as target,
        ):
            with bar("copying events") as moved:
                return await copy_ledger(
                    source, target, archive=library.settings.archive, rewrap=Rewrap(own, other), progress=moved
                )

    new = with_store(work)
    if as_json:
        print_json({"new": new})
    else:
        out.print(f"{new} events copied")


def report_moved(moved: Any, what: str, *, as_json: bool) -> None:
    """Say what went out or came in, and the checksum of its file."""
    if as_json:
        print_json(dataclasses.asdict(moved))
        return
    new = f", {moved.new} of them new" if what.startswith("imported") else ""
    out.print(f"{moved.events} events{new}, {moved.recordings} chunks of audio {what}")
    out.print(f"sha256 {moved.sha256}")


COMMANDS = (export, import_, copy)
