"""The command that writes read models to files."""

import asyncio
import contextlib
import os
import sys
from pathlib import Path
from typing import Annotated, Any, Final, Literal, get_args

import typer

from balto.cli.common import fail, note, print_json, with_library
from balto.cli.names import known_session
from balto.cli.opening import Since, Until, span

type Form = Literal["csv", "json", "parquet", "xlsx"]
_FORMS: Final = "|".join(get_args(Form.__value__))


def export(
    name: Annotated[str, typer.Argument(help="A read model, or one version of its view (`balto bi views`).")],
    form: Annotated[
        Form | None, typer.Option("--format", metavar=_FORMS, help="By default as FILE is named; CSV without one.")
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", help="Instead of standard output.")
    ] = None,
    since: Since = None,
    until: Until = None,
    tenant: Annotated[str | None, typer.Option("--tenant", help="Rows of one client.")] = None,
    counter: Annotated[str | None, typer.Option("--counter", help="Rows of one counter.")] = None,
    session: Annotated[str | None, typer.Option("--session", help="Rows of one session, by id or `last`.")] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Rows as JSON; with -o, what was written, for machines.")
    ] = False,
) -> None:
    """Write the rows of a read model to a file, as one moment has them; no words that were said are in any.

    --since and --until mean the time in each row, not when it was recorded.
    """
    from projections.bi import bi_views, find_view
    from projections.exports import ExportError, Filters, open_export

    view = find_view(name)
    if view is None:
        fail(f"there is no read model {name}; there are {', '.join(sorted({one.subject for one in bi_views()}))}")
    chosen = _form("json" if as_json and output is None and form is None else form, output)
    begin, end = span(since, until)

    async def work(library: Any) -> dict[str, Any]:
        session_id = await known_session(library, session) if session else None
        filters = Filters(tenant=tenant, since=begin, until=end, counter_id=counter, session_id=session_id)
        try:
            async with open_export(library.dsn, view, filters) as opened:
                await _write(opened, chosen, output)
                return {"view": view.name, "position": opened.position, "file": output and str(output)}
        except ExportError as error:
            fail(str(error))
        except OSError as error:
            if output is None:
                _give_up_standard_output()
            fail(f"{output or 'standard output'} cannot be written: {error.strerror}")

    told = with_library(work)
    if output is not None:
        if as_json:
            print_json(told)
        else:
            note(f"wrote {told['view']} as of event {told['position']} to {output}")


def _form(form: Form | None, output: Path | None) -> Form:
    named: dict[str, Form] = {".csv": "csv", ".json": "json", ".parquet": "parquet", ".xlsx": "xlsx"}
    chosen = form or ("csv" if output is None else named.get(output.suffix.lower()))
    if chosen is None:
        fail(f"{output} does not say what to write: end it in {', '.join(named)}, or give --format")
    if output is None and chosen in ("parquet", "xlsx") and sys.stdout.isatty():
        fail(f"{chosen} is nothing for a terminal: give -o FILE")
    if output is None and chosen == "xlsx":
        fail("a workbook needs a file: give -o FILE")
    return chosen


async def _write(opened: Any, form: Form, output: Path | None) -> None:
    """Write to standard output, or to a file that is whole or not there."""
    from projections.export_parquet import ParquetError
    from projections.export_xlsx import WorkbookError

    draft = None if output is None else output.with_name(f".{output.name}.part")
    try:
        await _fill(opened, form, draft)
        if output is not None and draft is not None:
            draft.replace(output)
    except (ParquetError, WorkbookError) as error:
        fail(str(error))
    finally:
        if draft is not None:
            draft.unlink(missing_ok=True)


async def _fill(opened: Any, form: Form, draft: Path | None) -> None:
    from projections.export_parquet import write_parquet
    from projections.export_xlsx import Workbook

    if form == "xlsx" and draft is not None:
        async with Workbook(draft) as workbook:
            await workbook.add(opened)
        return
    with contextlib.nullcontext(sys.stdout.buffer) if draft is None else draft.open("wb") as file:

        async def sink(data: bytes) -> None:
            await asyncio.to_thread(file.write, data)

        if form == "parquet":
            await write_parquet(opened, sink)
        else:
            await {"csv": opened.write_csv, "json": opened.write_json}[form](sink)
        file.flush()


def _give_up_standard_output() -> None:
    """Let what is still held for it go nowhere: the interpreter would try again at its end, with a traceback."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)


COMMANDS = (export,)
