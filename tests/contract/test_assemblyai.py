"""The AssemblyAI adapter against a server that speaks the provider's protocol, in health and in every fault."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import numpy as np
import pytest

from actors.stt.assemblyai import AssemblyAITranscriber
from actors.stt.transcriber import Transcriber, TranscriptionError
from tests.contract.speech import AMPLE_S, CODES, ONE_SECOND, budget_for, told_by
from tests.simulators.assemblyai import AssemblyAISimulator
from tests.simulators.speech import Fault

MODEL = "universal-3-5-pro"


@pytest.fixture
def simulator() -> AssemblyAISimulator:
    return AssemblyAISimulator()


@asynccontextmanager
async def adapter(
    simulator: AssemblyAISimulator, *, key: str | None = None, model: str = MODEL
) -> AsyncIterator[AssemblyAITranscriber]:
    async with simulator.serving() as url:
        engine = AssemblyAITranscriber(key or simulator.key, model, url, 0.36)
        await engine.warm()
        try:
            yield engine
        finally:
            await engine.close()


async def test_a_phrase_comes_back_as_text_with_its_cost(simulator: AssemblyAISimulator) -> None:
    pcm = np.arange(-8000, 8000, dtype=np.int16)
    async with adapter(simulator) as engine:
        port: Transcriber = engine
        transcript = await port.transcribe(pcm, budget_s=AMPLE_S)
    assert transcript.text == simulator.text
    assert transcript.rejected is None
    assert transcript.cost_usd == pytest.approx(0.36 / 3600)
    assert simulator.calls[0].audio == pcm.astype("<i2").tobytes()
    assert (port.provider, port.model) == ("assemblyai", MODEL)


@pytest.mark.parametrize(("fault", "code", "retry_after_s"), CODES)
async def test_every_fault_becomes_its_code_after_a_single_request(
    simulator: AssemblyAISimulator, fault: Fault, code: str, retry_after_s: float | None
) -> None:
    simulator.fault = fault
    async with adapter(simulator) as engine:
        with pytest.raises(TranscriptionError) as caught:
            await engine.transcribe(ONE_SECOND, budget_s=budget_for(fault))
    assert (caught.value.code, caught.value.retry_after_s) == (code, retry_after_s)
    assert simulator.requests == 1


@pytest.mark.parametrize("fault", [None, *Fault])
async def test_neither_key_nor_speech_reaches_a_log_or_an_error(
    simulator: AssemblyAISimulator, fault: Fault | None, caplog: pytest.LogCaptureFixture
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


async def test_a_wrong_key_is_unauthorised(simulator: AssemblyAISimulator) -> None:
    async with adapter(simulator, key="outra-chave") as engine:
        with pytest.raises(TranscriptionError) as caught:
            await engine.transcribe(ONE_SECOND, budget_s=AMPLE_S)
    assert caught.value.code == "unauthorised"
    assert simulator.calls == []


async def test_an_unknown_model_is_rejected(simulator: AssemblyAISimulator) -> None:
    async with adapter(simulator, model="model-of-yesteryear") as engine:
        with pytest.raises(TranscriptionError) as caught:
            await engine.transcribe(ONE_SECOND, budget_s=AMPLE_S)
    assert caught.value.code == "rejected"


async def test_after_a_fault_the_same_adapter_hears_again(simulator: AssemblyAISimulator) -> None:
    async with adapter(simulator) as engine:
        for fault in (Fault.DROPPED, Fault.SLOW):
            simulator.fault = fault
            with pytest.raises(TranscriptionError):
                await engine.transcribe(ONE_SECOND, budget_s=budget_for(fault))
        simulator.fault = None
        transcript = await engine.transcribe(ONE_SECOND, budget_s=AMPLE_S)
    assert transcript.text == simulator.text


async def test_phrases_share_one_connection(simulator: AssemblyAISimulator) -> None:
    async with adapter(simulator) as engine:
        for _ in range(3):
            await engine.transcribe(ONE_SECOND, budget_s=AMPLE_S)
    assert len(simulator.calls) == 3
    assert len(simulator.connections) == 1


async def test_a_server_that_is_not_there_is_transient(unused_tcp_port: int) -> None:
    engine = AssemblyAITranscriber("chave", MODEL, f"http://127.0.0.1:{unused_tcp_port}", 0.0)
    await engine.warm()
    with pytest.raises(TranscriptionError) as caught:
        await engine.transcribe(ONE_SECOND, budget_s=AMPLE_S)
    await engine.close()
    assert caught.value.code == "transient"


async def test_cancelling_the_caller_stays_a_cancellation(simulator: AssemblyAISimulator) -> None:
    simulator.fault = Fault.SLOW
    async with adapter(simulator) as engine:
        call = asyncio.create_task(engine.transcribe(ONE_SECOND, budget_s=AMPLE_S))
        await simulator.reached.wait()
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call


async def test_a_reply_without_its_confidence_is_no_reply(simulator: AssemblyAISimulator) -> None:
    simulator.fault = Fault.MISSING_FIELDS
    async with adapter(simulator) as engine:
        with pytest.raises(TranscriptionError) as caught:
            await engine.transcribe(ONE_SECOND, budget_s=AMPLE_S)
    assert caught.value.code == "transient"
    assert simulator.text not in told_by(caught.value)


async def test_words_carry_confidence(simulator: AssemblyAISimulator) -> None:
    simulator.text = "tem dipirona"
    async with adapter(simulator) as engine:
        transcript = await engine.transcribe(ONE_SECOND, budget_s=AMPLE_S)
    assert [(w.text, w.confidence) for w in transcript.words] == [("tem", 0.95), ("dipirona", 0.95)]
    assert transcript.confidence == 0.95


async def test_a_wild_guess_is_marked_as_rejected(simulator: AssemblyAISimulator) -> None:
    simulator.confidence = 0.1
    async with adapter(simulator) as engine:
        transcript = await engine.transcribe(ONE_SECOND, budget_s=AMPLE_S)
    assert transcript.rejected == "low_confidence"


async def test_warming_opens_the_connection_that_the_first_phrase_uses(simulator: AssemblyAISimulator) -> None:
    async with adapter(simulator) as engine:
        await engine.warm()
        await engine.transcribe(ONE_SECOND, budget_s=AMPLE_S)
    assert simulator.warmed >= 1
    assert len(simulator.connections) == 1


async def test_a_click_of_50_ms_is_rejected_by_the_provider(simulator: AssemblyAISimulator) -> None:
    async with adapter(simulator) as engine:
        with pytest.raises(TranscriptionError) as caught:
            await engine.transcribe(ONE_SECOND[:800], budget_s=AMPLE_S)
    assert caught.value.code == "rejected"
