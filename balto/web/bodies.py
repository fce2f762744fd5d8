"""Reading what clients send: JSON into a model, and an upload into bytes, each within its limits."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Final

from aiohttp import BodyPartReader, ClientPayloadError, web
from aiohttp.http_exceptions import HttpProcessingError
from pydantic import BaseModel, ValidationError

from balto.web.answers import RequestError

JSON_LIMIT: Final = 64 * 1024
UPLOAD_LIMIT: Final = 25 * 1024 * 1024
_FIELD_LIMIT: Final = 1024
_MAX_PARTS: Final = 16
_BLOCK: Final = 64 * 1024
_PATIENCE_S: Final = 60.0
_JSON_TYPES: Final = frozenset(
    # Older clients and curl send JSON under the last three.
    {"application/json", "text/plain", "application/octet-stream", "application/x-www-form-urlencoded"}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Upload:
    """An audio file and the text fields that came with it."""

    audio: bytes
    fields: dict[str, str]


async def read_model[M: BaseModel](request: web.Request, model: type[M]) -> M:
    """Read a JSON body into a model.

    Raises:
        RequestError: 400 for what is no JSON or does not fit the model, 408, 413 or 415.
    """
    kind = request.content_type
    if kind not in _JSON_TYPES and not kind.endswith("+json"):
        raise RequestError(415, "o corpo deve ser JSON")
    if (request.content_length or 0) > JSON_LIMIT:
        raise RequestError(413)
    body = bytearray()
    async with _in_time():
        async for block in request.content.iter_chunked(_BLOCK):
            body += block
            if len(body) > JSON_LIMIT:
                raise RequestError(413)
    try:
        return model.model_validate_json(bytes(body))
    except ValidationError as error:
        raise RequestError(400, _describe(error)) from None


async def read_upload(request: web.Request) -> Upload:
    """Read a multipart body: the part named `audio` or, without one, the last that is a file, and its text fields.

    Raises:
        RequestError: 400 for a body without audio or that is no multipart, 408, 413 or 415.
    """
    if request.content_type != "multipart/form-data":
        raise RequestError(415, "o corpo deve ser multipart/form-data")
    if (request.content_length or 0) > UPLOAD_LIMIT:
        raise RequestError(413)
    try:
        async with _in_time():
            return await _read_parts(request)
    except (HttpProcessingError, ValueError, AssertionError, EOFError) as error:
        raise RequestError(400, "o corpo não é um multipart válido") from error


async def _read_parts(request: web.Request) -> Upload:
    audio: bytes | None = None
    named = False
    fields: dict[str, str] = {}
    left, parts = UPLOAD_LIMIT, 0
    async for part in await request.multipart():
        parts += 1
        if not isinstance(part, BodyPartReader) or parts > _MAX_PARTS:
            raise RequestError(400, "o corpo não é um multipart válido")
        is_audio = part.name == "audio"
        if is_audio or part.filename is not None:
            data = await _read_part(part, left)
            left -= len(data)
            if is_audio or not named:
                audio, named = data, named or is_audio
        elif part.name is not None:
            fields[part.name] = (await _read_part(part, _FIELD_LIMIT)).decode()
    if not audio:
        raise RequestError(400, "falta o arquivo de áudio")
    return Upload(audio=audio, fields=fields)


async def _read_part(part: BodyPartReader, limit: int) -> bytes:
    data = bytearray()
    while not part.at_eof():
        data += await part.read_chunk(_BLOCK)
        if len(data) > limit:
            raise RequestError(413)
    return bytes(data)


@contextlib.asynccontextmanager
async def _in_time() -> AsyncIterator[None]:
    try:
        async with asyncio.timeout(_PATIENCE_S):
            yield
    except TimeoutError:
        raise RequestError(408) from None
    except ClientPayloadError as error:
        raise RequestError(400, "o corpo não pôde ser lido") from error


def _describe(error: ValidationError) -> str:
    """Name what does not fit, never what was sent."""
    first = error.errors(include_url=False, include_context=False, include_input=False)[0]
    if first["type"] == "json_invalid" or not first["loc"]:
        return "o corpo deve ser um objeto JSON"
    field = ".".join(str(step) for step in first["loc"])
    if first["type"] == "missing":
        return f"falta o campo {field}"
    return f"campo {field} inválido"
