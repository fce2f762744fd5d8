"""ElevenLabs' realtime speech-to-text over a WebSocket, on loopback."""

import base64
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from tests.simulators.live import LiveCall, LiveFault, LiveSimulator

_LEAST_BYTES = 9_600
"""Uncommitted audio below 0.3 s is not committed."""
_MOST_BYTES = 32_000
_MESSAGES = {
    LiveFault.AUTH_ERROR: "auth_error",
    LiveFault.QUOTA: "quota_exceeded",
    LiveFault.RATE_LIMITED: "rate_limited",
    LiveFault.REFUSED: "input_error",
    LiveFault.FAILED: "transcriber_error",
}


@dataclass
class ElevenLabsLive(LiveSimulator):
    """GET /v1/speech-to-text/realtime with the provider's checks: key, model, formats, limits of key terms and pieces.

    Attributes:
        logprob: of every word.
        with_words: whether the text is followed by its words.
    """

    logprob: float = -0.05
    with_words: bool = True

    def add_routes(self, app: web.Application) -> None:
        """Add the provider's route."""
        app.router.add_get("/v1/speech-to-text/realtime", self.serve)

    def key_of(self, request: web.Request) -> str | None:
        """Return the key that a client shows."""
        return request.headers.get("xi-api-key")

    def flaw(self, options: Mapping[str, Sequence[str]]) -> str | None:
        """Return what is wrong with a stream's parameters."""
        terms = options.get("keyterms", [])
        checks = {
            "model_id": options.get("model_id") == [self.model],
            "audio_format": options.get("audio_format") == ["pcm_16000"],
            "commit_strategy": options.get("commit_strategy") == ["manual"],
            "language_code": options.get("language_code") == ["por"],
            "include_timestamps": options.get("include_timestamps") == ["true"],
            "keyterms": len(terms) <= 50 and all(0 < len(term) <= 20 for term in terms),
        }
        return next((name for name, good in checks.items() if not good), None)

    def greeting(self) -> Mapping[str, Any]:
        """Give the first frame."""
        return {"message_type": "session_started", "session_id": "s-1", "config": {"model_id": self.model}}

    def trouble(self, fault: LiveFault | None) -> tuple[Mapping[str, Any], int]:
        """Give an error's frame, which quotes the customer as a careless provider might."""
        kind = "transcriber_error" if fault is None else _MESSAGES[fault]
        return {"message_type": kind, "error": f"{self.key}: {self.text}"}, 1008

    def partial(self, text: str) -> Mapping[str, Any]:
        """Give a frame with a text that may change."""
        return {"message_type": "partial_transcript", "text": text}

    def finals(self, text: str) -> Sequence[dict[str, Any]]:
        """Give the committed text, then the same with its words."""
        words = [
            {
                "text": word,
                "start": number * 0.3,
                "end": number * 0.3 + 0.3,
                "type": "word",
                "logprob": self.logprob,
            }
            for number, word in enumerate(text.split())
        ]
        whole = {"message_type": "committed_transcript_with_timestamps", "text": text, "words": words}
        return [{"message_type": "committed_transcript", "text": text}, *([whole] if self.with_words else [])]

    def read(self, message: str | bytes, call: LiveCall) -> str | None:
        """Take a frame of audio, which may commit what is there."""
        frame = json.loads(message)
        assert frame["message_type"] == "input_audio_chunk"
        assert frame["sample_rate"] == 16_000
        audio = base64.b64decode(frame["audio_base_64"], validate=True)
        assert len(audio) <= _MOST_BYTES
        if audio:
            call.pieces.append(len(audio))
        call.audio += audio
        if not frame["commit"]:
            return None
        assert len(call.audio) - (call.commits[-1] if call.commits else 0) >= _LEAST_BYTES
        return "commit"

    def farewell(self) -> Mapping[str, Any] | None:
        """There is none: the client closes."""
        return None
