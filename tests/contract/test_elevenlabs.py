"""What is particular to the ElevenLabs adapter, against a server that speaks the provider's protocol."""

import math

import pytest

from tests.contract.engines import adapter
from tests.contract.speech import AMPLE_S, ONE_SECOND
from tests.simulators.elevenlabs import ElevenLabsSimulator
from tests.simulators.speech import Fault


@pytest.fixture
def simulator() -> ElevenLabsSimulator:
    return ElevenLabsSimulator()


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


async def test_words_of_the_conversation_are_listened_for_before_the_standing_ones(
    simulator: ElevenLabsSimulator,
) -> None:
    async with adapter(simulator, keyterms=[f"termo {n}" for n in range(100)]) as engine:
        await engine.transcribe(ONE_SECOND, budget_s=AMPLE_S, terms=["Luftal", "termo 5"])
        await engine.transcribe(ONE_SECOND, budget_s=AMPLE_S)
    first, second = (call.fields["keyterms"] for call in simulator.calls)
    assert first == ["Luftal", "termo 5", *(f"termo {n}" for n in range(99) if n != 5)]
    assert second == [f"termo {n}" for n in range(100)]
