"""Pages of the ledger for whoever asks from afar: what is found with bounded effort, and where to go on."""

from typing import Final

from events.queries import EventReader, Page, bounds, read_page, read_page_backwards
from events.selection import Selection
from events.store import StoreError, StoreUnavailableError

_LOOKS: Final = 5
"""Looks at the ledger for one page, each over so many events as `read_page` looks at."""


class JsonPathError(ValueError):
    """This is no SQL/JSON path, or none that can be evaluated."""


async def check_path(reader: EventReader, path: str) -> None:
    """Let the database read a path and evaluate it once, over no data.

    A path may pass and still be refused over events: `StoreError` then.

    Raises:
        JsonPathError: it cannot, as where a variable is asked for.
        StoreUnavailableError: the database is away.
    """
    try:
        await reader.fetch_rows("SELECT jsonb_path_query_first('{}', $1::text::jsonpath, '{}', true)", path)
    except StoreUnavailableError:
        raise
    except StoreError:
        raise JsonPathError("this is no SQL/JSON path") from None


async def read_some(
    reader: EventReader, selection: Selection, *, after: int, upto: int | None, limit: int, backwards: bool = False
) -> tuple[Page, bool]:
    """Return some selected events, `limit` at most, and whether all of the range has been looked at.

    Where few events are meant, a page may be short, or empty, before the end: the next begins where it looked last.

    Raises:
        MissingEventsError: positions are missing.
        ArchiveError: what is meant is in a file that cannot be read.
        StoreUnavailableError: the database is away.
    """
    head = await reader.last_position()
    low, high = await bounds(reader, selection, after, head if upto is None else min(upto, head))
    start, end, looks = low, high, 0
    found: list[Page] = []
    while start < end and looks < _LOOKS and sum(len(page.events) for page in found) < limit:
        left = limit - sum(len(page.events) for page in found)
        turn = read_page_backwards if backwards else read_page
        page = await turn(reader, selection, after=start, upto=end, limit=left)
        found.append(page)
        start, end = (start, page.after) if backwards else (page.upto, end)
        looks += 1
    events = [event for page in found for event in page.events]
    looked = Page(events=events, after=end if backwards else low, upto=high if backwards else start)
    return looked, start >= end
