"""Read models for analysts: which there are, their rows page by page, and whole as files."""

import asyncio
import contextlib
import logging
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Annotated, Final, Literal

import orjson
from aiohttp import web
from pydantic import BaseModel, Field

from balto.web.answers import RequestError, answer, json_bytes
from balto.web.described import JSON, described
from balto.web.fresh import caught_up
from balto.web.keys import BALTO, CALLER, LIMITS
from balto.web.pacing import EXPORT_S, Pace, StalledReaderError
from balto.web.queries import Moment, Name, read_query, tenant_of
from balto.web.shapes import ReadModels, Rows
from events.store import StoreError
from projections import reports
from projections.bi import BiView, bi_views, find_view
from projections.export_parquet import ParquetError, write_parquet
from projections.export_xlsx import TooManyRowsError, Workbook, WorkbookError
from projections.exports import Export, ExportError, Filters, open_export

routes = web.RouteTableDef()
logger = logging.getLogger(__name__)

_MOST_SHEET_ROWS: Final = 50_000
"""Of a workbook over HTTP: writing one takes the interpreter from those who listen. `balto export` writes more."""
_BLOCK: Final = 256 * 1024
_TYPES: Final = {
    "csv": "text/csv; charset=utf-8",
    "parquet": "application/vnd.apache.parquet",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}
_SHEETS: Final = {
    "interactions": "interacoes",
    "phrase_timeline": "tempos",
    "phrase_biometrics": "voz",
    "sessions": "sessoes",
    "counters": "balcoes",
}


class RowsQuery(BaseModel):
    """Which rows, and how."""

    format: Annotated[
        Literal["json", "csv", "parquet", "xlsx"], Field(description="`json` gives pages, the others all rows.")
    ] = "json"
    limit: Annotated[int, Field(ge=1, le=5_000, description="Rows of a page.")] = 500
    after: Annotated[str | None, Field(max_length=2_000, description="`next` of the page before.")] = None
    since: Annotated[Moment | None, Field(description="Whose time is then or later; UTC where it does not say.")] = None
    until: Annotated[Moment | None, Field(description="Whose time is before then.")] = None
    counter: Annotated[Name | None, Field(description="Rows of one counter.")] = None
    session: Annotated[Name | None, Field(description="Rows of one session.")] = None
    codigo: Annotated[Name | None, Field(description="Rows of one client; an analyst sees theirs alone.")] = None


class WorkbookQuery(BaseModel):
    """Whose workbook."""

    codigo: Annotated[Name | None, Field(description="The client; may be left out where there is but one.")] = None


@routes.get("/api/v1/projections")
@described(topic="projections", gives=ReadModels)
async def projections(request: web.Request) -> web.Response:
    """Return the read models that can be had, each with its present view and how far its rows are."""
    status = {row.name: row for row in await request.app[BALTO].library.projector.status()}
    latest = {view.subject: view for view in bi_views()}
    return answer(
        {
            "projections": [
                {
                    "name": view.subject,
                    "view": view.name,
                    "key": view.key,
                    "time": view.time,
                    "position": status[view.read_model].position,
                    "lag": status[view.read_model].lag,
                    "state": status[view.read_model].state,
                }
                for view in latest.values()
                if view.read_model in status
            ]
        }
    )


@routes.get("/api/v1/projections/{name}")
@described(
    topic="projections", query=RowsQuery, gives=Rows, media=(JSON, *_TYPES.values()), extra=((304, "Not modified."),)
)
async def rows(request: web.Request) -> web.StreamResponse:
    """Return rows of a read model as one moment has them: a page as JSON, or all as a file.

    The ETag is the position of the last event that the rows know of: with If-None-Match, 304 while they are the same.
    """
    query = read_query(request, RowsQuery)
    view = find_view(request.match_info["name"])
    if view is None:
        raise RequestError(404, "projeção não encontrada")
    filters = Filters(
        tenant=tenant_of(request, query.codigo),
        since=query.since,
        until=query.until,
        counter_id=query.counter,
        session_id=query.session,
    )
    await caught_up(request, view.read_model)
    if query.format == "xlsx":
        return await _sheet(request, view, filters)
    async with _opened(request, view, filters) as export:
        if _unchanged(request, export):
            return _tagged(web.Response(status=304), export)
        if query.format == "json":
            return await _page(export, query)
        return await _streamed(request, export, query.format)


@routes.get("/api/export/xlsx")
@described(topic="projections", query=WorkbookQuery, media=(_TYPES["xlsx"],))
async def workbook(request: web.Request) -> web.StreamResponse:
    """Return a client's workbook: interactions, times, voices, sessions and counters. No words that were said."""
    asked = read_query(request, WorkbookQuery).codigo
    tenant = tenant_of(request, asked) or await _only_client(request)
    views = [view for view in map(find_view, _SHEETS) if view is not None]
    await caught_up(request, *(view.read_model for view in views))
    with tempfile.TemporaryDirectory(prefix="balto-export-") as folder:
        path = Path(folder, "balto.xlsx")
        async with _in_turn(request):
            try:
                async with Workbook(path, most_rows=_MOST_SHEET_ROWS) as book:
                    for view in views:
                        async with _looking(request, view, Filters(tenant=tenant)) as export:
                            await book.add(export, _SHEETS[view.subject])
            except WorkbookError as error:
                raise _refused(error) from None
        return await _sent(request, path, web.StreamResponse(headers=_headers("xlsx", f"balto-{tenant}.xlsx")))


