"""AssemblyAI's one-request speech-to-text over HTTP, on loopback."""

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from functools import cached_property

from aiohttp import BodyPartReader, web

from tests.simulators.assemblyai_live import AssemblyAILive
from tests.simulators.speech import Call, SpeechSimulator

_MIN_MS = 80
_MAX_MS = 120_000
_TITLES = {
    400: "Bad Audio",
    401: "Unauthorized",
    413: "Audio Too Large",
    429: "Rate Limit Exceeded",
    500: "Internal Server Error",
    503: "Capacity Exceeded",
}


@dataclass
class AssemblyAISimulator(SpeechSimulator):
    """POST /v1/transcribe/live and GET /v1/warm, with the provider's checks: key, model, order of parts, length."""

    model: str = "universal-3-5-pro"
    confidence: float = 0.95
    warmed: int = 0

    @cached_property
    def live(self) -> AssemblyAILive:
        """The provider's WebSocket."""
        return AssemblyAILive(
            key=self.key, model="universal-3-5-pro", text=self.text, phrases=self.phrases, weather=self.weather
        )

    def add_routes(self, app: web.Application) -> None:
        """Add the provider's routes."""
        self.live.add_routes(app)
        app.router.add_post("/v1/transcribe/live", self._transcribe)
        app.router.add_get("/v1/warm", self._warm)

    def refusal(self, status: int) -> web.Response:
        """Answer with problem details (RFC 9457), quoting the customer as a careless provider might."""
        headers = {"retry-after": self.retry_after} if status in {429, 503} else {}
        body = {
            "status": status,
            "title": _TITLES[status],
            "detail": f"could not transcribe {self.text!r} for {self.key}",
        }
        return web.json_response(body, status=status, headers=headers)

    def good_reply(self, text: str) -> dict[str, object]:
        """Give a reply without word times, as without `timestamps` in the request."""
        return {
            "text": text,
            "words": [{"text": word, "confidence": self.confidence} for word in text.split()],
            "confidence": self.confidence,
            "audio_duration_ms": 1000,
            "session_id": "00000000-0000-4000-8000-000000000000",
            "request_time_ms": 12.5,
        }

    async def _warm(self, request: web.Request) -> web.Response:
        self.warmed += 1
        self.connections.add(request.transport)
        return web.json_response({})

    async def _transcribe(self, request: web.Request) -> web.StreamResponse:
        self.requests += 1
        self.connections.add(request.transport)
        if request.headers.get("authorization") != self.key:
            await request.read()
            return self.refusal(401)
        if request.headers.get("x-aai-model") != self.model:
            await request.read()
            return self.refusal(400)
        parts = [(part.name, bytes(await part.read())) async for part in _parts(request)]
        if [name for name, _ in parts] != ["config", "audio"]:
            return self.refusal(400)
        config, audio = json.loads(parts[0][1]), parts[1][1]
        status = _status_of(config, audio)
        if status != 200:
            return self.refusal(status)
        self.calls.append(Call({name: _strings(value) for name, value in config.items()}, audio))
        return await self.answer(request)


async def _parts(request: web.Request) -> AsyncIterator[BodyPartReader]:
    async for part in await request.multipart():
        assert isinstance(part, BodyPartReader)
        yield part


def _strings(value: object) -> list[str]:
    return [str(v) for v in value] if isinstance(value, list) else [str(value)]


def _status_of(config: dict[str, object], audio: bytes) -> int:
    terms = _strings(config.get("keyterms_prompt") or [])
    known = (config.get("sample_rate"), config.get("channels"), config.get("language_codes"))
    if known != (16_000, 1, ["pt"]) or len(terms) > 100 or sum(map(len, terms)) > 8000:
        return 400
    duration_ms = len(audio) / 32
    if len(audio) % 2 or duration_ms < _MIN_MS:
        return 400
    return 413 if duration_ms > _MAX_MS else 200
