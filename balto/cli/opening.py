"""What commands for the ledger share: opening it, progress bars, names of streams, new events."""

from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Annotated, Any
from uuid import UUID

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from balto.cli.common import err, fail, load_settings, run

Stream = Annotated[str | None, typer.Option("--stream", help="A stream, or a session by its id.")]
Since = Annotated[
    str | None, typer.Option("--since", metavar="TIME", help="Recorded at this time or later (UTC, or with its zone).")
]
Until = Annotated[
    str | None, typer.Option("--until", metavar="TIME", help="Recorded before this time (UTC, or with its zone).")
]


def with_store[T](work: Callable[[Any], Awaitable[T]]) -> T:
    """Open the library as it stands, read models not brought up to date, and run `work(library)`."""
    settings = load_settings()

    async def go() -> T:
        from balto.library import StartError, open_library
        from events.store import StoreError

        try:
            async with open_library(settings.as_owner()) as library:
                return await work(library)
        except (StartError, StoreError) as error:
            fail(str(error))

    return run(go())


@contextmanager
def bar(what: str) -> Iterator[Callable[[int, int], None]]:
    """Show a progress bar on standard error; gives what to call with how much is done, and of how much."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=err, transient=True, disable=not err.is_terminal) as progress:
        task = progress.add_task(what, total=None)

        def moved(done: int, of: int) -> None:
            progress.update(task, completed=done, total=of)

        yield moved


def moment(option: str, text: str | None) -> datetime | None:
    """Return a time that was given as in ISO 8601, in UTC where it does not say; what is none is one line."""
    from events.selection import within_calendar

    if text is None:
        return None
    try:
        given = datetime.fromisoformat(text)
    except ValueError:
        fail(f"{option} {text} is no time: write 2026-11-26, 2026-11-26T14:30 or 2026-11-26T14:30:00-03:00")
    return within_calendar(given.replace(tzinfo=given.tzinfo or UTC))


def span(since: str | None, until: str | None) -> tuple[datetime | None, datetime | None]:
    """Return the times of --since and --until; a beginning after its end, between which nothing lies, is one line."""
    begin, end = moment("--since", since), moment("--until", until)
    if begin is not None and end is not None and begin > end:
        fail(f"--since {since} is after --until {until}: nothing lies between them")
    return begin, end


def event_id(option: str, text: str | None) -> UUID | None:
    """Return an id that was given; what is none is one line."""
    if text is None:
        return None
    try:
        return UUID(text)
    except ValueError:
        fail(f"{option} {text} is no id: `balto events --json` shows them")


def stream_name(name: str | None) -> str | None:
    """Return a stream's name, given it or a session's bare id."""
    if name is None:
        return None
    try:
        return f"session-{UUID(name)}"
    except ValueError:
        return name


def wrap(event: Any) -> Any:
    """Make a new event that happens now."""
    from actors.runtime.clock import SystemClock
    from balto.app import new_event_id
    from events.envelope import NewEvent

    clock = SystemClock()
    return NewEvent(event_id=new_event_id(clock), event=event, occurred_at=clock.utc())
