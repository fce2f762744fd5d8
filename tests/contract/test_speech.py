"""What every speech adapter promises, against servers that speak the providers' protocols, in health and in faults."""

import asyncio
import logging

import numpy as np
import pytest

from actors.recordable import recordable_transcript
from actors.stt.transcriber import TranscriptionError
from tests.contract.engines import USD_PER_HOUR, adapter, build
from tests.contract.speech import AMPLE_S, CODES, NOBODYS_URL, ONE_SECOND, asked_of, told_by
from tests.simulators.assemblyai import AssemblyAISimulator
from tests.simulators.elevenlabs import ElevenLabsSimulator
from tests.simulators.speech import Fault, SpeechSimulator


@pytest.fixture(params=[ElevenLabsSimulator, AssemblyAISimulator], ids=["elevenlabs", "assemblyai"])
def simulator(request: pytest.FixtureRequest) -> SpeechSimulator:
    made: SpeechSimulator = request.param()
    return made


def test_every_fault_has_its_code_or_is_survived() -> None:
    survived = {Fault.MISSING_FIELDS, Fault.NUL, Fault.SURROGATE}
    assert {fault for fault, *_ in CODES} | survived == set(Fault)


async def test_a_phrase_comes_back_as_text_with_its_cost(simulator: SpeechSimulator) -> None:
    pcm = np.arange(-8000, 8000, dtype=np.int16)
    async with adapter(simulator) as engine:
        transcript = await engine.transcribe(pcm, budget_s=AMPLE_S)
    assert transcript.text == simulator.text
    assert transcript.rejected is None
    assert transcript.cost_usd == pytest.approx(USD_PER_HOUR / 3600)
    assert simulator.calls[0].audio == pcm.astype("<i2").tobytes()
    expected = ("elevenlabs", "scribe_v2"), ("assemblyai", "universal-3-5-pro")
    assert (engine.provider, engine.model) in expected


@pytest.mark.parametrize(("fault", "code", "retry_after_s"), CODES)
async def test_every_fault_becomes_its_code_after_a_single_request(
    simulator: SpeechSimulator, fault: Fault, code: str, retry_after_s: float | None
) -> None:
    simulator.fault = fault
    async with adapter(simulator) as engine:
        with pytest.raises(TranscriptionError) as caught:
            await asked_of(simulator, lambda left_s: engine.transcribe(ONE_SECOND, budget_s=left_s))
    assert (caught.value.code, caught.value.retry_after_s) == (code, retry_after_s)
    assert simulator.requests == 1


@pytest.mark.parametrize("fault", [Fault.NUL, Fault.SURROGATE])
async def test_a_character_that_no_event_can_hold_costs_nothing_but_itself(
    simulator: SpeechSimulator, fault: Fault
) -> None:
    simulator.fault = fault
    async with adapter(simulator) as engine:
        heard = await engine.transcribe(ONE_SECOND, budget_s=AMPLE_S)
    assert heard.text != simulator.text
    transcript = recordable_transcript(heard)
    assert transcript.text == simulator.text
    assert {word.text for word in transcript.words} <= set(simulator.text.split())


@pytest.mark.parametrize("fault", [None, *Fault])
async def test_neither_key_nor_speech_reaches_a_log_or_an_error(
    simulator: SpeechSimulator, fault: Fault | None, caplog: pytest.LogCaptureFixture
) -> None:
    simulator.fault = fault
    caplog.set_level(logging.DEBUG)
    told = ""
    async with adapter(simulator) as engine:
        try:
            await asked_of(simulator, lambda left_s: engine.transcribe(ONE_SECOND, budget_s=left_s))
        except TranscriptionError as error:
            told = told_by(error)
        told += repr(engine)
    told += caplog.text + "".join(repr(record.__dict__) for record in caplog.records)
    assert simulator.requests == 1
    assert simulator.key not in told
    assert simulator.text not in told


async def test_a_wrong_key_is_unauthorised(simulator: SpeechSimulator) -> None:
    async with adapter(simulator, key="outra-chave") as engine:
        with pytest.raises(TranscriptionError) as caught:
            await engine.transcribe(ONE_SECOND, budget_s=AMPLE_S)
    assert caught.value.code == "unauthorised"
    assert simulator.calls == []


async def test_an_unknown_model_is_rejected(simulator: SpeechSimulator) -> None:
    async with adapter(simulator, model="model-of-yesteryear") as engine:
        with pytest.raises(TranscriptionError) as caught:
            await engine.transcribe(ONE_SECOND, budget_s=AMPLE_S)
    assert caught.value.code == "rejected"


async def test_after_a_fault_the_same_adapter_hears_again(simulator: SpeechSimulator) -> None:
    async with adapter(simulator) as engine:
        for fault in (Fault.DROPPED, Fault.CUT_SHORT, Fault.SLOW):
            simulator.fault = fault
            with pytest.raises(TranscriptionError):
                await asked_of(simulator, lambda left_s: engine.transcribe(ONE_SECOND, budget_s=left_s))
        simulator.fault = None
        transcript = await engine.transcribe(ONE_SECOND, budget_s=AMPLE_S)
    assert transcript.text == simulator.text


async def test_phrases_share_one_connection(simulator: SpeechSimulator) -> None:
    async with adapter(simulator) as engine:
        for _ in range(3):
            await engine.transcribe(ONE_SECOND, budget_s=AMPLE_S)
    assert len(simulator.calls) == 3
    assert len(simulator.connections) == 1


async def test_a_server_that_is_not_there_is_transient(simulator: SpeechSimulator) -> None:
    engine = build(simulator, NOBODYS_URL)
    await engine.warm()
    with pytest.raises(TranscriptionError) as caught:
        await engine.transcribe(ONE_SECOND, budget_s=AMPLE_S)
    await engine.close()
    assert caught.value.code == "transient"


async def test_cancelling_the_caller_stays_a_cancellation_and_closes_the_connection(
    simulator: SpeechSimulator,
) -> None:
    simulator.fault = Fault.SLOW
    async with adapter(simulator) as engine:
        call = asyncio.create_task(engine.transcribe(ONE_SECOND, budget_s=AMPLE_S))
        await simulator.reached.wait()
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        async with asyncio.timeout(60):
            await simulator.left.wait()
