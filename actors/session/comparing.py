"""The decisions of comparison: which phrases other engines hear too, and what is recorded of it. Pure."""

from collections.abc import Iterable
from hashlib import sha256

from actors.comparison import Compared
from actors.routing.attempts import BILLED
from actors.session.inputs import Policy
from actors.session.phrase import PhraseState
from actors.session.state import SessionState
from actors.values import SAMPLE_RATE
from events.catalogue import ComparisonFailed, ComparisonRequested, Event, TranscriptCompared, TranscriptionReceived


def sampled(session_id: str, phrase: int, share: float) -> bool:
    """Whether a phrase is one of those that are compared: decided by its name alone, so that a replay agrees."""
    digest = sha256(f"{session_id}/{phrase}".encode()).digest()
    return int.from_bytes(digest[:8]) < share * 2**64


def asked_too(state: SessionState, events: Iterable[Event], policy: Policy) -> list[Event]:
    """Return the requests to other paid engines that follow from transcripts that were chosen just now.

    Args:
        state: before the events.
        events: just decided.
        policy: which engines there are.
    """
    if state.paid_stopped or not state.terms.compare:
        return []
    chosen = [event for event in events if isinstance(event, TranscriptionReceived)]
    return [
        request
        for received in chosen
        if sampled(state.session_id, received.phrase, state.terms.compare)
        for request in _requests(state, received, policy)
    ]


def _requests(state: SessionState, received: TranscriptionReceived, policy: Policy) -> list[ComparisonRequested]:
    phrase = state.open_phrases.get(received.phrase)
    if phrase is None or phrase.captured is None:
        return []
    seconds = (phrase.captured.sample_end - phrase.captured.sample_start) / SAMPLE_RATE
    return [
        ComparisonRequested(
            phrase=received.phrase,
            provider=engine.name,
            model=engine.model,
            audio_ms=seconds * 1000,
            may_cost_usd=seconds / 3600 * engine.usd_per_hour,
            chosen_provider=received.provider,
            chosen_model=received.model,
            chosen_latency_ms=received.latency_ms,
            chosen_cost_usd=_cost_of(received, phrase, seconds, policy),
        )
        for engine in policy.engines
        if engine.usd_per_hour > 0 and engine.name != received.provider
    ]


def _cost_of(received: TranscriptionReceived, phrase: PhraseState, seconds: float, policy: Policy) -> float:
    """Return what the chosen transcript costs, wherever that is counted."""
    streaming = policy.streaming
    if streaming is not None and (received.provider, received.model) == (streaming.name, streaming.model):
        return seconds / 3600 * streaming.usd_per_hour  # counted when the stream is closed
    if received.offer and phrase.offer is not None and phrase.offer.answer is not None:
        return phrase.offer.answer.cost_usd  # counted when it came
    return received.cost_usd


def compared(state: SessionState, message: Compared) -> list[Event]:
    """Record what another engine made of a phrase."""
    request = next(
        (each for each in state.comparing if (each.phrase, each.provider) == (message.number, message.provider)), None
    )
    if request is None:
        return []
    transcript = message.transcript
    if transcript is None:
        code = message.error or "transient"
        cost = request.may_cost_usd if code in BILLED else 0.0
        return [_failed(request, code, message.latency_ms, cost)]
    return [
        TranscriptCompared(
            phrase=request.phrase,
            provider=request.provider,
            model=request.model,
            text=transcript.text,
            words=transcript.words,
            confidence=transcript.confidence,
            rejected=transcript.rejected,
            latency_ms=message.latency_ms,
            cost_usd=transcript.cost_usd,
            word_errors=message.word_errors,
            chosen_words=message.chosen_words,
            chosen_provider=request.chosen_provider,
            chosen_model=request.chosen_model,
            chosen_latency_ms=request.chosen_latency_ms,
            chosen_cost_usd=request.chosen_cost_usd,
            audio_ms=request.audio_ms,
        )
    ]


def abandoned(state: SessionState) -> list[Event]:
    """Give up the comparisons that are under way: a session doesn't wait for them to end."""
    return [_failed(request, "abandoned", 0.0, request.may_cost_usd) for request in state.comparing]


def _failed(request: ComparisonRequested, code: str, latency_ms: float, cost_usd: float) -> ComparisonFailed:
    return ComparisonFailed(
        phrase=request.phrase,
        provider=request.provider,
        model=request.model,
        code=code,
        latency_ms=latency_ms,
        cost_usd=cost_usd,
        chosen_provider=request.chosen_provider,
        chosen_model=request.chosen_model,
    )
