"""The OpenAPI 3.1 document of all HTTP, built from the routes, the table of access and the handlers' models."""

import inspect
import re
from importlib.metadata import version
from typing import Any, Final

import orjson
from aiohttp import web
from pydantic import BaseModel, TypeAdapter

from balto.security.access import Access, access_to
from balto.security.admin import COOKIE
from balto.web.described import JSON, Description, description_of
from balto.web.shapes import Erro

_REF: Final = "#/components/schemas/{model}"
_SCHEMES: Final = {
    "counterKey": {"type": "http", "scheme": "bearer", "description": "A counter's key, `bk_…`; or as X-API-Key."},
    "analystToken": {"type": "http", "scheme": "bearer", "description": "A token of `balto bi token`, `bt_…`."},
    "metricsToken": {"type": "http", "scheme": "bearer", "description": "`BALTO_METRICS_TOKEN`; opens /metrics alone."},
    "adminSession": {"type": "apiKey", "in": "cookie", "name": COOKIE, "description": "From POST /admin/login."},
}
type _Scheme = dict[str, list[str]]
_ADMIN: Final[_Scheme] = {"adminSession": []}
_KEY: Final[_Scheme] = {"counterKey": []}
_TOKEN: Final[_Scheme] = {"analystToken": []}
_WATCHER: Final[_Scheme] = {"metricsToken": []}
_NONE: Final[_Scheme] = {}
_SECURITY: Final[dict[Access, tuple[list[_Scheme], str]]] = {
    Access.PUBLIC: ([_NONE], "anyone"),
    Access.REGISTRATION: ([_NONE, _ADMIN], "anyone while registration is open, else the administrator"),
    Access.ADMIN: ([_ADMIN], "the administrator"),
    Access.ADMIN_OR_KEY: ([_ADMIN, _KEY], "the administrator, or a counter for what is its own"),
    Access.LOOPBACK_OR_KEY_OR_ADMIN: ([_NONE, _KEY, _ADMIN], "a counter, the administrator, or who sits at the server"),
    Access.LOOPBACK_OR_ADMIN: ([_NONE, _ADMIN], "the administrator, or who sits at the server"),
    Access.LOOPBACK_OR_TOKEN_OR_ADMIN: (
        [_NONE, _TOKEN, _ADMIN],
        "an analyst for their client, the administrator, or who sits at the server",
    ),
    Access.LOOPBACK_OR_WATCHER_OR_ADMIN: (
        [_NONE, _WATCHER, _ADMIN],
        "who watches the server, the administrator, or who sits at the server",
    ),
    Access.TOKEN_OR_ADMIN: ([_TOKEN, _ADMIN], "an analyst for their client, or the administrator"),
}


class UndescribedError(Exception):
    """A route says nothing of what it takes and gives."""


def document(routes: web.UrlDispatcher) -> dict[str, Any]:
    """Return the document of all routes but the socket, in the order of their paths.

    Raises:
        UndescribedError: naming a route that nothing was said of.
    """
    paths: dict[str, dict[str, Any]] = {}
    schemas: dict[str, Any] = {}
    for route in routes.routes():
        path = route.resource.canonical if route.resource else ""
        access = access_to(route.method, path)
        if route.method == "HEAD" or access in (None, Access.HANDSHAKE):
            continue
        said = description_of(route.handler)
        if said is None:
            raise UndescribedError(f"{route.method} {path}")
        paths.setdefault(path, {})[route.method.lower()] = _operation(route, path, said, access, schemas)
    _schema(Erro, schemas)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Balto",
            "version": version("balto"),
            "description": 'HTTP of a Balto server. Errors are `{"erro": …}` in Portuguese. The socket is not in here.',
        },
        "paths": dict(sorted(paths.items())),
        "components": {"schemas": dict(sorted(schemas.items())), "securitySchemes": _SCHEMES},
    }


def _operation(
    route: web.AbstractRoute, path: str, said: Description, access: Any, schemas: dict[str, Any]
) -> dict[str, Any]:
    text = inspect.cleandoc(route.handler.__doc__ or "")
    summary, _, more = text.partition("\n\n")
    security, who = _SECURITY[access]
    operation: dict[str, Any] = {
        "operationId": f"{said.topic}_{getattr(route.handler, '__name__', '')}",
        "tags": [said.topic],
        "summary": summary.replace("\n", " "),
        "description": "\n\n".join(part for part in (more, f"For {who}.") if part),
        "security": security,
    }
    parameters = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
        for name in re.findall(r"\{(\w+)\}", path)
    ] + (_parameters(said.query, schemas) if said.query else [])
    if parameters:
        operation["parameters"] = parameters
    if said.body is not None:
        operation["requestBody"] = {"required": True, "content": {JSON: {"schema": _schema(said.body, schemas)}}}
    if said.upload:
        operation["requestBody"] = {"required": True, "content": {"multipart/form-data": _form(said.upload)}}
    answers = {str(said.status): {"description": "Done.", "content": _content(said, schemas)}}
    answers |= {str(status): {"description": meaning} for status, meaning in said.extra}
    refused = {"description": "Refused.", "content": {JSON: {"schema": {"$ref": _REF.format(model="Erro")}}}}
    operation["responses"] = answers | {"default": refused}
    return operation


def _content(said: Description, schemas: dict[str, Any]) -> dict[str, Any]:
    shaped = {"schema": _schema(said.gives, schemas, "serialization")} if said.gives is not None else {}
    return {media: shaped if media == JSON else {} for media in said.media}


def _parameters(model: type[BaseModel], schemas: dict[str, Any]) -> list[dict[str, Any]]:
    whole = model.model_json_schema(ref_template=_REF)
    schemas.update(whole.pop("$defs", {}))
    parameters = []
    for name, schema in whole["properties"].items():
        about = {"description": schema["description"]} if "description" in schema else {}
        kept = {word: value for word, value in schema.items() if word not in ("title", "description")}
        if kept.get("default", ...) is None:
            # A parameter that is not given is not null: it is not there.
            kinds = [kind for kind in kept["anyOf"] if kind.get("type") != "null"]
            kept = kinds[0] if len(kinds) == 1 else {"anyOf": kinds}
        listed = {"style": "form", "explode": False} if kept.get("type") == "array" else {}
        parameters.append({"name": name, "in": "query", **about, **listed, "schema": kept})
    return parameters


def _form(fields: tuple[str, ...]) -> dict[str, Any]:
    texts = {name: {"type": "string"} for name in fields if name != "audio"}
    audio = {"type": "string", "contentMediaType": "application/octet-stream"}
    return {"schema": {"type": "object", "required": ["audio"], "properties": {"audio": audio, **texts}}}


def _schema(shape: Any, schemas: dict[str, Any], mode: Any = "validation") -> dict[str, Any]:
    """Return a reference to a shape, or the shape of a list, with all that it needs among the schemas."""
    whole = TypeAdapter(shape).json_schema(ref_template=_REF, mode=mode)
    schemas.update(whole.pop("$defs", {}))
    if whole.get("type") != "object" or "title" not in whole:
        return whole
    schemas[whole["title"]] = whole
    return {"$ref": _REF.format(model=whole["title"])}


def written(routes: web.UrlDispatcher) -> bytes:
    """Return the document as it stands in `docs/openapi.json`."""
    return orjson.dumps(document(routes), option=orjson.OPT_INDENT_2) + b"\n"
