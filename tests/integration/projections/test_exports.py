"""Exports: every form holds the same rows, of one moment, and nothing that a spreadsheet would run."""

import asyncio
import base64
import csv
import errno
import io
import zipfile
from datetime import UTC, date, datetime
from pathlib import Path
from xml.etree import ElementTree as ET

import orjson
import pytest
from pyarrow import parquet

from projections.bi import BiView, bi_views, find_view
from projections.export_parquet import whole_rows, write_parquet
from projections.export_xlsx import Workbook, WorkbookError
from projections.exports import Export, ExportError, Filters, open_export
from projections.projector import Projector
from tests.integration.projections.days import day
from tests.integration.projections.script import Ledger

NASTY = ["=1+1", "+1", "-1", "@a", "\tx", "\rx", "\nx", "＝1", 'say "x",\nthen\r\nleave', "", " ", "é日本", "{}", "\\N"]

_SOMEBODY_WAITS = """
SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted
                  AND relation IN ('bi.clients_v1'::regclass, 'projections.clients'::regclass))
"""


def view(name: str) -> BiView:
    found = find_view(name)
    assert found is not None
    return found


@pytest.fixture
async def filled(ledger: Ledger, projector: Projector) -> Projector:
    for stream, tenant, us, event in day(7, sessions=5):
        await ledger.append(stream, tenant, event, at_us=us)
    await projector.catch_up()
    return projector


class Bytes:
    """A sink that keeps everything."""

    def __init__(self) -> None:
        self.data = b""
        self.pieces = 0

    async def __call__(self, data: bytes) -> None:
        self.data += data
        self.pieces += 1


@pytest.fixture
async def nasty(filled: Projector) -> Projector:
    """Names of counters that a spreadsheet, a CSV reader or JSON might stumble over."""
    await filled.pool.executemany(
        "INSERT INTO counters_g1.counters (counter_id, code, name) VALUES ($1, 'nasty', $2)",
        [(f"n{number:02}", name) for number, name in enumerate(NASTY)] + [("n99", None)],
    )
    return filled


async def rows_of(export: Export) -> list[dict[str, object]]:
    sink = Bytes()
    await export.write_json(sink)
    rows: list[dict[str, object]] = orjson.loads(sink.data)
    return rows


async def test_json_holds_every_row_of_every_view(filled: Projector, postgres_url: str) -> None:
    for one in bi_views():
        async with open_export(postgres_url, one, Filters()) as export:
            rows = await rows_of(export)
            assert (
                len(rows) == await export.count() == await filled.pool.fetchval(f"SELECT count(*) FROM bi.{one.name}")
            )
            assert all(list(row) == [column.name for column in export.columns] for row in rows)


async def test_a_generation_that_takes_over_meanwhile_waits_for_the_export(
    filled: Projector, postgres_url: str
) -> None:
    held = await filled.pool.fetchval("SELECT count(*) FROM bi.clients_v1")
    async with open_export(postgres_url, view("clients"), Filters()) as export:
        rebuilding = asyncio.create_task(filled.rebuild("clients"))
        async with asyncio.timeout(60):
            while not rebuilding.done() and not await filled.pool.fetchval(_SOMEBODY_WAITS):  # noqa: ASYNC110 - of the server
                await asyncio.sleep(0.01)
        assert await export.count() == len(await rows_of(export)) == held > 0
        generation = export.generation
    await rebuilding
    async with open_export(postgres_url, view("clients"), Filters()) as export:
        assert (await export.count(), export.generation) == (held, generation + 1)


async def test_what_a_sink_fails_with_is_told_as_it_is(filled: Projector, postgres_url: str) -> None:
    async def full(data: bytes) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    async def write(export: Export, form: str) -> None:
        await (write_parquet(export, full) if form == "parquet" else getattr(export, f"write_{form}")(full))

    for form in ("csv", "json", "parquet"):
        async with open_export(postgres_url, view("clients"), Filters()) as export:
            with pytest.raises(OSError, match="No space left"):
                await write(export, form)


