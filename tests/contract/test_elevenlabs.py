"""The ElevenLabs adapter against a server that speaks the provider's protocol, in health and in every fault."""

import asyncio
import logging
import math
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import numpy as np
import pytest

from actors.stt.elevenlabs import ElevenLabsTranscriber
from actors.stt.transcriber import Transcriber, TranscriptionError
from actors.stt.vocabulary import PRODUCT_NAMES
from tests.contract.speech import AMPLE_S, CODES, ONE_SECOND, budget_for, told_by
from tests.simulators.elevenlabs import ElevenLabsSimulator
from tests.simulators.speech import Fault

MODEL = "scribe_v2"


@pytest.fixture
def simulator() -> ElevenLabsSimulator:
    return ElevenLabsSimulator()


@asynccontextmanager
async def adapter(
    simulator: ElevenLabsSimulator,
    *,
    key: str | None = None,
    model: str = MODEL,
    keyterms: Sequence[str] = PRODUCT_NAMES,
) -> AsyncIterator[ElevenLabsTranscriber]:
    async with simulator.serving() as url:
        engine = ElevenLabsTranscriber(key or simulator.key, model, url, 0.36, keyterms=keyterms)
        await engine.warm()
        try:
            yield engine
        finally:
            await engine.close()


async def test_a_phrase_comes_back_as_text_with_its_cost(simulator: ElevenLabsSimulator) -> None:
    pcm = np.arange(-8000, 8000, dtype=np.int16)
    async with adapter(simulator) as engine:
        port: Transcriber = engine
        transcript = await port.transcribe(pcm, budget_s=AMPLE_S)
    assert transcript.text == simulator.text
    assert transcript.rejected is None
    assert transcript.cost_usd == pytest.approx(0.36 / 3600)
    assert simulator.calls[0].audio == pcm.astype("<i2").tobytes()
    assert (port.provider, port.model) == ("elevenlabs", MODEL)


@pytest.mark.parametrize(("fault", "code", "retry_after_s"), CODES)
async def test_every_fault_becomes_its_code_after_a_single_request(
    simulator: ElevenLabsSimulator, fault: Fault, code: str, retry_after_s: float | None
) -> None:
    simulator.fault = fault
    async with adapter(simulator) as engine:
        with pytest.raises(TranscriptionError) as caught:
            await engine.transcribe(ONE_SECOND, budget_s=budget_for(fault))
    assert (caught.value.code, caught.value.retry_after_s) == (code, retry_after_s)
    assert simulator.requests == 1


@pytest.mark.parametrize("fault", [None, *Fault])
async def test_neither_key_nor_speech_reaches_a_log_or_an_error(
    simulator: ElevenLabsSimulator, fault: Fault | None, caplog: pytest.LogCaptureFixture
) -> None:
    simulator.fault = fault
    caplog.set_level(logging.DEBUG)
    told = ""
    async with adapter(simulator) as engine:
        try:
            await engine.transcribe(ONE_SECOND, budget_s=budget_for(fault) if fault else AMPLE_S)
        except TranscriptionError as error:
            told = told_by(error)
        told += repr(engine)
    told += caplog.text + "".join(repr(record.__dict__) for record in caplog.records)
    assert simulator.requests == 1
    assert simulator.key not in told
    assert simulator.text not in told


async def test_a_wrong_key_is_unauthorised(simulator: ElevenLabsSimulator) -> None:
    async with adapter(simulator, key="outra-chave") as engine:
        with pytest.raises(TranscriptionError) as caught:
            await engine.transcribe(ONE_SECOND, budget_s=AMPLE_S)
    assert caught.value.code == "unauthorised"
    assert simulator.calls == []


async def test_an_unknown_model_is_rejected(simulator: ElevenLabsSimulator) -> None:
    async with adapter(simulator, model="model-of-yesteryear") as engine:
        with pytest.raises(TranscriptionError) as caught:
            await engine.transcribe(ONE_SECOND, budget_s=AMPLE_S)
    assert caught.value.code == "rejected"


async def test_after_a_fault_the_same_adapter_hears_again(simulator: ElevenLabsSimulator) -> None:
    async with adapter(simulator) as engine:
        for fault in (Fault.DROPPED, Fault.SLOW):
            simulator.fault = fault
            with pytest.raises(TranscriptionError):
                await engine.transcribe(ONE_SECOND, budget_s=budget_for(fault))
        simulator.fault = None
        transcript = await engine.transcribe(ONE_SECOND, budget_s=AMPLE_S)
    assert transcript.text == simulator.text


async def test_phrases_share_one_connection(simulator: ElevenLabsSimulator) -> None:
    async with adapter(simulator) as engine:
        for _ in range(3):
            await engine.transcribe(ONE_SECOND, budget_s=AMPLE_S)
    assert len(simulator.calls) == 3
    assert len(simulator.connections) == 1


async def test_a_server_that_is_not_there_is_transient(unused_tcp_port: int) -> None:
    engine = ElevenLabsTranscriber("chave", MODEL, f"http://127.0.0.1:{unused_tcp_port}", 0.0)
    await engine.warm()
    with pytest.raises(TranscriptionError) as caught:
        await engine.transcribe(ONE_SECOND, budget_s=AMPLE_S)
    await engine.close()
    assert caught.value.code == "transient"


async def test_cancelling_the_caller_stays_a_cancellation(simulator: ElevenLabsSimulator) -> None:
    simulator.fault = Fault.SLOW
    async with adapter(simulator) as engine:
        call = asyncio.create_task(engine.transcribe(ONE_SECOND, budget_s=AMPLE_S))
        await simulator.reached.wait()
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call


async def test_a_reply_without_the_words_still_gives_its_text(simulator: ElevenLabsSimulator) -> None:
    simulator.fault = Fault.MISSING_FIELDS
    async with adapter(simulator) as engine:
        transcript = await engine.transcribe(ONE_SECOND, budget_s=AMPLE_S)
    assert (transcript.text, transcript.words, transcript.confidence) == (simulator.text, (), None)


async def test_words_carry_times_and_confidence_and_no_spaces(simulator: ElevenLabsSimulator) -> None:
    simulator.text = "tem dipirona"
    simulator.logprob = math.log(0.9)
    async with adapter(simulator) as engine:
        transcript = await engine.transcribe(ONE_SECOND, budget_s=AMPLE_S)
    assert [(w.text, w.start_s, w.end_s) for w in transcript.words] == [("tem", 0.0, 0.3), ("dipirona", 0.3, 0.6)]
    assert [w.confidence for w in transcript.words] == pytest.approx([0.9, 0.9])
    assert transcript.confidence == pytest.approx(0.9)


async def test_a_wild_guess_is_marked_as_rejected(simulator: ElevenLabsSimulator) -> None:
    simulator.logprob = -2.0
    async with adapter(simulator) as engine:
        transcript = await engine.transcribe(ONE_SECOND, budget_s=AMPLE_S)
    assert transcript.rejected == "low_confidence"


async def test_key_terms_beyond_the_limits_are_left_out(simulator: ElevenLabsSimulator) -> None:
    terms = ["dipirona", "x" * 51, "um dois três quatro cinco seis", "dipirona", *(f"termo {n}" for n in range(200))]
    async with adapter(simulator, keyterms=terms) as engine:
        await engine.transcribe(ONE_SECOND, budget_s=AMPLE_S)
    sent = simulator.calls[0].fields["keyterms"]
    assert sent == ["dipirona", *(f"termo {n}" for n in range(99))]