@contextlib.asynccontextmanager
async def _opened(request: web.Request, view: BiView, filters: Filters) -> AsyncIterator[Export]:
    async with _in_turn(request), _looking(request, view, filters) as export:
        yield export


@contextlib.asynccontextmanager
async def _in_turn(request: web.Request) -> AsyncIterator[None]:
    async with request.app[LIMITS].exports.passed(request[CALLER].name):
        yield


@contextlib.asynccontextmanager
async def _looking(request: web.Request, view: BiView, filters: Filters) -> AsyncIterator[Export]:
    try:
        async with open_export(request.app[BALTO].library.dsn, view, filters) as export:
            yield export
    except ExportError:
        raise RequestError(400, "filtro ou cursor que esta projeção não tem") from None


async def _page(export: Export, query: RowsQuery) -> web.Response:
    page = await export.page(after=query.after, limit=query.limit)
    body = orjson.dumps(
        {
            "view": export.view.name,
            "position": export.position,
            "rows": [orjson.Fragment(row) for row in page.rows],
            "next": page.next,
        }
    )
    return _tagged(json_bytes(body), export)


async def _streamed(request: web.Request, export: Export, form: Literal["csv", "parquet"]) -> web.StreamResponse:
    response = _tagged(web.StreamResponse(headers=_headers(form, f"{export.view.name}.{form}")), export)
    pace = Pace(request, response, longest_s=EXPORT_S)

    async def sink(data: bytes) -> None:
        if not response.prepared:
            await response.prepare(request)
        await pace.write(data)

    try:
        await (export.write_csv(sink) if form == "csv" else write_parquet(export, sink))
    except ParquetError as error:
        raise _refused(error) from None
    except (StoreError, ConnectionError) as error:
        if not response.prepared:
            raise
        # The status is out already: a body that is cut off is the one way left to say that it is not whole.
        logger.warning("an export was cut off: %s", type(error).__name__)
        if request.transport is not None:
            request.transport.abort()
        return response
    await response.write_eof()
    return response


async def _sheet(request: web.Request, view: BiView, filters: Filters) -> web.StreamResponse:
    with tempfile.TemporaryDirectory(prefix="balto-export-") as folder:
        path = Path(folder, "rows.xlsx")
        async with _opened(request, view, filters) as export:
            if _unchanged(request, export):
                return _tagged(web.Response(status=304), export)
            try:
                async with Workbook(path, most_rows=_MOST_SHEET_ROWS) as book:
                    await book.add(export)
            except WorkbookError as error:
                raise _refused(error) from None
            response = _tagged(web.StreamResponse(headers=_headers("xlsx", f"{view.name}.xlsx")), export)
        # While it is sent, nothing of the database is held.
        return await _sent(request, path, response)


async def _sent(request: web.Request, path: Path, response: web.StreamResponse) -> web.StreamResponse:
    await response.prepare(request)
    pace = Pace(request, response, longest_s=EXPORT_S)
    with await asyncio.to_thread(path.open, "rb") as file, contextlib.suppress(StalledReaderError):
        while block := await asyncio.to_thread(file.read, _BLOCK):
            await pace.write(block)
        await response.write_eof()
    return response


def _unchanged(request: web.Request, export: Export) -> bool:
    return any(tag.value in {export.etag, "*"} for tag in request.if_none_match or ())


async def _only_client(request: web.Request) -> str:
    projector = await caught_up(request, "clients")
    clients = await reports.clients(projector.pool)
    if len(clients) != 1:
        raise RequestError(400, "informe o codigo do cliente")
    return clients[0].code


def _refused(error: ParquetError | WorkbookError) -> RequestError:
    if isinstance(error, TooManyRowsError):
        return RequestError(413, f"mais de {_MOST_SHEET_ROWS} linhas; filtre, ou peça CSV ou Parquet")
    return RequestError(501, "este servidor não escreve este formato")


def _headers(form: str, name: str) -> dict[str, str]:
    return {
        "Content-Type": _TYPES[form],
        "Content-Disposition": f'attachment; filename="{name}"',
        "X-Content-Type-Options": "nosniff",
    }


def _tagged[R: web.StreamResponse](response: R, export: Export) -> R:
    response.etag = export.etag
    # Kept by whoever asked alone, and asked for again each time.
    response.headers["Cache-Control"] = "private, no-cache"
    response.headers["Vary"] = "Authorization, X-API-Key, Cookie"
    return response
