"""What all commands share: running async code, one-line errors, JSON for machines and tables for people."""

import asyncio
import dataclasses
import sys
from collections.abc import Coroutine, Iterable, Sequence
from datetime import datetime
from typing import Annotated, Any, NoReturn

import orjson
import typer
from pydantic import ValidationError
from rich.console import Console
from rich.table import Table

from balto.logs import set_up_logging
from balto.settings import Settings

# A pipe or a log has no width of its own; tables are cut at 80 columns unless they are told.
_WIDTH = None if sys.stdout.isatty() else 140
out = Console(highlight=False, width=_WIDTH)
err = Console(stderr=True, highlight=False)

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for machines instead of a table.")]


def fail(message: str) -> NoReturn:
    """Print one clear line on standard error and exit with 1."""
    err.print(f"balto: {message}", markup=False, soft_wrap=True)
    raise typer.Exit(1)


def load_settings(**changes: Any) -> Settings:
    """Read the settings and set up logging; options given on the command line win. A wrong setting is one line."""
    given = {name: value for name, value in changes.items() if value is not None}
    try:
        settings = Settings(**given)
    except ValidationError as error:
        first = error.errors()[0]
        name = "_".join(str(part) for part in first["loc"]).upper()
        fail(f"setting BALTO_{name}: {first['msg']}")
    set_up_logging(settings)
    return settings


def run[T](work: Coroutine[Any, Any, T]) -> T:
    """Run a command's coroutine; Ctrl-C ends it without a traceback."""
    try:
        return asyncio.run(work)
    except KeyboardInterrupt:
        raise typer.Exit(130) from None


def print_json(value: Any) -> None:
    """Print a value as one line of JSON; dataclasses, dates and UUIDs are understood."""
    sys.stdout.write(orjson.dumps(value, default=str).decode() + "\n")
    sys.stdout.flush()


def print_rows(rows: Sequence[Any], columns: Iterable[str], *, title: str, as_json: bool) -> None:
    """Print dataclass rows as JSON, or as a table of some of their columns."""
    if as_json:
        print_json([dataclasses.asdict(row) for row in rows])
        return
    table = Table(title=title, title_justify="left", header_style="bold")
    names = list(columns)
    for name in names:
        numeric = any(isinstance(getattr(row, name), int | float) for row in rows)
        table.add_column(name, justify="right" if numeric else "left", no_wrap=name.endswith("_id"), overflow="fold")
    for row in rows:
        table.add_row(*(cell(getattr(row, name)) for name in names))
    out.print(table)


def cell(value: Any) -> str:
    """Return a value as a table shows it."""
    match value:
        case None:
            return "–"
        case float():
            return f"{value:.{0 if abs(value) >= 1000 else 1 if abs(value) >= 1 else 3}f}"
        case datetime():
            return value.astimezone().strftime("%Y-%m-%d %H:%M:%S")
        case tuple() | list():
            return ", ".join(str(part) for part in value)
        case _:
            return str(value)
