"""Answers: JSON, and errors as one Portuguese line."""

import math
from collections.abc import Mapping
from typing import Any, Final

import orjson
from aiohttp import web

_HEADERS: Final = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}

WORDS: Final[Mapping[int, str]] = {
    400: "requisição inválida",
    401: "não autorizado",
    403: "acesso negado",
    404: "não encontrado",
    405: "método não permitido",
    408: "a requisição demorou demais",
    409: "conflito",
    413: "conteúdo grande demais",
    415: "tipo de conteúdo não suportado",
    429: "muitas requisições; tente mais tarde",
    500: "erro interno",
    502: "serviço de apoio indisponível",
    503: "serviço indisponível; tente mais tarde",
}
"""What an error says where nothing more precise can be said."""


class RequestError(Exception):
    """A request that is refused.

    Args:
        status: of HTTP.
        message: one Portuguese line for the client; must not quote what was sent. By default `WORDS` of the status.
        retry_after_s: seconds after which another attempt makes sense.
    """

    def __init__(self, status: int, message: str | None = None, *, retry_after_s: float | None = None) -> None:
        super().__init__(message or WORDS[status])
        self.status = status
        self.message = message or WORDS[status]
        self.retry_after_s = retry_after_s


def answer(data: Any, *, status: int = 200, headers: Mapping[str, str] | None = None) -> web.Response:
    """Return data as JSON."""
    return json_bytes(orjson.dumps(data), status=status, headers=headers)


def json_bytes(body: bytes, *, status: int = 200, headers: Mapping[str, str] | None = None) -> web.Response:
    """Return bytes that are JSON already."""
    return web.Response(
        body=body,
        status=status,
        content_type="application/json",
        charset="utf-8",
        headers={**_HEADERS, **(headers or {})},
    )


def refusal(error: RequestError) -> web.Response:
    """Return a refusal as `{"erro": …}`."""
    headers = {} if error.retry_after_s is None else {"Retry-After": str(max(1, math.ceil(error.retry_after_s)))}
    if error.status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    return answer({"erro": error.message}, status=error.status, headers=headers)
