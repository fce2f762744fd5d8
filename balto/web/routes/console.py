"""The console: a page, its style and its modules, served from memory under a strict content security policy."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from aiohttp import web

from balto.web.described import described

routes = web.RouteTableDef()

_FOLDER: Final = Path(__file__).parent.parent / "static"
_PAGE: Final = "index.html"
_TYPES: Final = {
    ".html": "text/html",
    ".css": "text/css",
    ".js": "text/javascript",
    ".svg": "image/svg+xml",
}
_POLICY: Final = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self'",
        "connect-src 'self'",
        # The length of a chosen file is read by letting the browser open it.
        "media-src blob:",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
        # No text becomes markup: the browser itself refuses innerHTML and its kin.
        "require-trusted-types-for 'script'",
        "trusted-types 'none'",
    )
)
_HEADERS: Final = {
    "Content-Security-Policy": _POLICY,
    "Permissions-Policy": "microphone=(self), camera=(), geolocation=()",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    # Modules import one another by plain names, so each is asked for again and answered with 304 while it is the same.
    "Cache-Control": "no-cache",
}


@dataclass(frozen=True, slots=True)
class _File:
    body: bytes
    content_type: str
    etag: str


def _read(path: Path) -> _File:
    body = path.read_bytes()
    return _File(body, _TYPES[path.suffix], hashlib.sha256(body).hexdigest()[:32])


# Only what stands here can be asked for: no request ever becomes a path.
_FILES: Final[Mapping[str, _File]] = {
    path.name: _read(path) for path in sorted(_FOLDER.iterdir()) if path.suffix in _TYPES
}


def file_names() -> list[str]:
    """Return the names under `/console/` that can be asked for."""
    return [name for name in _FILES if name != _PAGE]


@routes.get("/")
@described(topic="console", media=("text/html",), extra=((304, "Not modified."),))
async def page(request: web.Request) -> web.Response:
    """Return the console's one page."""
    return _respond(request, _FILES[_PAGE])


@routes.get("/console/{file}")
@described(topic="console", media=("text/css", "text/javascript", "image/svg+xml"), extra=((304, "Not modified."),))
async def file(request: web.Request) -> web.Response:
    """Return a file of the console; 404 for any name that is none of them."""
    name = request.match_info["file"]
    if name not in file_names():
        raise web.HTTPNotFound
    return _respond(request, _FILES[name])


def _respond(request: web.Request, found: _File) -> web.Response:
    if any(tag.value in {found.etag, "*"} for tag in request.if_none_match or ()):
        response = web.Response(status=304, headers=_HEADERS)
    else:
        response = web.Response(body=found.body, content_type=found.content_type, charset="utf-8", headers=_HEADERS)
    response.etag = found.etag
    return response
