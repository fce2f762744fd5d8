"""Exports as an Excel workbook: one sheet a view, written row by row so that memory stays as it is."""

import asyncio
from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, Final, Self

from projections.database import translated
from projections.exports import Export, escaped

MOST_ROWS: Final = 1_048_575
"""Rows of a sheet beside its heading."""
_BATCH: Final = 2_000
_LONGEST_TEXT: Final = 32_767
_LONGEST_NAME: Final = 31


class WorkbookError(Exception):
    """A workbook cannot be written, and why."""


class TooManyRowsError(WorkbookError):
    """A sheet cannot hold so many rows."""


class Workbook:
    """A workbook under way. Text that a spreadsheet would take for a formula gets an apostrophe, and none is one.

    Args:
        path: of the file, which is there once the block ends.
        most_rows: of a sheet.

    Raises:
        WorkbookError: XlsxWriter is not installed.
    """

    def __init__(self, path: Path, *, most_rows: int = MOST_ROWS) -> None:
        try:
            import xlsxwriter  # noqa: PLC0415 - an extra
        except ImportError:
            raise WorkbookError("workbooks need XlsxWriter: install the extra `export`") from None
        options = {"constant_memory": True, "nan_inf_to_errors": True, "default_date_format": "yyyy-mm-dd hh:mm:ss"}
        self._book: Any = xlsxwriter.Workbook(str(path), options)
        self._most_rows = min(most_rows, MOST_ROWS)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await asyncio.to_thread(self._book.close)

    async def add(self, export: Export, name: str | None = None) -> int:
        """Add a sheet with the rows of a view, times in UTC, and return how many there are.

        Raises:
            TooManyRowsError: they are more than a sheet may hold.
            StoreUnavailableError: the database is away.
        """
        sheet = self._book.add_worksheet((name or export.view.subject)[:_LONGEST_NAME])
        sheet.freeze_panes(1, 0)
        for number, column in enumerate(export.columns):
            sheet.write_string(0, number, column.name)
        text, arguments = export.query(", ".join(escaped(column) for column in export.columns), ordered=True)
        written = 0
        with translated():
            cursor = await export.connection.cursor(text, *arguments)
            while rows := await cursor.fetch(_BATCH):
                if written + len(rows) > self._most_rows:
                    raise TooManyRowsError(f"{export.view.subject} has more than {self._most_rows} rows")
                await asyncio.to_thread(_write, sheet, written + 1, rows)
                written += len(rows)
        return written


def _write(sheet: Any, first: int, rows: Sequence[Any]) -> None:
    for row_number, row in enumerate(rows, first):
        for column_number, value in enumerate(row):
            match value:
                case None:
                    pass
                case bool():
                    sheet.write_boolean(row_number, column_number, value)
                case int() | float() | Decimal():
                    sheet.write_number(row_number, column_number, value)
                case datetime() | date():
                    # A sheet knows no zones; the connection's is UTC.
                    naive = value.replace(tzinfo=None) if isinstance(value, datetime) else value
                    sheet.write_datetime(row_number, column_number, naive)
                case _:
                    sheet.write_string(row_number, column_number, str(value)[:_LONGEST_TEXT])
