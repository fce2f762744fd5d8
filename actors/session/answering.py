"""The decisions between a transcript and a recommendation: ask, fall back, advise or keep silent. Pure."""

from uuid import UUID, uuid5

from actors.messages import NormaliseDone, Transcribed
from actors.session.attempts import ended
from actors.session.conversation import conversation_of
from actors.session.inputs import Classification, EngineName, Policy
from actors.session.phrase import PhraseState
from actors.session.state import SessionState
from actors.values import Resolved, Withheld
from events.catalogue import (
    BasketResolved,
    ClassificationCompleted,
    ClassificationFailed,
    ClassificationRequested,
    Event,
    NormalisationCompleted,
    NormalisationFailed,
    NormalisationRequested,
    RecommendationSent,
    RecommendationWithheld,
    TranscriptionFailed,
    TranscriptionReceived,
    TranscriptionRejected,
    TranscriptionRequested,
)


def recommendation_id(session_id: str, number: int) -> str:
    """Return the id of a phrase's recommendation, the same whenever it is decided again (UUIDv5, RFC 9562)."""
    return str(uuid5(UUID(session_id), f"recommendation-{number}"))


def transcribed(message: Transcribed, phrase: PhraseState, policy: Policy) -> list[Event]:
    """Decide on an engine's transcript, or on its failure."""
    if phrase.stage != "transcribing" or message.attempt != phrase.attempt:
        return []
    others = ended(message.number, "transcription", message.others)
    if message.transcript is None:
        return [*others, *_transcription_failed(message, phrase, policy)]
    transcript = message.transcript
    if transcript.rejected is not None or not transcript.text.strip():
        return [
            *others,
            TranscriptionRejected(
                phrase=message.number,
                provider=message.provider,
                model=message.model,
                reason=transcript.rejected or "empty",
                text=transcript.text,
                latency_ms=message.latency_ms,
                cost_usd=transcript.cost_usd,
            ),
        ]
    # Whether it is understood by itself is decided in `utterance`.
    return [
        *others,
        TranscriptionReceived(
            phrase=message.number,
            provider=message.provider,
            model=message.model,
            text=transcript.text,
            words=transcript.words,
            confidence=transcript.confidence,
            latency_ms=message.latency_ms,
            cost_usd=transcript.cost_usd,
            words_per_minute=transcript.words_per_minute,
        ),
    ]


def _transcription_failed(message: Transcribed, phrase: PhraseState, policy: Policy) -> list[Event]:
    failed = TranscriptionFailed(
        phrase=message.number,
        provider=message.provider,
        model=message.model,
        code=message.error or "transient",
        latency_ms=message.latency_ms,
    )
    backup = _next(policy.transcribers, phrase)
    if backup is None:
        return [failed, RecommendationWithheld(phrase=message.number, reason="transcription_failed")]
    request = TranscriptionRequested(
        phrase=message.number, provider=backup.name, model=backup.model, audio_ms=phrase.audio_ms
    )
    return [failed, request]


def _next(engines: tuple[EngineName, ...], phrase: PhraseState) -> EngineName | None:
    following = phrase.attempt + 1
    return engines[following] if following < len(engines) else None


def normalised(message: NormaliseDone, phrase: PhraseState, policy: Policy) -> list[Event]:
    """Decide on stage 1's entities, or on its failure."""
    if phrase.stage != "normalising" or message.attempt != phrase.attempt:
        return []
    others = ended(message.number, "normalisation", message.others)
    if message.outcome is None:
        failed = NormalisationFailed(
            phrase=message.number,
            engine=message.engine,
            model=message.model,
            code=message.error or "transient",
            latency_ms=message.latency_ms,
        )
        backup = _next(policy.understandings, phrase)
        if backup is None:
            withheld = RecommendationWithheld(phrase=message.number, reason="understanding_failed")
            return [*others, failed, withheld]
        return [
            *others,
            failed,
            NormalisationRequested(phrase=message.number, engine=backup.name, model=backup.model),
        ]
    completed = NormalisationCompleted(
        phrase=message.number,
        engine=message.engine,
        model=message.model,
        entities=message.outcome.entities,
        entity_count=len(message.outcome.entities),
        latency_ms=message.latency_ms,
        cost_usd=message.outcome.cost_usd,
    )
    if not message.outcome.entities:
        return [*others, completed, RecommendationWithheld(phrase=message.number, reason="nothing_asked")]
    engine = policy.understandings[0]
    return [
        *others,
        completed,
        ClassificationRequested(phrase=message.number, engine=engine.name, model=engine.model),
    ]


def classified(state: SessionState, message: Classification, phrase: PhraseState, policy: Policy) -> list[Event]:
    """Decide on stage 2's category: recommend, or keep silent for a reason; or on its failure."""
    done = message.done
    if phrase.stage != "classifying" or done.attempt != phrase.attempt:
        return []
    others = ended(done.number, "classification", done.others)
    if done.outcome is None:
        failed = ClassificationFailed(
            phrase=done.number,
            engine=done.engine,
            model=done.model,
            code=done.error or "transient",
            latency_ms=done.latency_ms,
        )
        backup = _next(policy.understandings, phrase)
        if backup is None:
            withheld = RecommendationWithheld(phrase=done.number, reason="understanding_failed")
            return [*others, failed, withheld]
        return [
            *others,
            failed,
            ClassificationRequested(phrase=done.number, engine=backup.name, model=backup.model),
        ]
    completed = ClassificationCompleted(
        phrase=done.number,
        engine=done.engine,
        model=done.model,
        categories=done.outcome.categories,
        anchors=done.outcome.anchors,
        confidence=done.outcome.confidence,
        latency_ms=done.latency_ms,
        cost_usd=done.outcome.cost_usd,
        with_stage_1=done.outcome.with_stage_1,
    )
    conversation = conversation_of(state.memory, done.number, phrase.sample_end, policy.rules)
    resolved = policy.resolve(done.outcome, phrase.entities, conversation)
    return [*others, completed, *_advice(state, done.number, resolved, client_present=message.client_present)]


def _advice(state: SessionState, number: int, resolved: Resolved | Withheld, *, client_present: bool) -> list[Event]:
    if isinstance(resolved, Withheld):
        return [RecommendationWithheld(phrase=number, reason=resolved.reason, safety_rule=resolved.safety_rule)]
    basket = BasketResolved(
        phrase=number,
        basket=resolved.basket,
        rule=resolved.rule,
        items=resolved.items,
        reasons=resolved.reasons,
        catalogue=resolved.catalogue,
    )
    if not client_present:
        return [basket, RecommendationWithheld(phrase=number, reason="client_left")]
    sent = RecommendationSent(
        phrase=number,
        recommendation_id=recommendation_id(state.session_id, number),
        basket=resolved.basket,
        items=resolved.items,
        rule=resolved.rule,
        reasons=resolved.reasons,
    )
    return [basket, sent]
