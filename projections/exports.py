"""Exports: the rows of a view of schema `bi`, as one moment has them, streamed as CSV or JSON or given page by page."""

import base64
import binascii
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

import asyncpg
import orjson

from events.store import StoreError, StoreUnavailableError
from projections.bi import BiView
from projections.database import translated

type Sink = Callable[[bytes], Coroutine[Any, Any, None]]
"""Takes bytes as they come. While it waits, the database waits: nothing piles up. May raise `OSError`."""

EXPORT_TIMEOUT_S: Final = 1_800.0
"""Seconds that a whole export may take, whoever reads it slowly included."""
_FORMULA: Final = "61, 43, 45, 64, 9, 13, 10, 65309, 65291, 65293, 65312"
"""Code points of = + - @, tab, CR, LF and the full-width forms: what a spreadsheet takes for the start of a formula
(OWASP, CSV Injection)."""
_TEXT: Final = frozenset({"text", "character varying", "name", '"char"'})
# A row of JSON holds no control character, so with these the server quotes nothing and a line is a row as it is.
_BARE: Final = {"format": "csv", "delimiter": "\x02", "quote": "\x01"}
_COLUMNS: Final = """
SELECT a.attname AS name, format_type(a.atttypid, NULL) AS type
  FROM pg_attribute a WHERE a.attrelid = $1::regclass AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum
"""
_CHECKPOINT: Final = "SELECT position, generation FROM projections.checkpoints WHERE name = $1"


