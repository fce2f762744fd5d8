"""A server that speaks OpenAI's Responses API on loopback, with faults to switch on."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from aiohttp import web
from aiohttp.test_utils import TestServer

from tests.simulators.weather import BOTH_STAGES, Weather

_BOTH = "entender"
"""Name of the schema that asks for both stages at once."""


class Fault(StrEnum):
    """What the provider may do instead of answering well."""

    UNAUTHORISED = "unauthorised"
    THROTTLED = "throttled"
    THROTTLED_MS = "throttled_ms"
    """The wait comes in `retry-after-ms`."""
    QUOTA = "quota"
    OVERLOADED = "overloaded"
    SERVER_ERROR = "server_error"
    SLOW = "slow"
    """No byte ever comes."""
    DRIPPING = "dripping"
    """Headers and a blank, never the end."""
    DROPPED = "dropped"
    CUT_SHORT = "cut_short"
    """The connection is closed in the middle of the answer."""
    BAD_JSON = "bad_json"
    HTML = "html"
    REFUSAL = "refusal"
    FILTERED = "filtered"
    TRUNCATED = "truncated"
    FAILED = "failed"
    BROKEN_SCHEMA = "broken_schema"
    """The text is JSON, but not what the schema asked for."""
    NO_OUTPUT = "no_output"
    EMPTY_OUTPUT = "empty_output"
    NO_USAGE = "no_usage"
    """A good answer without the fields that bills are made of."""


Answerer = Callable[[str, dict[str, Any]], object]
"""Takes the schema's name and the decoded input; gives what the model would answer, before JSON."""

_STATUS = {
    Fault.UNAUTHORISED: (401, "invalid_api_key", {}),
    Fault.THROTTLED: (429, "rate_limit_exceeded", {"retry-after": "7"}),
    Fault.THROTTLED_MS: (429, "rate_limit_exceeded", {"retry-after-ms": "1500", "retry-after": "9"}),
    Fault.QUOTA: (429, "insufficient_quota", {}),
    Fault.OVERLOADED: (503, "server_overloaded", {"retry-after": "7"}),
    Fault.SERVER_ERROR: (500, "server_error", {}),
}


@dataclass
class OpenAISimulator:
    """An OpenAI on loopback.

    Attributes:
        answerer: what the model would say.
        key: the only key that is let in.
        fault: what to do instead of answering well; None for a good answer.
        weather: draws latency and faults of each call where no fault is switched on.
        requests: requests so far, faulty ones included.
        bodies: bodies of those that passed the checks.
        connections: transports that requests came over.
        reached: set once a request has passed the checks.
    """

    answerer: Answerer
    key: str = "sk-chave-do-simulador"
    fault: Fault | None = None
    weather: Weather | None = None
    requests: int = 0
    bodies: list[dict[str, Any]] = field(default_factory=list)
    connections: set[object] = field(default_factory=set)
    reached: asyncio.Event = field(default_factory=asyncio.Event)
    _stopping: asyncio.Event = field(default_factory=asyncio.Event)

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[str]:
        """Serve on a free port of loopback; gives the base URL, `/v1` included."""
        self._stopping.clear()
        app = web.Application()
        app.router.add_post("/v1/responses", self._respond)
        server = TestServer(app)
        await server.start_server()
        try:
            yield str(server.make_url("/v1"))
        finally:
            self._stopping.set()
            await server.close()

    async def _respond(self, request: web.Request) -> web.StreamResponse:
        self.requests += 1
        self.connections.add(request.transport)
        if request.headers.get("authorization") != f"Bearer {self.key}":
            return self._error(401, "invalid_api_key", "Incorrect API key provided")
        try:
            body = await request.json()
        except json.JSONDecodeError:
            return self._error(400, "invalid_json", "We could not parse the JSON body of your request")
        wrong = wrong_with(body)
        if wrong:
            return self._error(400, "invalid_request_error", wrong)
        self.bodies.append(body)
        self.reached.set()
        if self.fault is None and self.weather is not None:
            latency_s, failing = self.weather.draw()
            both = body["text"]["format"]["name"] == _BOTH and latency_s < self.weather.hang_s
            await asyncio.sleep(latency_s * (BOTH_STAGES if both else 1.0))
            if failing:
                return self._error(500, "server_error", "drawn")
        if self.fault in _STATUS:
            status, code, headers = _STATUS[self.fault]
            return self._error(status, code, f"failed on: {body['input']}", headers)
        match self.fault:
            case Fault.SLOW | Fault.DRIPPING | Fault.DROPPED | Fault.CUT_SHORT:
                return await self._misbehave(request)
            case Fault.BAD_JSON:
                return web.Response(text=f'{{"id": "{body["input"][:20]}', content_type="application/json")
            case Fault.HTML:
                return web.Response(text=f"<html>{body['input']}</html>", content_type="text/html")
        return web.json_response(self._reply(body), headers={"x-request-id": f"req_{self.requests}"})

    def _reply(self, body: dict[str, Any]) -> dict[str, Any]:
        name = body["text"]["format"]["name"]
        text = json.dumps(self.answerer(name, json.loads(body["input"])), ensure_ascii=False)
        reply = _response(body, text)
        part = reply["output"][0]["content"][0]
        match self.fault:
            case Fault.REFUSAL:
                part.clear()
                part.update({"type": "refusal", "refusal": f"no: {body['input']}"})
            case Fault.FILTERED:
                reply |= {"status": "incomplete", "incomplete_details": {"reason": "content_filter"}}
            case Fault.TRUNCATED:
                part["text"] = text[: len(text) // 2]
                reply |= {"status": "incomplete", "incomplete_details": {"reason": "max_output_tokens"}}
            case Fault.FAILED:
                error = {"code": "server_error", "message": body["input"]}
                reply |= {"status": "failed", "output": [], "error": error}
            case Fault.BROKEN_SCHEMA:
                part["text"] = json.dumps({"frase": body["input"]})
            case Fault.NO_OUTPUT:
                del reply["output"]
            case Fault.EMPTY_OUTPUT:
                reply["output"] = []
            case Fault.NO_USAGE:
                del reply["usage"]
        return reply

    def _error(self, status: int, code: str, message: str, headers: dict[str, str] | None = None) -> web.Response:
        error = {"message": message, "type": "invalid_request_error", "param": None, "code": code}
        return web.json_response({"error": error}, status=status, headers=headers)

    async def _misbehave(self, request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"content-type": "application/json"})
        if self.fault is Fault.DROPPED:
            if request.transport is not None:
                request.transport.close()
            return response
        if self.fault in {Fault.DRIPPING, Fault.CUT_SHORT}:
            await response.prepare(request)
            await response.write(b'{"id' if self.fault is Fault.CUT_SHORT else b" ")
        if self.fault is Fault.CUT_SHORT:
            if request.transport is not None:
                request.transport.close()
            return response
        await self._stopping.wait()
        return response


