"""AssemblyAI's streaming API, version 3, over a WebSocket, on loopback."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from tests.simulators.live import LiveCall, LiveFault, LiveSimulator

_LEAST_BYTES, _MOST_BYTES = 1_600, 32_000
"""Of a piece: 50 ms to 1 s."""
_CODES = {
    LiveFault.AUTH_ERROR: 4001,
    LiveFault.QUOTA: 4002,
    LiveFault.RATE_LIMITED: 4029,
    LiveFault.REFUSED: 3006,
    LiveFault.FAILED: 3005,
}


@dataclass
class AssemblyAILive(LiveSimulator):
    """GET /v3/ws with the provider's checks: key, model, rate, limits of key terms, and the length of each piece.

    Attributes:
        confidence: of every word.
    """

    confidence: float = 0.95

    def add_routes(self, app: web.Application) -> None:
        """Add the provider's route."""
        app.router.add_get("/v3/ws", self.serve)

    def key_of(self, request: web.Request) -> str | None:
        """Return the key that a client shows."""
        return request.headers.get("authorization")

    def flaw(self, options: Mapping[str, Sequence[str]]) -> str | None:
        """Return what is wrong with a stream's parameters."""
        terms = json.loads(options.get("keyterms_prompt", ["[]"])[0])
        checks = {
            "speech_model": options.get("speech_model") == [self.model],
            "sample_rate": options.get("sample_rate") == ["16000"],
            "language_codes": options.get("language_codes") == ['["pt"]'],
            "keyterms_prompt": len(terms) <= 100 and sum(map(len, terms)) <= 8000,
        }
        return next((name for name, good in checks.items() if not good), None)

    def greeting(self) -> Mapping[str, Any]:
        """Give the first frame."""
        return {"type": "Begin", "id": "00000000-0000-4000-8000-000000000000", "expires_at": 1_800_000_000}

    def trouble(self, fault: LiveFault | None) -> tuple[Mapping[str, Any], int]:
        """Give an error's frame, which quotes the customer as a careless provider might."""
        code = 3005 if fault is None else _CODES[fault]
        return {"type": "Error", "error_code": code, "error": f"{self.key}: {self.text}"}, code

    def partial(self, text: str) -> Mapping[str, Any]:
        """Give a turn that goes on."""
        return self._turn(text.lower(), ends=False, formatted=False)

    def finals(self, text: str) -> Sequence[dict[str, Any]]:
        """Give the turn's end, then the same formatted."""
        return [self._turn(text.lower(), ends=True, formatted=False), self._turn(text, ends=True, formatted=True)]

    def read(self, message: str | bytes, call: LiveCall) -> str | None:
        """Take a piece of audio, or a JSON frame."""
        if isinstance(message, bytes):
            assert _LEAST_BYTES <= len(message) <= _MOST_BYTES
            call.pieces.append(len(message))
            call.audio += message
            return None
        kind = json.loads(message)["type"]
        return {"ForceEndpoint": "commit", "Terminate": "farewell"}[kind]

    def farewell(self) -> Mapping[str, Any] | None:
        """Give the end of the session."""
        return {"type": "Termination", "audio_duration_seconds": 1, "session_duration_seconds": 1}

    def _turn(self, text: str, *, ends: bool, formatted: bool) -> dict[str, Any]:
        words = [
            {
                "text": word,
                "start": number * 300,
                "end": number * 300 + 300,
                "confidence": self.confidence,
                "word_is_final": ends,
            }
            for number, word in enumerate(text.split())
        ]
        return {
            "type": "Turn",
            "turn_order": 0,
            "turn_is_formatted": formatted,
            "end_of_turn": ends,
            "transcript": text,
            "end_of_turn_confidence": 1.0 if ends else 0.1,
            "words": words,
        }
