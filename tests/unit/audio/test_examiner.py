"""The examiner on phrases as the segmenter hands them over: with the session's noise, cleaned only where it helps."""

import asyncio
from typing import Any, cast

import numpy as np
import pykka
import pytest

from actors.audio.biometrics import measure
from actors.audio.clean import METHOD
from actors.audio.examiner import CLEAN_BELOW_SNR_DB, ExaminerActor
from actors.messages import Examine, Examined
from actors.runtime.testkit import VirtualSystem, run
from actors.values import SAMPLE_RATE, Pcm, Phrase, VadSettings
from balto.listening import find_phrases
from tests.recordings import conversation
from tests.sounds import noise, pcm


class Told:
    """Stands where the session is and waits for what it is told."""

    def __init__(self) -> None:
        self.message: asyncio.Future[Any] = asyncio.get_running_loop().create_future()

    def tell(self, message: Any) -> None:
        self.message.set_result(message)


def in_noise(rms: float) -> tuple[Pcm, Pcm]:
    """Return three seconds of noise with a recorded conversation behind, and that noise alone."""
    speech = conversation("tosse", "chuva").astype(np.float64) / 32_768
    around = noise(3 + speech.size / SAMPLE_RATE, rms, seed=3)
    around[3 * SAMPLE_RATE :] += speech
    return pcm(around), pcm(noise(3, rms, seed=3))


def phrases(heard: Pcm) -> list[Phrase]:
    return [one for one in find_phrases(heard, VadSettings()) if isinstance(one, Phrase)]


def examined(phrase: Phrase) -> Examined:
    async def scenario(system: VirtualSystem) -> Any:
        session = Told()
        examiner = system.spawn(ExaminerActor, cast("pykka.ActorRef[Any]", session), system.time)
        examiner.tell(Examine(phrase))
        return await session.message

    message = run(scenario, seed=1).value
    assert isinstance(message, Examined)
    return message


@pytest.mark.parametrize("rms", [0.003, 0.03])
def test_a_phrase_comes_with_the_noise_that_was_before_it(rms: float) -> None:
    heard, alone = in_noise(rms)
    first = phrases(heard)[0]
    assert first.noise.size >= SAMPLE_RATE / 4
    level, truth = (float(np.sqrt(np.mean(np.square(part.astype(np.float64))))) for part in (first.noise, alone))
    assert level == pytest.approx(truth, rel=0.1)


def test_a_noisy_phrase_is_cleaned_with_that_noise_and_measured_as_it_was_received() -> None:
    phrase = phrases(in_noise(0.045)[0])[0]
    message = examined(phrase)
    assert message.biometrics is not None
    assert message.biometrics.snr_db is not None
    assert message.biometrics.snr_db < CLEAN_BELOW_SNR_DB
    assert message.cleaned is not None
    assert message.cleaned.method == METHOD
    assert message.cleaned.noise_profile_ms == phrase.noise.size * 1000 / SAMPLE_RATE
    assert message.cleaned.reduction_db > 0
    assert message.biometrics == measure(phrase.pcm, phrase.noise, phrase.vad.noise_floor_rms)


def test_a_quiet_phrase_is_left_as_it_is() -> None:
    message = examined(phrases(in_noise(0.001)[0])[0])
    assert message.biometrics is not None
    assert message.cleaned is None
