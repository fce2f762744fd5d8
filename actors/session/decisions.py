"""The session's decisions: from a state and what just came in, the events that follow. Pure."""

from typing import Final

from actors.messages import (
    AttemptDue,
    Compared,
    Decoded,
    DecodingFailed,
    Delivered,
    Examined,
    Listened,
    NormaliseDone,
    RecommendationReply,
    Transcribed,
)
from actors.session.answering import classified, normalised, transcribed
from actors.session.attempts import started
from actors.session.capturing import captured, examined
from actors.session.choosing import frugal
from actors.session.comparing import asked_too, compared
from actors.session.early import lasting, offered, transcribed_early, unless_held, withdrawn
from actors.session.ending import ended, never_found_again
from actors.session.inputs import (
    AudioLost,
    Began,
    Classification,
    Drained,
    GatherDue,
    Input,
    Lost,
    OfferFailed,
    PhraseFailed,
    Policy,
    Progressed,
    Rested,
    StreamsLost,
    TakenUp,
    Undelivered,
)
from actors.session.phrase import PhraseState
from actors.session.purse import Allowance
from actors.session.state import SessionState, fold, offer_of
from actors.session.streaming import closed, lost, opened
from actors.session.utterance import gathered, waiting
from actors.values import SAMPLE_RATE, EarlyPhrase, Phrase, SpeechBegan, SpeechGivenUp, SpeechWentOn
from events.catalogue import (
    AudioBookmarked,
    AudioFormatDetected,
    AudioReceived,
    AudioRejected,
    Event,
    MessageUndelivered,
    PaidEnginesAllowed,
    PaidEnginesStopped,
    PhraseDiscarded,
    RecommendationAnswered,
    RecommendationDelivered,
    RecommendationWithheld,
    SessionPaused,
    SessionResumed,
    SessionStarted,
    SpeechStarted,
)

RECORD_EVERY: Final = SAMPLE_RATE
"""Samples after which received bytes are recorded, if no phrase made it happen sooner."""


def decide(state: SessionState, message: Input, policy: Policy) -> list[Event]:
    """Return the events that follow from an input, in order; none where it changes nothing.

    An answer about a phrase that is no longer under way is ignored.
    """
    if isinstance(message, Progressed) and is_uneventful(state, message.listened):
        return []
    policy = frugal(policy) if state.paid_stopped else policy
    decided = _decide(state, message, policy)
    events = [*decided, *gathered(state, decided, message, policy)]
    return closed(state, [*events, *asked_too(state, events, policy)], policy)


def is_uneventful(state: SessionState, listened: Listened) -> bool:
    """Whether, as most of the time, nothing was heard, nothing waits, and it is not yet time to record bytes."""
    if listened.heard or listened.final or listened.bookmark is not None or waiting(state):
        return False
    return listened.sample_end - state.samples_recorded < RECORD_EVERY


def _decide(state: SessionState, message: Input, policy: Policy) -> list[Event]:
    match message:
        case Began():
            return [
                SessionStarted(
                    session_id=message.session_id,
                    counter_id=message.counter_id,
                    protocol=message.protocol,
                    encoding=message.encoding,
                    settings=message.settings,
                    versions=message.versions,
                )
            ]
        case Decoded():
            return _format_detected(state, message)
        case Progressed():
            return _progressed(state, message, policy)
        case DecodingFailed():
            rejected = AudioRejected(code=message.code, byte_offset=message.byte_offset)
            return [] if state.rejected else [rejected]
        case Delivered():
            delivered = RecommendationDelivered(phrase=message.number, recommendation_id=message.recommendation_id)
            return [delivered] if message.recommendation_id in state.undelivered else []
        case RecommendationReply():
            return _answered(state, message)
        case Lost():
            return [SessionPaused(grace_s=message.grace_s)]
        case TakenUp():
            return [SessionResumed(byte_offset=message.byte_offset, epoch=state.epoch + 1)]
        case StreamsLost():
            return lost(state, policy)
        case Rested():
            return _recorded(state, message.byte_end, message.sample_end)
        case Undelivered():
            return [
                MessageUndelivered(actor=message.actor, message=kind, reason=message.reason, count=count)
                for kind, count in message.kinds.items()
            ]
        case GatherDue():
            return []
        case AudioLost():
            return [PhraseDiscarded(phrase=message.number, sample_start=0, sample_end=0, reason="failed")]
        case Drained():
            rest = _recorded(state, message.byte_end, state.samples_recorded)
            return [*rest, *ended(fold(rest, state), message, policy)]
        case Compared():
            return compared(state, message)
        case Allowance():
            return _allowed(state, message)
        case _:
            return _decide_phrase(state, message, policy)


def _allowed(state: SessionState, allowance: Allowance) -> list[Event]:
    if allowance.stopped == state.paid_stopped:
        return []
    if not allowance.stopped:
        return [PaidEnginesAllowed(day=allowance.day)]
    spent = allowance.spent_usd
    return [PaidEnginesStopped(day=allowance.day, budget_usd=allowance.budget_usd, spent_usd=spent)]


