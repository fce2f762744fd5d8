"""Trials of the engines: analyse a text, cut audio into phrases, write audio down."""

import base64
from typing import Annotated, Any

import orjson
from aiohttp import web
from pydantic import BaseModel, StringConstraints

from actors.values import SAMPLE_RATE, Pcm, VadSettings
from balto.listening import wav, with_stages
from balto.web.answers import answer, json_bytes
from balto.web.bodies import read_model, read_upload
from balto.web.described import described
from balto.web.gate import remote_of, spend
from balto.web.keys import BALTO, CALLER, LIMITS, WORKSHOP
from balto.web.shapes import Analysis, Segments, Transcript
from balto.web.wire import _item

routes = web.RouteTableDef()


class TextBody(BaseModel):
    """What a customer might say."""

    texto: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=2000)]


@routes.post("/api/test/analisar")
@described(topic="trials", body=TextBody, gives=Analysis)
async def analyse(request: web.Request) -> web.Response:
    """Say what would be recommended for a text, and which of its words are the evidence."""
    _count(request)
    body = await read_model(request, TextBody)
    advice = await request.app[WORKSHOP].advise(body.texto)
    return answer(
        {
            "deve_sugerir": bool(advice.items),
            "evidencias": [entity.span for entity in advice.entities],
            "itens": [_item(item) for item in advice.items],
        }
    )


@routes.post("/api/test/segmentar")
@described(topic="trials", upload=("audio",), gives=Segments)
async def segment(request: web.Request) -> web.Response:
    """Return the phrases in an audio file, each as a WAV file."""
    _count(request)
    workshop = request.app[WORKSHOP]
    async with workshop.upload():
        upload = await read_upload(request)
        phrases = await workshop.segment(upload.audio, _vad(request))
        return json_bytes(await workshop.run(lambda: _segments(phrases)))


@routes.post("/api/test/transcrever")
@described(topic="trials", upload=("audio", "provider"), gives=Transcript)
async def transcribe(request: web.Request) -> web.Response:
    """Write down an audio file."""
    _count(request)
    workshop = request.app[WORKSHOP]
    async with workshop.upload():
        upload = await read_upload(request)
        provider = upload.fields.get("provider", "").strip() or None
        return answer({"texto": await workshop.transcribe(upload.audio, _vad(request), provider)})


def _count(request: web.Request) -> None:
    counter = request[CALLER].counter
    spend(request.app[LIMITS].trials, remote_of(request) if counter is None else counter.counter_id)


def _vad(request: web.Request) -> VadSettings:
    counter = request[CALLER].counter
    return with_stages(VadSettings() if counter is None else counter.vad, request.app[BALTO].settings)


def _segments(phrases: list[Pcm]) -> bytes:
    segments: list[dict[str, Any]] = []
    for pcm in phrases:
        file = wav(pcm)
        segments.append(
            {
                "size_bytes": len(file),
                "duration_sec": round(pcm.size / SAMPLE_RATE, 3),
                "audio_base64": base64.b64encode(file).decode(),
            }
        )
    return orjson.dumps({"segments": segments, "total_segments": len(segments)})
