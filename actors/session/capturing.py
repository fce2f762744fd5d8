"""The decisions on a phrase that was captured: what is recorded of it, and that it goes to speech-to-text. Pure."""

from actors.messages import Examined
from actors.session.choosing import choose
from actors.session.early import taken_over
from actors.session.inputs import EngineName, Policy, Resources
from actors.session.phrase import PhraseState
from actors.session.state import SessionState
from actors.session.streaming import heard_by
from actors.values import SAMPLE_RATE, Phrase
from events.catalogue import (
    Event,
    PhraseCaptured,
    PhraseCleaned,
    PhraseMeasured,
    RecommendationWithheld,
    ResourcesSampled,
    TranscriptionFailed,
    TranscriptionRequested,
)


def captured(phrase: Phrase, resources: Resources | None) -> list[Event]:
    """Record a phrase that is over, and what the machine was busy with."""
    captured = PhraseCaptured(
        phrase=phrase.number,
        sample_start=phrase.sample_start,
        sample_end=phrase.sample_end,
        cut_reason=phrase.cut_reason,
        vad=phrase.vad,
    )
    if resources is None:
        return [captured]
    sampled = ResourcesSampled(
        phrase=phrase.number,
        cpu_percent=resources.cpu_percent,
        system_cpu_percent=resources.system_cpu_percent,
        rss_bytes=resources.rss_bytes,
        system_memory_percent=resources.system_memory_percent,
        loop_lag_ms=resources.loop_lag_ms,
    )
    return [captured, sampled]


def examined(state: SessionState, message: Examined, phrase: PhraseState, policy: Policy) -> list[Event]:
    """Record what was measured of a phrase; then its text is taken over from its offer, or asked for."""
    if phrase.stage != "captured":
        return []
    events: list[Event] = []
    if message.cleaned is not None:
        events.append(
            PhraseCleaned(
                phrase=message.number,
                method=message.cleaned.method,
                noise_profile_ms=message.cleaned.noise_profile_ms,
                reduction_db=message.cleaned.reduction_db,
                given_to_stt="cleaned",
                duration_ms=message.cleaning_ms,
            )
        )
    if message.biometrics is not None:
        measured = message.biometrics
        events.append(
            PhraseMeasured(
                phrase=message.number,
                sample_start=message.sample_start,
                sample_end=message.sample_end,
                pitch_mean_hz=measured.pitch_mean_hz,
                pitch_std_hz=measured.pitch_std_hz,
                snr_db=measured.snr_db,
                spectral_centroid_hz=measured.spectral_centroid_hz,
                zero_crossing_rate=measured.zero_crossing_rate,
                rms_mean=measured.rms_mean,
                rms_max=measured.rms_max,
                peak_dbfs=measured.peak_dbfs,
                clipping_ratio=measured.clipping_ratio,
                dc_offset=measured.dc_offset,
                bands=measured.bands,
                duration_ms=message.measuring_ms,
            )
        )
    text = taken_over(message.number, phrase, policy)
    if text is not None:
        return [*events, *text]
    return [*events, *_asked(state, message, phrase, policy)]


def _asked(state: SessionState, message: Examined, phrase: PhraseState, policy: Policy) -> list[Event]:
    seconds = (message.sample_end - message.sample_start) / SAMPLE_RATE
    measured = message.biometrics
    snr_db = None if measured is None else measured.snr_db
    choice = choose(
        state.terms,
        policy,
        stopped=state.paid_stopped,
        seconds=seconds,
        snr_db=lambda: snr_db,
        heard_by=heard_by(phrase, policy),
    )
    engine = choice.engine or _at_work(phrase)
    if engine is None:
        first = policy.engines[0]
        refused = TranscriptionFailed(
            phrase=message.number, provider=first.name, model=first.model, code="budget_reached", latency_ms=0.0
        )
        return [refused, RecommendationWithheld(phrase=message.number, reason="transcription_failed")]
    return [
        TranscriptionRequested(
            phrase=message.number,
            provider=engine.name,
            model=engine.model,
            audio_ms=seconds * 1000,
            why=choice.why,
        )
    ]


def _at_work(phrase: PhraseState) -> EngineName | None:
    # It bills the offer in any case, so its text is waited for.
    return None if phrase.offer is None else EngineName(phrase.offer.event.provider, phrase.offer.event.model)
