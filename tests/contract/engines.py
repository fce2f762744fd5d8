"""The speech adapters beside the simulators that they speak to."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from actors.stt.assemblyai import AssemblyAITranscriber
from actors.stt.elevenlabs import ElevenLabsTranscriber
from actors.stt.transcriber import Transcriber
from actors.stt.vocabulary import PRODUCT_NAMES
from tests.simulators.assemblyai import AssemblyAISimulator
from tests.simulators.elevenlabs import ElevenLabsSimulator
from tests.simulators.speech import SpeechSimulator

USD_PER_HOUR = 0.36


def build(
    simulator: SpeechSimulator,
    url: str,
    *,
    key: str | None = None,
    model: str | None = None,
    keyterms: Sequence[str] = PRODUCT_NAMES,
) -> Transcriber:
    """Return the adapter that a simulator is for."""
    if isinstance(simulator, ElevenLabsSimulator):
        return ElevenLabsTranscriber(
            key or simulator.key, model or simulator.model, url, USD_PER_HOUR, keyterms=keyterms
        )
    assert isinstance(simulator, AssemblyAISimulator)
    return AssemblyAITranscriber(key or simulator.key, model or simulator.model, url, USD_PER_HOUR, keyterms=keyterms)


@asynccontextmanager
async def adapter(
    simulator: SpeechSimulator,
    *,
    key: str | None = None,
    model: str | None = None,
    keyterms: Sequence[str] = PRODUCT_NAMES,
) -> AsyncIterator[Transcriber]:
    """Serve a simulator and give its adapter, warmed."""
    async with simulator.serving() as url:
        engine = build(simulator, url, key=key, model=model, keyterms=keyterms)
        await engine.warm()
        try:
            yield engine
        finally:
            await engine.close()