def _answered(state: SessionState, reply: RecommendationReply) -> list[Event]:
    # An id that was never sent says nothing about this counter, and a repetition nothing new.
    known = state.answers.get(reply.recommendation_id, reply.answer)
    if known == reply.answer:
        return []
    return [RecommendationAnswered(recommendation_id=reply.recommendation_id, answer=reply.answer)]


def _decide_phrase(
    state: SessionState,
    message: AttemptDue | Examined | Transcribed | NormaliseDone | Classification | PhraseFailed | OfferFailed,
    policy: Policy,
) -> list[Event]:
    number = message.done.number if isinstance(message, Classification) else message.number
    phrase = state.open_phrases.get(number)
    if phrase is None:
        return []
    match message:
        case AttemptDue():
            return started(state, message)
        case Examined():
            return examined(state, message, phrase, policy)
        case Transcribed(offer=offer) if offer and phrase.stage in ("speaking", "captured"):
            return transcribed_early(state, message)
        case Transcribed(offer=offer) if offer and offer_of(state, number, offer) is None:
            return []
        case Transcribed():
            return transcribed(message, phrase, policy)
        case OfferFailed() if phrase.stage in ("speaking", "captured"):
            return withdrawn(state, number, "failed", policy, offer=message.offer)
        case OfferFailed():
            return _given_up(state, message, phrase)
        case NormaliseDone():
            return normalised(message, phrase, policy)
        case Classification():
            return classified(state, message, phrase, policy)
        case PhraseFailed():
            return _skipped(message, phrase)


def _given_up(state: SessionState, message: OfferFailed, phrase: PhraseState) -> list[Event]:
    if phrase.stage != "transcribing" or phrase.attempt or offer_of(state, message.number, message.offer) is None:
        return []
    return [RecommendationWithheld(phrase=message.number, reason="transcription_failed")]


def _skipped(message: PhraseFailed, phrase: PhraseState) -> list[Event]:
    if phrase.stage != message.stage:
        return []
    match message.stage:
        case "transcribing":
            return [RecommendationWithheld(phrase=message.number, reason="transcription_failed")]
        case "normalising" | "classifying":
            return [RecommendationWithheld(phrase=message.number, reason="understanding_failed")]
        case _:
            return [
                PhraseDiscarded(
                    phrase=message.number,
                    sample_start=message.sample_start,
                    sample_end=message.sample_end,
                    reason="failed",
                )
            ]


def _format_detected(state: SessionState, decoded: Decoded) -> list[Event]:
    if decoded.encoding is None or state.encoding is not None:
        return []
    return [AudioFormatDetected(encoding=decoded.encoding, sample_rate=decoded.sample_rate, channels=decoded.channels)]


def _recorded(state: SessionState, byte_end: int, sample_end: int) -> list[Event]:
    if byte_end <= state.bytes_recorded:
        return []
    return [
        AudioReceived(
            byte_start=state.bytes_recorded,
            byte_end=byte_end,
            sample_start=state.samples_recorded,
            sample_end=max(sample_end, state.samples_recorded),
        )
    ]


def _progressed(state: SessionState, message: Progressed, policy: Policy) -> list[Event]:
    listened = message.listened
    events: list[Event] = []
    bookmark = listened.bookmark
    if bookmark is not None and state.bookmarks and bookmark.sample <= state.bookmarks[-1].sample:
        bookmark = None
    heard_last = lasting(listened.heard)
    due = listened.final or bookmark or listened.sample_end - state.samples_recorded >= RECORD_EVERY
    # A phrase never precedes its audio in the stream, so that what was captured can always be heard again.
    if due or any(isinstance(heard, Phrase | EarlyPhrase) for heard in heard_last):
        events += _recorded(state, listened.byte_end, listened.sample_end)
    if bookmark is not None:
        events.append(AudioBookmarked(bookmark=bookmark))
    for at, heard in enumerate(heard_last):
        # A resumed session hears its recording again; what came of that is in its stream already.
        known = state.last_started if isinstance(heard, SpeechBegan) else state.last_closed
        if heard.number <= known:
            continue
        now = fold(events, state)
        match heard:
            case SpeechBegan():
                events.append(SpeechStarted(phrase=heard.number, sample_start=heard.sample_start))
                events += opened(state, heard, heard_last[at + 1 :], policy, ready=message.streaming)
            case EarlyPhrase():
                events += offered(now, heard, policy)
            case SpeechWentOn():
                events += withdrawn(now, heard.number, "speech_went_on", policy, offer=heard.offer)
            case SpeechGivenUp():
                events += withdrawn(now, heard.number, "discarded", policy)
                events.append(
                    PhraseDiscarded(
                        phrase=heard.number,
                        sample_start=heard.sample_start,
                        sample_end=heard.sample_end,
                        reason=heard.reason,
                    )
                )
            case Phrase():
                events += unless_held(now, heard.number, heard.sample_start, heard.sample_end, policy)
                events += captured(heard, message.resources)
    return [*events, *never_found_again(fold(events, state), policy, listened.sample_end)] if listened.final else events
