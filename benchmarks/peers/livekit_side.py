"""A counter on LiveKit Agents: a session without a room, its native VAD, instant speech-to-text and answer.

Runs in LiveKit's own environment: `python livekit_side.py PORT`. What is left out makes it cheaper than a real one: no
room and so no WebRTC, no language model's service, no text-to-speech. Speech-to-text takes part as a streaming engine
that is told by the session's VAD where speech ends, so that there is one VAD a session; the answer is given where the
user's turn is complete.
"""

# mypy: ignore-errors
import asyncio
import json
import logging
import sys
from typing import Any

from aiohttp import WSMsgType, web
from livekit import rtc
from livekit.agents import Agent, AgentSession, StopResponse, inference, llm, stt
from livekit.agents.types import DEFAULT_API_CONNECT_OPTIONS, NOT_GIVEN
from livekit.agents.voice.io import AudioInput

RATE = 16_000
TEXT = "eu queria uma caixa de dipirona"


class Heard(stt.RecognizeStream):
    """Writes the same down whenever it is told that a phrase is over."""

    async def _run(self) -> None:
        heard = False
        async for item in self._input_ch:
            if isinstance(item, self._FlushSentinel):
                if heard:
                    said = stt.SpeechData(language="pt", text=TEXT)
                    kind = stt.SpeechEventType.FINAL_TRANSCRIPT
                    self._event_ch.send_nowait(stt.SpeechEvent(type=kind, alternatives=[said]))
                heard = False
            else:
                heard = True


class Ears(stt.STT):
    """Hears the same in everything, at once."""

    def __init__(self) -> None:
        can = stt.STTCapabilities(streaming=True, interim_results=False, offline_recognize=False, manual_flush=True)
        super().__init__(capabilities=can)

    async def _recognize_impl(self, buffer: Any, *, language: Any, conn_options: Any) -> stt.SpeechEvent:
        raise NotImplementedError

    def stream(
        self, *, language: Any = NOT_GIVEN, conn_options: Any = DEFAULT_API_CONNECT_OPTIONS
    ) -> stt.RecognizeStream:
        """Listen."""
        del language
        return Heard(stt=self, conn_options=conn_options, sample_rate=RATE)


class Microphone(AudioInput):
    """What a client sends."""

    def __init__(self) -> None:
        super().__init__(label="socket")
        self.frames: asyncio.Queue[rtc.AudioFrame | None] = asyncio.Queue()

    async def __anext__(self) -> rtc.AudioFrame:
        frame = await self.frames.get()
        if frame is None:
            raise StopAsyncIteration
        return frame


class Counter(Agent):
    """Answers every turn, at once.

    Args:
        socket: of the client.
    """

    def __init__(self, socket: web.WebSocketResponse) -> None:
        super().__init__(instructions="")
        self._socket = socket

    async def on_user_turn_completed(self, _chat: llm.ChatContext, new_message: llm.ChatMessage) -> None:
        """Answer."""
        items = [{"sugestao": "Termômetro digital", "explicacao": new_message.text_content}]
        await self._socket.send_str(json.dumps({"comando": "recomendar", "itens": items}))
        raise StopResponse


async def ready(_request: web.Request) -> web.Response:
    """Say that the server is there."""
    return web.Response()


async def talk(request: web.Request) -> web.WebSocketResponse:
    """Serve one client."""
    socket = web.WebSocketResponse(compress=False)
    await socket.prepare(request)
    microphone = Microphone()
    # As this audio has no room, nobody is away or speaks over anybody.
    session = AgentSession(
        stt=Ears(),
        vad=inference.VAD(),
        turn_handling={"turn_detection": "vad"},
        user_away_timeout=None,
    )
    session.input.audio = microphone
    await session.start(agent=Counter(socket))
    try:
        async for message in socket:
            if message.type is WSMsgType.BINARY:
                samples = len(message.data) // 2
                microphone.frames.put_nowait(rtc.AudioFrame(message.data, RATE, 1, samples))
    finally:
        microphone.frames.put_nowait(None)
        await session.aclose()
    return socket


if __name__ == "__main__":
    logging.basicConfig(level=logging.WARNING)
    app = web.Application()
    app.add_routes([web.get("/readyz", ready), web.get("/talk", talk)])
    web.run_app(app, host="127.0.0.1", port=int(sys.argv[1]), print=None)
