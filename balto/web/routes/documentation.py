"""The API's own description: as OpenAPI for programs, and as a page that needs nothing from elsewhere."""

import html
import re
from typing import Any, Final

from aiohttp import web

from balto.web.answers import json_bytes
from balto.web.asyncapi import written as asyncapi_document
from balto.web.described import described
from balto.web.openapi import document, written

routes = web.RouteTableDef()

_CODE: Final = re.compile("`([^`]+)`")
_HEADERS: Final = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; base-uri 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


@routes.get("/api/v1/openapi.json")
@described(topic="documentation", media=("application/json",), gives=dict[str, Any])
async def openapi(request: web.Request) -> web.Response:
    """Return this document."""
    return json_bytes(written(request.app.router))


@routes.get("/api/v1/asyncapi.json")
@described(topic="documentation", media=("application/json",), gives=dict[str, Any])
async def asyncapi(_request: web.Request) -> web.Response:
    """Return the AsyncAPI document of the socket."""
    return json_bytes(asyncapi_document())


@routes.get("/docs")
@described(topic="documentation", media=("text/html",))
async def page(request: web.Request) -> web.Response:
    """Return it as a page for people."""
    body = _page(document(request.app.router))
    return web.Response(text=body, content_type="text/html", charset="utf-8", headers=_HEADERS)


def _page(whole: dict[str, Any]) -> str:
    operations = "".join(
        _operation(method, path, operation)
        for path, methods in whole["paths"].items()
        for method, operation in methods.items()
    )
    shapes = "".join(
        f'<section id="{_text(name)}"><h3>{_text(name)}</h3><p>{_prose(shape.get("description", ""))}</p>'
        f"{_table(shape.get('properties', {}), set(shape.get('required', [])))}</section>"
        for name, shape in whole["components"]["schemas"].items()
    )
    info = whole["info"]
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1"><title>Balto: HTTP</title>'
        '<link rel="stylesheet" href="/console/docs.css">'
        f"<main><h1>Balto {_text(info['version'])}</h1><p>{_prose(info['description'])}</p>"
        f'<p><a href="/api/v1/openapi.json">OpenAPI 3.1</a>, <a href="/api/v1/asyncapi.json">AsyncAPI 3.0</a> '
        f"of the socket</p><h2>Routes</h2>{operations}"
        f"<h2>Shapes</h2>{shapes}</main></html>"
    )


def _operation(method: str, path: str, operation: dict[str, Any]) -> str:
    given = operation.get("parameters", [])
    parameters = {one["name"]: {**one["schema"], "description": one.get("description", "")} for one in given}
    required = {one["name"] for one in given if one.get("required")}
    answers = "".join(
        f"<li>{_text(status)}: {_prose(answer['description'])} {_media(answer.get('content', {}))}</li>"
        for status, answer in operation["responses"].items()
    )
    body = operation.get("requestBody")
    taken = f"<p>Takes {_media(body['content'])}</p>" if body else ""
    return (
        f"<details><summary><code>{method.upper()} {_text(path)}</code> {_prose(operation['summary'])}</summary>"
        f"<p>{_prose(operation['description'])}</p>{_table(parameters, required)}{taken}<ul>{answers}</ul></details>"
    )


def _table(fields: dict[str, Any], required: set[str]) -> str:
    rows = "".join(
        f"<tr><td><code>{_text(name)}</code>{'' if name in required else '?'}</td><td>{_kind(schema)}</td>"
        f"<td>{_prose(schema.get('description', ''))}</td></tr>"
        for name, schema in fields.items()
    )
    return f"<table>{rows}</table>" if rows else ""


def _media(content: dict[str, Any]) -> str:
    shown = (f"{_text(media)} {_kind(one['schema']) if 'schema' in one else ''}" for media, one in content.items())
    return ", ".join(shown)


def _kind(schema: dict[str, Any]) -> str:
    match schema:
        case {"$ref": str() as reference}:
            name = _text(reference.rpartition("/")[2])
            return f'<a href="#{name}">{name}</a>'
        case {"anyOf": kinds}:
            return " or ".join(_kind(kind) for kind in kinds)
        case {"enum": [*values]}:
            return _text(" | ".join(map(str, values)))
        case {"const": value}:
            return _text(str(value))
        case {"type": "array"}:
            return f"list of {_kind(schema.get('items', {}))}"
        case _:
            return _text(str(schema.get("format", schema.get("type", "anything"))))


def _text(text: str) -> str:
    return html.escape(text)


def _prose(text: str) -> str:
    """Return sentences, with what stands in backticks as code."""
    return _CODE.sub(r"<code>\1</code>", _text(text))