async def test_an_empty_export_is_whole_in_every_form(projector: Projector, postgres_url: str, tmp_path: Path) -> None:
    async with open_export(postgres_url, view("sessions"), Filters()) as export:
        assert await rows_of(export) == []
        text, table = Bytes(), Bytes()
        await export.write_csv(text)
        assert text.data.decode().split("\n")[1:] == [""]
        assert await write_parquet(export, table) == 0
        assert parquet.read_table(io.BytesIO(table.data)).num_rows == 0
        async with Workbook(tmp_path / "a.xlsx") as workbook:
            assert await workbook.add(export) == 0


async def test_csv_escapes_what_a_spreadsheet_would_run_and_keeps_all_else(nasty: Projector, postgres_url: str) -> None:
    sink = Bytes()
    async with open_export(postgres_url, view("counters"), Filters(tenant="nasty")) as export:
        await export.write_csv(sink)
    rows = list(csv.DictReader(io.StringIO(sink.data.decode(), newline="")))
    names = [row["name"] for row in rows]
    assert names == [f"'{name}" if number < 8 else name for number, name in enumerate(NASTY)] + [""]
    assert [row["tenant"] for row in rows] == ["nasty"] * len(rows)


async def test_json_and_parquet_keep_every_text_as_it_is(nasty: Projector, postgres_url: str) -> None:
    table = Bytes()
    async with open_export(postgres_url, view("counters"), Filters(tenant="nasty")) as export:
        assert [row["name"] for row in await rows_of(export)] == [*NASTY, None]
        assert await write_parquet(export, table) == len(NASTY) + 1
    read = parquet.read_table(io.BytesIO(table.data))
    assert read.column("name").to_pylist() == [*NASTY, None]
    assert read.schema.metadata[b"balto.view"] == b"counters_v1"


async def test_a_workbook_holds_the_same_rows_and_no_formula(
    nasty: Projector, postgres_url: str, tmp_path: Path
) -> None:
    path = tmp_path / "counters.xlsx"
    async with (
        open_export(postgres_url, view("counters"), Filters(tenant="nasty")) as export,
        open_export(postgres_url, view("phrase_timeline"), Filters()) as other,
        Workbook(path) as workbook,
    ):
        await workbook.add(export)
        phrases = await workbook.add(other, "frases")
    with zipfile.ZipFile(path) as book:
        sheets = [book.read(f"xl/worksheets/sheet{number}.xml").decode() for number in (1, 2)]
    assert "<f>" not in "".join(sheets)
    space = {"s": "http://schemas.openxmlformats.org/spreadsheetml/2006/main"}
    first, second = (ET.fromstring(sheet).findall(".//s:row", space) for sheet in sheets)
    assert (len(first), len(second)) == (len(NASTY) + 2, phrases + 1)
    shown = ["".join(cell.itertext()) for row in first[1:9] for cell in row.findall("s:c", space)[2:3]]
    assert all(text.lstrip("'") != text for text in shown)


async def test_parquet_has_types_and_the_rows_of_json(filled: Projector, postgres_url: str) -> None:
    for one in bi_views():
        sink = Bytes()
        async with open_export(postgres_url, one, Filters()) as export:
            expected = await rows_of(export)
            await write_parquet(export, sink)
        table = parquet.read_table(io.BytesIO(sink.data))
        for got, row in zip(table.to_pylist(), expected, strict=True):
            for name, value in row.items():
                match got[name]:
                    case datetime() as moment:
                        assert moment == datetime.fromisoformat(str(value))
                    case date() as day:
                        assert day.isoformat() == value
                    case str() as text if not isinstance(value, str):
                        assert orjson.loads(text) == value  # an object
                    case other:
                        assert other == value, (one.name, name)


async def test_pages_follow_one_another_without_a_gap_or_a_double(filled: Projector, postgres_url: str) -> None:
    for one in bi_views():
        paged: list[object] = []
        after = None
        async with open_export(postgres_url, one, Filters()) as export:
            while True:
                page = await export.page(after=after, limit=3)
                assert len(page.rows) <= 3
                paged += [orjson.loads(row) for row in page.rows]
                after = page.next
                if after is None:
                    break
            assert paged == await rows_of(export)


