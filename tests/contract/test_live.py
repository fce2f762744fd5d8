"""The same adapters on the real services: run only by `pytest -m live`, with the providers' keys in the environment."""

import asyncio
import os
from collections.abc import Callable

import pytest

from actors.basket.catalogue import load_baskets
from actors.llm.openai import OpenAIUnderstanding
from actors.stt.assemblyai import AssemblyAITranscriber
from actors.stt.assemblyai_streaming import AssemblyAIStreaming, AssemblyAIUpload
from actors.stt.elevenlabs import ElevenLabsTranscriber
from actors.stt.elevenlabs_realtime import ElevenLabsStreaming
from actors.stt.guard import words_of
from actors.stt.streaming import StreamingTranscriber
from actors.stt.transcriber import Transcriber, TranscriptionError
from balto.settings import OWN_BASKETS, Settings
from tests.contract.speech import AMPLE_S, ONE_SECOND
from tests.recordings import spoken

pytestmark = pytest.mark.live

DEFAULTS = Settings(_env_file=None)
EARS: dict[str, Callable[[str], Transcriber]] = {
    "ELEVENLABS": lambda key: ElevenLabsTranscriber(key, DEFAULTS.elevenlabs_model, None, 0.264),
    "ASSEMBLYAI": lambda key: AssemblyAITranscriber(key, DEFAULTS.assemblyai_model, None, 0.3),
}


def key_of(provider: str) -> str:
    key = os.environ.get(f"BALTO_{provider}_API_KEY")
    if not key:
        pytest.skip(f"no BALTO_{provider}_API_KEY")
    return key


@pytest.mark.parametrize("provider", EARS)
async def test_a_phrase_is_heard(provider: str) -> None:
    engine = EARS[provider](key_of(provider))
    await engine.warm()
    transcript = await engine.transcribe(spoken("dor_de_cabeca"), budget_s=AMPLE_S)
    await engine.close()
    assert {"dor", "cabeca"} <= set(words_of(transcript.text))
    assert transcript.cost_usd > 0


@pytest.mark.parametrize("provider", EARS)
async def test_a_wrong_key_is_unauthorised(provider: str) -> None:
    engine = EARS[provider](key_of(provider)[::-1])
    with pytest.raises(TranscriptionError) as caught:
        await engine.transcribe(ONE_SECOND, budget_s=AMPLE_S)
    await engine.close()
    assert caught.value.code == "unauthorised"


LIVE: dict[str, Callable[[str], StreamingTranscriber]] = {
    "ELEVENLABS realtime": lambda key: ElevenLabsStreaming(key, DEFAULTS.elevenlabs_realtime_model, None),
    "ASSEMBLYAI upload": lambda key: AssemblyAIUpload(AssemblyAITranscriber(key, DEFAULTS.assemblyai_model, None, 0.3)),
    "ASSEMBLYAI streaming": lambda key: AssemblyAIStreaming(key, DEFAULTS.assemblyai_model, None),
}


@pytest.mark.parametrize("name", LIVE)
async def test_a_phrase_is_heard_while_it_is_said(name: str) -> None:
    engine = LIVE[name](key_of(name.split(maxsplit=1)[0]))
    await engine.warm()
    stream = engine.open()
    pcm = spoken("dor_de_cabeca")
    for at in range(0, pcm.size, 1_600):
        stream.feed(pcm[at : at + 1_600])
        await asyncio.sleep(0.1)
    transcript = await stream.transcript(budget_s=AMPLE_S)
    stream.cancel()
    await engine.close()
    assert {"dor", "cabeca"} <= set(words_of(transcript.text))


@pytest.mark.parametrize("name", LIVE)
async def test_a_wrong_key_opens_no_stream(name: str) -> None:
    engine = LIVE[name](key_of(name.split(maxsplit=1)[0])[::-1])
    stream = engine.open()
    stream.feed(ONE_SECOND)
    with pytest.raises(TranscriptionError) as caught:
        await stream.transcript(budget_s=AMPLE_S)
    await engine.close()
    assert caught.value.code == "unauthorised"


async def test_a_sentence_is_understood() -> None:
    taxonomy = load_baskets(OWN_BASKETS).taxonomy
    engine = OpenAIUnderstanding(key_of("OPENAI"), DEFAULTS.openai_model, taxonomy=taxonomy)
    await engine.warm()
    text = "bom dia, estou com dor de cabeça"
    named = await engine.normalise(text, budget_s=AMPLE_S)
    placed = await engine.classify(text, named.entities, budget_s=AMPLE_S)
    await engine.close()
    assert "dor de cabeça" in {entity.name for entity in named.entities}
    assert placed.categories[0].macro == "DOR_FEBRE_INFLAMACAO"
