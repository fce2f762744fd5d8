"""Given some events, when an input comes, then these events follow: the words of the session's tests."""

from collections.abc import Sequence

import numpy as np

from actors.messages import ClassifyDone, Examined, Listened, NormaliseDone, Transcribed
from actors.session.conversation import Rules
from actors.session.decisions import decide
from actors.session.inputs import Began, Classification, EngineName, Input, Policy, Progressed
from actors.session.state import SessionState, fold
from actors.values import (
    SAMPLE_RATE,
    Biometrics,
    Classified,
    Cleaned,
    Heard,
    Normalised,
    Phrase,
    Resolved,
    Transcript,
    Withheld,
)
from events.catalogue import BandEnergies, Category, Entity, Event, Item, VadSnapshot

SESSION = "0192f0c1-2d3e-7f40-8a5b-6c7d8e9f0a1b"
VAD = VadSnapshot(
    noise_floor_rms=20.0, threshold_rms=120.0, threshold_multiplier=1.5, min_energy=120.0, voiced_ratio=0.8, mode=3
)

RULES = Rules(
    names_something=lambda text: any(word in text for word in ("dor", "dipirona", "grávida")),
    circumstances=lambda text: ("gestante",) if "grávida" in text else (),
    gather_samples=int(1.5 * SAMPLE_RATE),
)
HEADACHE = Entity(kind="symptom", name="dor de cabeça", span="dor de cabeça", score=1.0)
ITEM = Item(sugestao="Compressa de gel", explicacao="Alivia sem somar um remédio.")
BIOMETRICS = Biometrics(
    pitch_mean_hz=180.0,
    pitch_std_hz=20.0,
    snr_db=30.0,
    spectral_centroid_hz=1500.0,
    zero_crossing_rate=0.1,
    rms_mean=0.05,
    rms_max=0.2,
    peak_dbfs=-6.0,
    clipping_ratio=0.0,
    dc_offset=0.0,
    bands=BandEnergies(low=0.5, mid=0.3, high=0.2),
)


def policy(
    *,
    transcribers: int = 1,
    understandings: int = 1,
    resolved: Resolved | Withheld | None = None,
    rules: Rules | None = None,
) -> Policy:
    answer = resolved or Resolved(basket="DOR/CABECA", rule="macro_micro", items=(ITEM,))
    return Policy(
        transcribers=tuple(EngineName(f"ears{n}", "m") for n in range(transcribers)),
        understandings=tuple(EngineName(f"head{n}", "m") for n in range(understandings)),
        resolve=lambda *_: answer,
        rules=rules or Rules(),
    )


class Session:
    """A session in a test: what it decides is folded in, as the actor does."""

    def __init__(self, policy: Policy) -> None:
        self.policy = policy
        self.state = SessionState()
        self.events: list[Event] = []

    def when(self, message: Input) -> list[Event]:
        decided = decide(self.state, message, self.policy)
        self.state = fold(decided, self.state)
        self.events += decided
        return decided

    def to_transcribing(self, number: int = 1) -> None:
        self.when(began())
        self.when(progressed(phrase(number), sample_end=32_000, byte_end=64_000))
        self.when(examined(number))

    def to_normalising(self, number: int = 1) -> None:
        self.to_transcribing(number)
        self.when(transcribed("estou com dor de cabeça", number=number))

    def to_classifying(self, number: int = 1) -> None:
        self.to_normalising(number)
        self.when(normalised(HEADACHE, number=number))


def names(events: Sequence[Event]) -> list[str]:
    return [type(event).__name__ for event in events]


def began() -> Began:
    return Began(session_id=SESSION, counter_id="c", protocol=1, encoding="auto", settings={}, versions={})


def phrase(number: int = 1, start: int = 8_000, end: int = 24_000) -> Phrase:
    return Phrase(
        number=number,
        sample_start=start,
        sample_end=end,
        cut_reason="pause",
        vad=VAD,
        pcm=np.zeros(end - start, np.int16),
        noise=np.zeros(0, np.int16),
    )


def progressed(*heard: Heard, sample_end: int, byte_end: int, final: bool = False) -> Progressed:
    return Progressed(listened=Listened(heard=heard, byte_end=byte_end, sample_end=sample_end, final=final))


def examined(number: int = 1, *, cleaned: Cleaned | None = None) -> Examined:
    return Examined(
        number=number,
        sample_start=8_000,
        sample_end=24_000,
        biometrics=BIOMETRICS,
        measuring_ms=3.0,
        cleaned=cleaned,
        cleaning_ms=0.0,
    )


def transcribed(text: str | None, *, number: int = 1, attempt: int = 0, rejected: str | None = None) -> Transcribed:
    return Transcribed(
        number=number,
        attempt=attempt,
        provider=f"ears{attempt}",
        model="m",
        transcript=None if text is None else Transcript(text=text, rejected=rejected),
        error="timeout" if text is None else None,
        latency_ms=300.0,
    )


def normalised(*entities: Entity, number: int = 1, attempt: int = 0, error: str | None = None) -> NormaliseDone:
    return NormaliseDone(
        number=number,
        attempt=attempt,
        engine=f"head{attempt}",
        model="m",
        outcome=None if error else Normalised(entities=entities),
        error=error,
        latency_ms=2.0,
    )


def classified(
    *, number: int = 1, attempt: int = 0, error: str | None = None, client_present: bool = True
) -> Classification:
    outcome = Classified(categories=(Category(macro="DOR", micro="CABECA"),), anchors=(), confidence=0.9)
    done = ClassifyDone(
        number=number,
        attempt=attempt,
        engine=f"head{attempt}",
        model="m",
        outcome=None if error else outcome,
        error=error,
        latency_ms=2.0,
    )
    return Classification(done=done, client_present=client_present)
