"""The AsyncAPI 3.0 document of the socket, built from the models of the handshake and the types of what is said."""

import re
from importlib.metadata import version
from typing import Any, Final

import orjson
from pydantic import TypeAdapter

from balto.web.said import SAID
from balto.web.wire import OFFSET_BYTES, CloseCode, Echo, Finish, Handshake, Reply

_REF: Final = "#/components/schemas/{model}"
_AUDIO: Final = (
    f"Audio, cut anywhere. After a handshake with `offsets`, {OFFSET_BYTES} bytes come before it: the offset of its "
    "first byte, counted from the session's first, big-endian."
)


def document() -> dict[str, Any]:
    """Return the document: one channel, what a client sends and what the server says.

    Source: AsyncAPI 3.0.0, www.asyncapi.com/docs/reference/specification/v3.0.0.
    """
    schemas: dict[str, Any] = {}
    heard = [_message(kind, schemas) for kind in (Handshake, Finish, Reply, Echo)]
    said = [_message(kind, schemas) for kind in SAID]
    audio = {"name": "Audio", "contentType": "application/octet-stream", "summary": _AUDIO}
    messages = {one["name"]: one for one in (*heard, audio, *said)}
    return {
        "asyncapi": "3.0.0",
        "info": {"title": "Balto", "version": version("balto"), "description": _description()},
        "defaultContentType": "application/json",
        "channels": {
            "socket": {
                "address": "/ws",
                "description": "One WebSocket a session. The subprotocol `balto.v2` means protocol 2.",
                "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in messages},
                "bindings": {"ws": {"method": "GET"}},
            }
        },
        "operations": {
            "hear": _operation("receive", "What a client sends: the handshake first.", (*heard, audio)),
            "say": _operation("send", "What the server says.", said),
        },
        "components": {"schemas": dict(sorted(schemas.items())), "messages": messages},
    }


def written() -> bytes:
    """Return the document as it stands in docs/ and is served."""
    return orjson.dumps(document(), option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)


def _message(kind: type[Any], schemas: dict[str, Any]) -> dict[str, Any]:
    shape = TypeAdapter(kind).json_schema(ref_template=_REF)
    schemas |= shape.pop("$defs", {})
    schemas[kind.__name__] = shape
    summary = re.sub(r"\s+", " ", (kind.__doc__ or "").strip())
    return {"name": kind.__name__, "summary": summary, "payload": {"$ref": _REF.format(model=kind.__name__)}}


def _operation(action: str, summary: str, messages: Any) -> dict[str, Any]:
    return {
        "action": action,
        "channel": {"$ref": "#/channels/socket"},
        "summary": summary,
        "messages": [{"$ref": f"#/channels/socket/messages/{one['name']}"} for one in messages],
    }


def _description() -> str:
    codes = "\n".join(f"- {code.value}: {code.name.lower().replace('_', ' ')}" for code in CloseCode)
    return f"The socket of a Balto server. docs/protocol.md tells its story. Close codes:\n\n{codes}"