@pytest.mark.parametrize(
    "cursor", ["", "x", "é", "W10", base64.urlsafe_b64encode(b'["a"]').decode(), "WyJhIiwiYiJd", "WzEsMl0"]
)
async def test_a_cursor_that_is_none_is_refused(filled: Projector, postgres_url: str, cursor: str) -> None:
    async with open_export(postgres_url, view("phrase_timeline"), Filters()) as export:
        with pytest.raises(ExportError):
            await export.page(after=cursor, limit=3)


async def test_filters_hold_together(filled: Projector, postgres_url: str) -> None:
    async with open_export(postgres_url, view("phrase_timeline"), Filters()) as export:
        rows = await rows_of(export)
    captured = sorted(str(row["captured_at"]) for row in rows if row["captured_at"])
    middle = datetime.fromisoformat(captured[len(captured) // 2])
    row = next(row for row in rows if row["captured_at"] == captured[len(captured) // 2])
    for filters, expected in (
        (Filters(since=middle), sum(c >= captured[len(captured) // 2] for c in captured)),
        (Filters(until=middle), sum(c < captured[len(captured) // 2] for c in captured)),
        (Filters(session_id=str(row["session_id"])), sum(r["session_id"] == row["session_id"] for r in rows)),
        (Filters(counter_id=str(row["counter_id"])), sum(r["counter_id"] == row["counter_id"] for r in rows)),
        (Filters(tenant=str(row["tenant"])), sum(r["tenant"] == row["tenant"] for r in rows)),
        (Filters(tenant="'; DROP TABLE x; --"), 0),
    ):
        async with open_export(postgres_url, view("phrase_timeline"), filters) as export:
            assert await export.count() == expected


async def test_a_filter_on_what_a_view_lacks_is_refused(filled: Projector, postgres_url: str) -> None:
    for filters in (Filters(session_id="s"), Filters(counter_id="c")):
        with pytest.raises(ExportError):
            async with open_export(postgres_url, view("clients"), filters):
                pass


async def test_an_export_is_of_one_moment_and_its_tag_changes_with_the_rows(
    filled: Projector, ledger: Ledger, postgres_url: str
) -> None:
    async with open_export(postgres_url, view("clients"), Filters()) as export:
        before = await export.count()
        for stream, tenant, us, event in day(8, sessions=1)[:1]:
            await ledger.append(f"{stream}-late", tenant, event, at_us=us)
        await filled.catch_up()
        assert await export.count() == before
        async with open_export(postgres_url, view("clients"), Filters()) as later:
            assert later.etag != export.etag
            assert later.position == export.position + 1
        async with open_export(postgres_url, view("clients"), Filters()) as again:
            assert again.etag == later.etag


async def test_a_sheet_takes_no_more_rows_than_it_may(filled: Projector, postgres_url: str, tmp_path: Path) -> None:
    async with open_export(postgres_url, view("phrase_timeline"), Filters()) as export:
        with pytest.raises(WorkbookError, match="more than 3 rows"):
            async with Workbook(tmp_path / "a.xlsx", most_rows=3) as workbook:
                await workbook.add(export)


@pytest.mark.parametrize(
    ("data", "length"),
    [
        (b"", 0),
        (b"a", 0),
        (b"a\n", 2),
        (b"a\nb", 2),
        (b'a\n"b\n', 2),
        (b'"a\nb"\nc', 6),
        (b'"a""\n', 0),
        (b'"\n"\n"\n', 4),
    ],
)
def test_rows_are_cut_where_no_quotes_are_open(data: bytes, length: int) -> None:
    assert whole_rows(data) == length


async def test_times_are_in_utc(filled: Projector, postgres_url: str) -> None:
    async with open_export(postgres_url, view("sessions"), Filters()) as export:
        started = {str(row["started_at"]) for row in await rows_of(export)}
    assert all(datetime.fromisoformat(one).utcoffset() == UTC.utcoffset(None) for one in started)
