"""The examiner: measures phrases, and cleans the noisy ones, on the pool, so that decoding never waits for it."""

import logging
from typing import Any, ClassVar, Final, Literal, override

import pykka

from actors.audio.biometrics import measure
from actors.audio.clean import clean
from actors.messages import Examine, Examined
from actors.runtime.actor import Actor
from actors.runtime.clock import Clock
from actors.runtime.supervisor import RESTART, Supervision
from actors.values import Biometrics, Cleaned, Phrase

logger = logging.getLogger(__name__)

CLEAN_BELOW_SNR_DB: Final = 7.0
"""Speech-to-text hears a phrase at least as well raw above this, and better gently cleaned below."""


class ExaminerActor(Actor):
    """Answers each `Examine` with `Examined`. A phrase that cannot be measured or cleaned goes on without.

    Args:
        session: whom to answer.
        clock: for the durations in the answer.
    """

    dispatcher: ClassVar[Literal["loop", "pool"]] = "pool"
    capacity: ClassVar[int | None] = 8
    supervision: ClassVar[Supervision] = RESTART

    def __init__(self, session: pykka.ActorRef[Any], clock: Clock) -> None:
        super().__init__()
        self._session = session
        self._clock = clock

    @override
    def on_receive(self, message: Examine) -> None:
        phrase = message.phrase
        began = self._clock.monotonic_us()
        biometrics = self._measure(phrase)
        measured = self._clock.monotonic_us()
        cleaned = self._clean(phrase, biometrics)
        done = self._clock.monotonic_us()
        self._session.tell(
            Examined(
                number=phrase.number,
                sample_start=phrase.sample_start,
                sample_end=phrase.sample_end,
                biometrics=biometrics,
                measuring_ms=(measured - began) / 1000,
                cleaned=cleaned,
                cleaning_ms=(done - measured) / 1000,
                offer=message.offer,
            )
        )

    def _measure(self, phrase: Phrase) -> Biometrics | None:
        try:
            return measure(phrase.pcm, phrase.noise, phrase.vad.noise_floor_rms)
        except Exception:
            logger.exception("phrase %d could not be measured", phrase.number)
            return None

    def _clean(self, phrase: Phrase, biometrics: Biometrics | None) -> Cleaned | None:
        if biometrics is None or biometrics.snr_db is None or biometrics.snr_db >= CLEAN_BELOW_SNR_DB:
            return None
        try:
            return clean(phrase.pcm, phrase.noise)
        except Exception:
            logger.exception("phrase %d could not be cleaned", phrase.number)
            return None
