"""What is particular to the AssemblyAI adapter, against a server that speaks the provider's protocol."""

import pytest

from actors.stt.transcriber import TranscriptionError
from tests.contract.engines import adapter
from tests.contract.speech import AMPLE_S, ONE_SECOND, told_by
from tests.simulators.assemblyai import AssemblyAISimulator
from tests.simulators.speech import Fault


@pytest.fixture
def simulator() -> AssemblyAISimulator:
    return AssemblyAISimulator()


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


async def test_words_of_the_conversation_are_listened_for_before_the_standing_ones(
    simulator: AssemblyAISimulator,
) -> None:
    async with adapter(simulator, keyterms=["dipirona", "AAS"]) as engine:
        await engine.transcribe(ONE_SECOND, budget_s=AMPLE_S, terms=["Luftal", "aas", "x" * 81])
        await engine.transcribe(ONE_SECOND, budget_s=AMPLE_S)
    first, second = (call.fields["keyterms_prompt"] for call in simulator.calls)
    assert first == ["Luftal", "aas", "dipirona"]
    assert second == ["dipirona", "AAS"]