def wrong_with(body: dict[str, Any]) -> str | None:
    """Tell what the real API would reject in a request, or None."""
    for name, kind in (("model", str), ("input", str), ("instructions", str), ("text", dict)):
        if not isinstance(body.get(name), kind) or not body[name]:
            return f"{name} is missing or of the wrong type"
    form = body["text"].get("format", {})
    if form.get("type") != "json_schema" or not form.get("name") or form.get("strict") is not True:
        return "text.format must be a strict json_schema with a name"
    return loose_part(form.get("schema"))


def loose_part(schema: object) -> str | None:
    """Tell what keeps a schema from being strict, or None."""
    if not isinstance(schema, dict):
        return "schema is no object"
    if "default" in schema:
        return "strict schemas have no defaults"
    if schema.get("type") == "object":
        names = list(schema.get("properties", {}))
        if schema.get("additionalProperties") is not False or schema.get("required") != names:
            return "every object needs additionalProperties: false and all its properties required"
        return next(filter(None, map(loose_part, schema["properties"].values())), None)
    return loose_part(schema["items"]) if schema.get("type") == "array" else None


def _response(body: dict[str, Any], text: str) -> dict[str, Any]:
    """Give a whole answer: 1000 tokens in, 600 of them cached, and 50 out; half as many again for both stages."""
    share = 1.5 if body["text"]["format"]["name"] == _BOTH else 1
    tokens = {"in": round(1000 * share), "cached": round(600 * share), "out": round(50 * share)}
    return {
        "id": "resp_1",
        "object": "response",
        "created_at": int(time.time()),
        "status": "completed",
        "error": None,
        "incomplete_details": None,
        "instructions": body["instructions"],
        "max_output_tokens": body.get("max_output_tokens"),
        "model": body["model"],
        "output": [
            {
                "id": "msg_1",
                "type": "message",
                "role": "assistant",
                "status": "completed",
                "content": [{"type": "output_text", "text": text, "annotations": [], "logprobs": []}],
            }
        ],
        "parallel_tool_calls": True,
        "store": body.get("store", True),
        "tool_choice": "auto",
        "tools": [],
        "text": body["text"],
        "usage": {
            "input_tokens": tokens["in"],
            "input_tokens_details": {"cached_tokens": tokens["cached"]},
            "output_tokens": tokens["out"],
            "output_tokens_details": {"reasoning_tokens": 0},
            "total_tokens": tokens["in"] + tokens["out"],
        },
    }
