"""The decisions of speculative endpointing: offer a phrase early, take it back, take its text over. Pure."""

from collections.abc import Sequence
from dataclasses import replace

from actors.audio.biometrics import snr_db
from actors.messages import Transcribed
from actors.session.answering import transcribed
from actors.session.attempts import ended
from actors.session.choosing import choose, usd_per_hour
from actors.session.inputs import Policy
from actors.session.phrase import PhraseState
from actors.session.state import SessionState, offer_of
from actors.session.streaming import heard_by
from actors.values import SAMPLE_RATE, EarlyPhrase, Heard, SpeechBegan, Transcript
from events.catalogue import (
    Event,
    OfferTranscribed,
    PhraseOffered,
    PhraseOfferWithdrawn,
    TranscriptionReceived,
    TranscriptionRejected,
    WithdrawalReason,
)


def lasting(heard: Sequence[Heard]) -> list[Heard]:
    """Leave out the offers that what was heard right behind them has overtaken: nobody would wait for them."""
    return [
        each
        for at, each in enumerate(heard)
        if not isinstance(each, EarlyPhrase)
        or all(later.number != each.number or isinstance(later, SpeechBegan) for later in heard[at + 1 :])
    ]


def offered(state: SessionState, early: EarlyPhrase, policy: Policy) -> list[Event]:
    """Decide on a phrase that may be over."""
    # A resumed session hears its recording again: what was offered then is in its stream already.
    if early.offer <= state.last_offer:
        return []
    phrase = early.phrase
    choice = choose(
        state.terms,
        policy,
        stopped=state.paid_stopped,
        seconds=(phrase.sample_end - phrase.sample_start) / SAMPLE_RATE,
        snr_db=lambda: snr_db(phrase.pcm, phrase.noise, phrase.vad.noise_floor_rms),
        heard_by=heard_by(state.open_phrases.get(early.number), policy),
    )
    if choice.engine is None:
        return withdrawn(state, early.number, "cut_elsewhere", policy)
    return [
        *withdrawn(state, early.number, "cut_elsewhere", policy),
        PhraseOffered(
            phrase=early.number,
            offer=early.offer,
            sample_start=phrase.sample_start,
            sample_end=phrase.sample_end,
            provider=choice.engine.name,
            model=choice.engine.model,
            why=choice.why,
        ),
    ]


def withdrawn(
    state: SessionState, number: int, reason: WithdrawalReason, policy: Policy, *, offer: int | None = None
) -> list[Event]:
    """Take a phrase's offer back, if it has one, or has that one."""
    phrase = state.open_phrases.get(number)
    current = None if phrase is None else phrase.offer
    if current is None or offer not in (None, current.event.offer):
        return []
    event = current.event
    owed = 0.0 if current.answer is not None else _price(event, policy) + current.backups_usd
    return [
        PhraseOfferWithdrawn(
            phrase=number,
            offer=event.offer,
            reason=reason,
            cost_usd=owed,
            provider=event.provider,
            model=event.model,
        )
    ]


def unless_held(state: SessionState, number: int, sample_start: int, sample_end: int, policy: Policy) -> list[Event]:
    """Take a phrase's offer back if the phrase that was captured is not what was offered."""
    phrase = state.open_phrases.get(number)
    if phrase is None or phrase.offer is None:
        return []
    event = phrase.offer.event
    held = (event.sample_start, event.sample_end) == (sample_start, sample_end)
    return [] if held else withdrawn(state, number, "cut_elsewhere", policy)


def transcribed_early(state: SessionState, message: Transcribed) -> list[Event]:
    """Decide on what an engine made of an offer, or on its failure; nothing is owed for one that was withdrawn."""
    current = offer_of(state, message.number, message.offer)
    if current is None or current.answer is not None:
        return []
    others = ended(message.number, "transcription", message.others)
    if message.transcript is None:
        # It costs nothing, and the phrase will be asked for again, from the first engine on, once it is over.
        reason: WithdrawalReason = "transcription_failed"
        asked = current.event
        withdrawal = PhraseOfferWithdrawn(
            phrase=message.number,
            offer=message.offer,
            reason=reason,
            cost_usd=0.0,
            provider=asked.provider,
            model=asked.model,
        )
        return [*others, withdrawal]
    transcript = message.transcript
    rejected = transcript.rejected or (None if transcript.text.strip() else "empty")
    return [
        *others,
        OfferTranscribed(
            phrase=message.number,
            offer=message.offer,
            provider=message.provider,
            model=message.model,
            text=transcript.text,
            words=transcript.words,
            confidence=transcript.confidence,
            rejected=rejected,
            latency_ms=message.latency_ms,
            cost_usd=transcript.cost_usd,
        ),
    ]


def taken_over(number: int, phrase: PhraseState, policy: Policy) -> list[Event] | None:
    """Return what follows from the text that a captured phrase has already; None where it has none."""
    answer = None if phrase.offer is None else phrase.offer.answer
    if answer is None:
        return None
    # What it cost was counted when it came.
    transcript = Transcript(
        text=answer.text, words=answer.words, confidence=answer.confidence, rejected=answer.rejected
    )
    message = Transcribed(
        number=number,
        attempt=phrase.attempt,
        provider=answer.provider,
        model=answer.model,
        transcript=transcript,
        latency_ms=answer.latency_ms,
    )
    events = transcribed(message, replace(phrase, stage="transcribing"), policy)
    return [
        replace(event, offer=answer.offer)
        if isinstance(event, TranscriptionReceived | TranscriptionRejected)
        else event
        for event in events
    ]


def _price(event: PhraseOffered, policy: Policy) -> float:
    streaming = policy.streaming
    if streaming is not None and (event.provider, event.model) == (streaming.name, streaming.model):
        return 0.0  # counted when the stream is closed
    return (event.sample_end - event.sample_start) / SAMPLE_RATE / 3600 * usd_per_hour(policy, event.provider)
