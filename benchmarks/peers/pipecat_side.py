"""A counter on Pipecat: its WebSocket transport, Silero VAD, instant speech-to-text and answer.

Runs in Pipecat's own environment: `python pipecat_side.py PORT`. What is left out makes it cheaper than a real one: no
context, no language model's service, no text-to-speech; the answer is one text frame. Metrics, tracing, turn tracking
and RTVI are off.
"""

# mypy: ignore-errors
import json
import sys
from collections.abc import AsyncGenerator

import uvicorn
from fastapi import FastAPI, WebSocket
from loguru import logger
from pipecat.audio.vad.silero import SileroVADAnalyzer
from pipecat.audio.vad.vad_analyzer import VADParams
from pipecat.frames.frames import (
    Frame,
    InputAudioRawFrame,
    OutputTransportMessageUrgentFrame,
    TranscriptionFrame,
)
from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.worker import PipelineParams, PipelineWorker
from pipecat.processors.audio.vad_processor import VADProcessor
from pipecat.processors.frame_processor import FrameDirection, FrameProcessor
from pipecat.serializers.base_serializer import FrameSerializer
from pipecat.services.stt_service import SegmentedSTTService
from pipecat.transports.websocket.fastapi import FastAPIWebsocketParams, FastAPIWebsocketTransport
from pipecat.utils.time import time_now_iso8601
from pipecat.workers.runner import WorkerRunner

RATE = 16_000
TEXT = "eu queria uma caixa de dipirona"


class Bare(FrameSerializer):
    """Frames of PCM in, text frames of JSON out: less work than Pipecat's own protobuf."""

    async def serialize(self, frame: Frame) -> str | None:
        """Write a message."""
        return json.dumps(frame.message) if isinstance(frame, OutputTransportMessageUrgentFrame) else None

    async def deserialize(self, data: str | bytes) -> Frame | None:
        """Read audio."""
        return InputAudioRawFrame(audio=data, sample_rate=RATE, num_channels=1) if isinstance(data, bytes) else None


class Ears(SegmentedSTTService):
    """Hears the same in everything, at once."""

    @property
    def wants_wav_segments(self) -> bool:
        """Take samples without a header."""
        return False

    async def run_stt(self, audio: bytes) -> AsyncGenerator[Frame, None]:  # noqa: ARG002 - instant
        """Write a phrase down."""
        yield TranscriptionFrame(TEXT, "", time_now_iso8601())


class Head(FrameProcessor):
    """Answers every transcript, at once."""

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        """Answer a transcript; pass everything else on."""
        await super().process_frame(frame, direction)
        if isinstance(frame, TranscriptionFrame):
            answer = {"comando": "recomendar", "itens": [{"sugestao": "Termômetro digital", "explicacao": frame.text}]}
            await self.push_frame(OutputTransportMessageUrgentFrame(message=answer))
        else:
            await self.push_frame(frame, direction)


app = FastAPI()


@app.get("/readyz")
async def ready() -> dict[str, str]:
    """Say that the server is there."""
    return {}


@app.websocket("/talk")
async def talk(websocket: WebSocket) -> None:
    """Serve one client."""
    await websocket.accept()
    params = FastAPIWebsocketParams(
        audio_in_enabled=True, audio_out_enabled=False, audio_in_sample_rate=RATE, serializer=Bare()
    )
    transport = FastAPIWebsocketTransport(websocket=websocket, params=params)
    vad = SileroVADAnalyzer(sample_rate=RATE, params=VADParams(stop_secs=0.2))
    pipeline = Pipeline([transport.input(), VADProcessor(vad_analyzer=vad), Ears(), Head(), transport.output()])
    worker = PipelineWorker(
        pipeline,
        params=PipelineParams(audio_in_sample_rate=RATE),
        enable_turn_tracking=False,
        enable_rtvi=False,
        idle_timeout_secs=None,
        check_dangling_tasks=False,
    )

    @transport.event_handler("on_client_disconnected")
    async def gone(_transport: object, _websocket: object) -> None:
        await worker.cancel()

    runner = WorkerRunner(handle_sigint=False)
    await runner.add_workers(worker)
    await runner.run()


if __name__ == "__main__":
    logger.remove()
    logger.add(sys.stderr, level="WARNING")
    uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[1]), log_level="warning")
