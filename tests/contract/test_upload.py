"""What AssemblyAI's one request promises where it is uploaded while the phrase is said."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from actors.stt.assemblyai import AssemblyAITranscriber
from actors.stt.assemblyai_streaming import AssemblyAIUpload
from actors.stt.transcriber import TranscriptionError
from tests.contract.engines import USD_PER_HOUR
from tests.contract.speech import AMPLE_S, CODES, asked_of
from tests.contract.test_streams import MORE, SAID, in_pieces
from tests.simulators.assemblyai import AssemblyAISimulator
from tests.simulators.speech import Fault


@pytest.fixture
def simulator() -> AssemblyAISimulator:
    return AssemblyAISimulator()


@asynccontextmanager
async def serving(simulator: AssemblyAISimulator) -> AsyncIterator[AssemblyAIUpload]:
    async with simulator.serving() as url:
        batch = AssemblyAITranscriber(simulator.key, simulator.model, url, USD_PER_HOUR)
        engine = AssemblyAIUpload(batch)
        await engine.warm()
        try:
            yield engine
        finally:
            await engine.close()
            await batch.close()


async def test_one_request_carries_what_was_fed(simulator: AssemblyAISimulator) -> None:
    async with serving(simulator) as engine:
        stream = engine.open()
        for piece in in_pieces(SAID):
            stream.feed(piece)
            await asyncio.sleep(0)
        transcript = await stream.transcript(budget_s=AMPLE_S)
    assert (transcript.text, transcript.cost_usd) == (simulator.text, 0.0)
    assert [bytes(call.audio) for call in simulator.calls] == [SAID.astype("<i2").tobytes()]
    assert simulator.requests == 1


async def test_the_request_is_under_way_while_the_phrase_is_said(simulator: AssemblyAISimulator) -> None:
    async with serving(simulator) as engine:
        stream = engine.open()
        stream.feed(SAID)
        async with asyncio.timeout(AMPLE_S):
            while not simulator.requests:  # noqa: ASYNC110 - it gives no sign of a request that has only begun
                await asyncio.sleep(0.01)
        assert simulator.calls == []
        stream.feed(MORE)
        assert (await stream.transcript(budget_s=AMPLE_S)).text == simulator.text
    assert len(simulator.calls[0].audio) == 2 * (SAID.size + MORE.size)


async def test_speech_that_goes_on_after_the_commit_is_an_error(simulator: AssemblyAISimulator) -> None:
    async with serving(simulator) as engine:
        stream = engine.open()
        stream.feed(SAID)
        assert (await stream.transcript(budget_s=AMPLE_S)).text == simulator.text
        stream.feed(MORE)
        with pytest.raises(TranscriptionError) as caught:
            await stream.transcript(budget_s=AMPLE_S)
    assert caught.value.code == "unfed"


@pytest.mark.parametrize(("fault", "code", "retry_after_s"), CODES)
async def test_every_fault_becomes_its_code_after_a_single_request(
    simulator: AssemblyAISimulator, fault: Fault, code: str, retry_after_s: float | None
) -> None:
    simulator.fault = fault
    async with serving(simulator) as engine:
        stream = engine.open()
        stream.feed(SAID)
        with pytest.raises(TranscriptionError) as caught:
            await asked_of(simulator, lambda left_s: stream.transcript(budget_s=left_s))
    assert (caught.value.code, caught.value.retry_after_s) == (code, retry_after_s)
    assert simulator.requests == 1


async def test_an_upload_that_is_given_up_is_closed_even_when_it_is_complete(simulator: AssemblyAISimulator) -> None:
    simulator.fault = Fault.SLOW
    async with serving(simulator) as engine:
        stream = engine.open()
        stream.feed(SAID)
        stream.commit()
        await simulator.reached.wait()
        stream.cancel()
        async with asyncio.timeout(60):
            await simulator.left.wait()
