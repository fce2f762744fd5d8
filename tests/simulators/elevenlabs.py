"""ElevenLabs' speech-to-text over HTTP, on loopback."""

import re
from dataclasses import dataclass
from functools import cached_property

from aiohttp import web

from tests.simulators.elevenlabs_live import ElevenLabsLive
from tests.simulators.speech import Call, SpeechSimulator

_UNSET = "null"
"""What the SDK sends for a form field that was never set."""
_NAME = re.compile(rb'Content-Disposition: form-data; name="([^"]+)"')


@dataclass
class ElevenLabsSimulator(SpeechSimulator):
    """POST /v1/speech-to-text with the provider's checks: key, model_id, formats and the limits of key terms."""

    model: str = "scribe_v2"
    logprob: float = -0.05

    @cached_property
    def live(self) -> ElevenLabsLive:
        """The provider's WebSocket."""
        return ElevenLabsLive(
            key=self.key, model="scribe_v2_realtime", text=self.text, phrases=self.phrases, weather=self.weather
        )

    def add_routes(self, app: web.Application) -> None:
        """Add the provider's routes."""
        self.live.add_routes(app)
        app.router.add_post("/v1/speech-to-text", self._transcribe)

    def refusal(self, status: int) -> web.Response:
        """Answer with `{"detail": {"status", "message"}}`, quoting the customer as a careless provider might."""
        headers = {"retry-after": self.retry_after} if status in {429, 503} else {}
        detail = {"status": "error", "message": f"could not transcribe {self.text!r} for {self.key}"}
        return web.json_response({"detail": detail}, status=status, headers=headers)

    def good_reply(self, text: str) -> dict[str, object]:
        """Give a reply with the words, spaced as the provider spaces them."""
        words: list[dict[str, object]] = []
        for number, word in enumerate(text.split()):
            if number:
                words.append(
                    {"text": " ", "start": number * 0.3, "end": number * 0.3, "type": "spacing", "logprob": 0.0}
                )
            words.append(
                {
                    "text": word,
                    "start": number * 0.3,
                    "end": number * 0.3 + 0.3,
                    "type": "word",
                    "logprob": self.logprob,
                }
            )
        return {
            "language_code": "por",
            "language_probability": 0.99,
            "text": text,
            "words": words,
            "audio_duration_secs": 1.0,
            "transcription_id": "t-1",
        }

    async def _transcribe(self, request: web.Request) -> web.StreamResponse:
        self.requests += 1
        self.connections.add(request.transport)
        if request.headers.get("xi-api-key") != self.key:
            await request.read()
            return self.refusal(401)
        names, fields, audio = await _read_form(request)
        wrong = self._what_is_wrong(names, fields, audio)
        if wrong is not None:
            return web.json_response({"detail": [{"loc": ["body", wrong], "msg": "invalid"}]}, status=422)
        self.calls.append(Call(fields, audio))
        return await self.answer(request)

    def _what_is_wrong(self, names: list[str], fields: dict[str, list[str]], audio: bytes) -> str | None:
        terms = fields.get("keyterms", [])
        checks = {
            "model_id": fields.get("model_id") == [self.model] and names[0] == "model_id",
            "file": names[-1] == "file" and len(audio) > 0 and len(audio) % 2 == 0,
            "file_format": fields.get("file_format") == ["pcm_s16le_16"],
            "language_code": fields.get("language_code") == ["por"],
            "tag_audio_events": fields.get("tag_audio_events") == ["false"],
            "timestamps_granularity": fields.get("timestamps_granularity") == ["word"],
            "temperature": float(fields.get("temperature", ["-1"])[0]) == 0.0,
            "keyterms": len(terms) <= 1000 and all(len(t) <= 50 and len(t.split()) <= 5 for t in terms),
        }
        return next((name for name, good in checks.items() if not good), None)


async def _read_form(request: web.Request) -> tuple[list[str], dict[str, list[str]], bytes]:
    """Take a form apart by hand: aiohttp's reader takes 20 ms of a hundred fields, in which nobody else is answered."""
    names: list[str] = []
    fields: dict[str, list[str]] = {}
    audio = b""
    kind, _, boundary = request.headers["content-type"].partition("; boundary=")
    assert kind == "multipart/form-data", kind
    _, *parts, end = (b"\r\n" + await request.read()).split(b"\r\n--" + boundary.encode())
    assert end.strip() == b"--", end
    for part in parts:
        head, blank, body = part.partition(b"\r\n\r\n")
        found = _NAME.search(head)
        assert blank, head
        assert found is not None, head
        name = found[1].decode()
        if name == "file":
            audio = body
        elif body.decode() == _UNSET:
            continue
        else:
            fields.setdefault(name, []).append(body.decode())
        names.append(name)
    return names, fields, audio