class ExportError(ValueError):
    """What was asked for does not fit the view: a filter on a column that it lacks, or a cursor that is none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """A column of a view."""

    name: str
    type: str
    """As PostgreSQL names it, such as `double precision`."""

    @property
    def nested(self) -> bool:
        """Whether its values are lists or objects."""
        return self.type.endswith("[]") or self.type == "jsonb"


@dataclass(frozen=True, slots=True, kw_only=True)
class Filters:
    """Which rows are meant; conditions that hold together. Times are half-open: `since` <= time < `until`."""

    tenant: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    counter_id: str | None = None
    session_id: str | None = None


@dataclass(frozen=True, slots=True)
class RowPage:
    """Some rows, each a JSON object, and where to go on."""

    rows: list[bytes]
    next: str | None
    """The cursor of the next page, None on the last."""


@dataclass(frozen=True, kw_only=True)
class Export:
    """A view at one moment. Made by `open_export`; all that it gives is of that moment."""

    view: BiView
    position: int
    """The last event that its rows know of."""
    generation: int
    columns: tuple[Column, ...]
    filters: Filters
    connection: asyncpg.Connection = field(repr=False)

    @property
    def etag(self) -> str:
        """Changes whenever a row may have changed, or the view itself."""
        return f"{self.position}-{self.generation}-{self.view.definition.hex()[:8]}"

    async def count(self) -> int:
        """Return how many rows there are."""
        text, arguments = self.query("1")
        with translated():
            return int(await self.connection.fetchval(f"SELECT count(*) FROM ({text}) t", *arguments))  # noqa: S608 - as `query`

    async def write_csv(self, sink: Sink) -> None:
        """Write RFC 4180 with a header line, in UTF-8; lists and objects as JSON, times in UTC, null as nothing.

        A text that a spreadsheet would take for a formula gets an apostrophe in front.

        Raises:
            StoreUnavailableError: the database is away.
        """
        text, arguments = self.query(", ".join(escaped(column) for column in self.columns), ordered=True)
        await self.copy(text, arguments, sink, format="csv", header=True)

    async def write_json(self, sink: Sink) -> None:
        """Write a JSON list of objects, a row a line. Raises as `write_csv`."""
        text, arguments = self.query(", ".join(f'"{column.name}"' for column in self.columns), ordered=True)
        first = True

        async def lines(data: bytes) -> None:
            nonlocal first
            await sink((b"[\n" if first else b",\n") + data.removesuffix(b"\n").replace(b"\n", b",\n"))
            first = False

        await self.copy(f"SELECT row_to_json(t) FROM ({text}) t", arguments, lines, **_BARE)  # noqa: S608 - as `query`
        await sink(b"[]\n" if first else b"\n]\n")

    async def page(self, *, after: str | None, limit: int) -> RowPage:
        """Return rows in the order of the view's key, after a cursor.

        Raises:
            ExportError: the cursor is none of this view.
            StoreUnavailableError: the database is away.
        """
        types = {column.name: column.type for column in self.columns}
        key = ", ".join(f't."{name}"' for name in self.view.key)
        beyond: list[str] = [] if after is None else _from_cursor(after, len(self.view.key))
        text, arguments = self.query(", ".join(f'"{column.name}"' for column in self.columns))
        places = ", ".join(
            f"${number}::text::{types[name]}" for number, name in enumerate(self.view.key, len(arguments) + 1)
        )
        later = f"WHERE ({key}) > ({places})" if beyond else ""
        as_text = ", ".join(f't."{name}"::text' for name in self.view.key)
        try:
            rows = await self.connection.fetch(
                f"SELECT row_to_json(t)::text AS row, ARRAY[{as_text}] AS key"  # noqa: S608 - as `query`
                f" FROM ({text}) t {later} ORDER BY {key} LIMIT {int(limit) + 1}",
                *arguments,
                *beyond,
            )
        except asyncpg.DataError:
            raise ExportError("the cursor is none of this view") from None
        more = len(rows) > limit
        return RowPage([row["row"].encode() for row in rows[:limit]], _cursor(rows[limit - 1]["key"]) if more else None)

    def query(self, selected: str, *, ordered: bool = False) -> tuple[str, list[object]]:
        """Return a statement for the chosen rows and its arguments. Names in it come from the catalogue alone."""
        arguments: list[object] = []
        conditions: list[str] = []

        def also(condition: str, value: object) -> None:
            if value is not None:
                arguments.append(value)
                conditions.append(condition.format(f"${len(arguments)}"))

        also('"tenant" = {}::text', self.filters.tenant)
        also('"counter_id" = {}::text', self.filters.counter_id)
        also('"session_id" = {}::text', self.filters.session_id)
        also(f'"{self.view.time}" >= {{}}::timestamptz', self.filters.since)
        also(f'"{self.view.time}" < {{}}::timestamptz', self.filters.until)
        where = f" WHERE {' AND '.join(conditions)}" if conditions else ""
        order = " ORDER BY " + ", ".join(f'"{name}"' for name in self.view.key) if ordered else ""
        return f"SELECT {selected} FROM bi.{self.view.name}{where}{order}", arguments  # noqa: S608 - see above

    async def copy(self, text: str, arguments: list[object], sink: Sink, **options: Any) -> None:
        """Let the server write what a statement selects. Raises as `write_csv`, and what the sink raises as it is."""
        failed: list[OSError] = []

        async def output(data: bytes) -> None:
            try:
                await sink(data)
            except OSError as error:
                failed.append(error)
                raise

        try:
            with translated():
                await self.connection.copy_from_query(
                    text, *arguments, output=output, timeout=EXPORT_TIMEOUT_S, **options
                )
        except StoreUnavailableError:
            if failed:
                raise failed[0] from None
            raise


@asynccontextmanager
async def open_export(dsn: str, view: BiView, filters: Filters) -> AsyncIterator[Export]:
    """Look at a view as it is now, for the length of the block.

    Raises:
        ExportError: a filter names what the view has no column for.
        StoreError: there is no such view in this database.
        StoreUnavailableError: the database is away.
    """
    with translated():
        connection = await asyncpg.connect(
            dsn, server_settings={"application_name": "balto export", "TimeZone": "UTC", "jit": "off"}
        )
    try:
        with translated():
            await connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            # Takes no snapshot: what the view shows from here on is the generation that the snapshot has rows of.
            await connection.execute(f"LOCK TABLE bi.{view.name} IN ACCESS SHARE MODE")
            checkpoint = await connection.fetchrow(_CHECKPOINT, view.read_model)
            rows = await connection.fetch(_COLUMNS, f"bi.{view.name}")
        if checkpoint is None:
            raise StoreError(f"the checkpoint of {view.read_model} is gone")
        columns = tuple(Column(name=row["name"], type=row["type"]) for row in rows)
        _demand(view, columns, filters)
        yield Export(
            view=view,
            position=checkpoint["position"],
            generation=checkpoint["generation"],
            columns=columns,
            filters=filters,
            connection=connection,
        )
    finally:
        # What was being read is of no use any more, and may be most of the table: nothing waits for it.
        connection.terminate()


def escaped(column: Column) -> str:
    """Return an expression for a column as spreadsheets may have it."""
    name = f'"{column.name}"'
    if column.nested:
        return f"to_jsonb({name})::text AS {name}"
    if column.type in _TEXT:
        return f"CASE WHEN ascii({name}) IN ({_FORMULA}) THEN '''' || {name} ELSE {name} END AS {name}"
    return name


def _demand(view: BiView, columns: tuple[Column, ...], filters: Filters) -> None:
    names = {column.name for column in columns}
    for name in ("tenant", "counter_id", "session_id"):
        if getattr(filters, name) is not None and name not in names:
            raise ExportError(f"{view.name} has no column {name}")
    if view.time is None and (filters.since or filters.until):
        raise ExportError(f"{view.name} has no time")


def _cursor(key: list[str]) -> str:
    return base64.urlsafe_b64encode(orjson.dumps(key)).decode().rstrip("=")


def _from_cursor(cursor: str, length: int) -> list[str]:
    try:
        key = orjson.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except (binascii.Error, ValueError):
        key = None
    if isinstance(key, list) and len(key) == length and all(isinstance(part, str) for part in key):
        return key
    raise ExportError("the cursor is none of this view")
