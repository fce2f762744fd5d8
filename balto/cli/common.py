"""What all commands share: running async code, one-line errors, JSON for machines and tables for people."""

import asyncio
import dataclasses
import logging
import signal
import sys
import threading
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, NoReturn

import orjson
import typer
from rich.console import Console
from rich.table import Table

if TYPE_CHECKING:
    from balto.settings import Settings

# A pipe or a log has no width of its own; tables are cut at 80 columns unless they are told.
_WIDTH = None if sys.stdout.isatty() else 140
out = Console(highlight=False, width=_WIDTH)
err = Console(stderr=True, highlight=False)

logger = logging.getLogger(__name__)

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for machines instead of a table.")]


def fail(message: str) -> NoReturn:
    """Print one clear line on standard error and exit with 1."""
    err.print(f"balto: {message}", markup=False, soft_wrap=True)
    raise typer.Exit(1)


Force = Annotated[bool, typer.Option("--force", "-f", help="Over a file that is there.")]


def keep_what_is_there(file: Path, force: bool, *others: Path) -> None:
    """Fail where a command would write over a file, or others beside it, without having been told to."""
    for each in (file, *others):
        if each.exists() and not force:
            fail(f"{each} is there already: give --force to write over it")


def note(message: str) -> None:
    """Print one line beside the answer, on standard error."""
    err.print(f"balto: {message}", markup=False, soft_wrap=True)


def load_settings(process: str | None = None, /, **changes: Any) -> "Settings":
    """Read the settings and set up logging; options given on the command line win. A wrong setting is one line.

    Args:
        process: what the log calls this process, where a server has several.
        changes: settings by name; None leaves one as it is set.
    """
    # A tenth of a second that nobody waits for who asks for help or has misspelt a command.
    from pydantic import ValidationError

    from balto.logs import set_up_logging
    from balto.mistakes import first_mistake
    from balto.settings import PREFIX, Settings, unknown_names

    given = {name: value for name, value in changes.items() if value is not None}
    try:
        settings, unknown = Settings(**given), unknown_names()
    except UnicodeDecodeError:
        fail(".env is not UTF-8 text")
    except ValidationError as error:
        fail(first_mistake(error, PREFIX, given))
    set_up_logging(settings, process=process)
    if unknown:
        logger.warning("no setting is named %s", ", ".join(unknown))
    return settings


def run[T](work: Coroutine[Any, Any, T], loop: Callable[[], asyncio.AbstractEventLoop] = asyncio.new_event_loop) -> T:
    """Run a command's coroutine on a loop; Ctrl-C and SIGTERM end it in order and without a traceback."""
    terminated = False

    async def terminable() -> T:
        task = asyncio.current_task()

        def terminate(*_: object) -> None:
            nonlocal terminated
            terminated = True
            if task is not None:
                task.get_loop().call_soon_threadsafe(task.cancel)

        # A handler of the process and not of the loop, so that a server can put its own in front and give it back.
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, terminate)
        return await work

    try:
        return asyncio.run(terminable(), loop_factory=loop)
    except KeyboardInterrupt:
        raise typer.Exit(130) from None
    except asyncio.CancelledError:
        if not terminated:
            raise
        raise typer.Exit(128 + signal.SIGTERM) from None


def say(line: str) -> None:
    """Tell whoever waits what is being done: dimly on a terminal, through the log elsewhere."""
    if err.is_terminal:
        err.print(f"[dim]{line}…[/dim]")
    else:
        logger.info(line)


def with_library[T](work: Callable[[Any], Awaitable[T]]) -> T:
    """Open the store and read models, bring the latter up to date, and run `work(library)`."""
    settings = load_settings()

    async def go() -> T:
        from balto.library import StartError, open_library
        from events.store import StoreError

        try:
            async with open_library(settings.as_owner()) as library:
                await library.projector.catch_up()
                return await work(library)
        except (StartError, StoreError) as error:
            fail(str(error))

    return run(go())


def print_json(value: Any) -> None:
    """Print a value as one line of JSON; dataclasses, dates and UUIDs are understood."""
    sys.stdout.write(orjson.dumps(value, default=str).decode() + "\n")
    sys.stdout.flush()


HEADINGS: Final = {
    "session_id": "session",
    "counter_id": "counter",
    "started_at": "started",
    "registered_at": "since",
    "phrases": "heard",
    "recommendations": "adv.",
    "end_reason": "ended",
    "pitch_mean_hz": "pitch Hz",
    "pitch_std_hz": "± Hz",
    "snr_db": "SNR dB",
    "spectral_centroid_hz": "centroid Hz",
    "zero_crossing_rate": "ZCR",
    "rms_mean": "RMS",
    "peak_dbfs": "peak dBFS",
    "legal_name": "client's name",
    "stopped_at": "stopped",
    "daily_budget_usd": "$ a day",
    "counter_name": "counter",
    "chosen_provider": "chosen",
    "provider": "engine",
    "usd": "$",
    "chosen_usd_per_hour": "$/h",
    "usd_per_hour": "$/h",
    "wer": "WER",
    "chosen_p50_ms": "p50",
    "chosen_p95_ms": "p95",
    "p50_ms": "its p50",
    "p95_ms": "its p95",
}
"""Columns by what tables call them; milliseconds are named in the title."""


def print_rows(rows: Sequence[Any], columns: Iterable[str], *, title: str, as_json: bool) -> None:
    """Print dataclass rows as JSON, or as a table of some of their columns."""
    if as_json:
        print_json([dataclasses.asdict(row) for row in rows])
        return
    # Without a frame, and with times to the minute, an id of 36 characters leaves room for the rest in 80 columns.
    table = Table(
        title=title, title_justify="left", header_style="bold", box=None, padding=(0, 1, 0, 0), pad_edge=False
    )
    names = list(columns)
    for name in names:
        heading = HEADINGS.get(name, name.removesuffix("_ms"))
        numeric = any(isinstance(getattr(row, name), int | float) for row in rows)
        table.add_column(heading, justify="right" if numeric else "left", no_wrap=name.endswith("_id"), overflow="fold")
    for row in rows:
        table.add_row(*(_minute(getattr(row, name)) for name in names))
    out.print(table)


def _minute(value: Any) -> str:
    return cell(value)[:16] if isinstance(value, datetime) else cell(value)


def cell(value: Any) -> str:
    """Return a value as a table shows it."""
    match value:
        case None:
            return "–"
        case float():
            return f"{value:z.{0 if abs(value) >= 1000 else 1 if abs(value) >= 1 else 3}f}"
        case datetime():
            return value.astimezone().strftime("%Y-%m-%d %H:%M:%S")
        case [] | ():
            return "–"
        case tuple() | list():
            return ", ".join(str(part) for part in value)
        case _:
            return str(value)
