"""The session as a fold of its events: the state, and how each event changes it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import Final

from actors.session.changing import changed
from actors.session.conversation import Memory, remember
from actors.session.phrase import Offer, PhraseState
from actors.session.saying import joined
from actors.session.terms import Terms, terms_of
from actors.vad.resumed import listen_from
from actors.values import SAMPLE_RATE, Captured
from events.catalogue import (
    AttemptStarted,
    AudioBookmarked,
    AudioFormatDetected,
    AudioReceived,
    AudioRejected,
    Bookmark,
    ClassificationFailed,
    ClassificationRequested,
    ComparisonFailed,
    ComparisonRequested,
    Event,
    NormalisationCompleted,
    NormalisationFailed,
    NormalisationRequested,
    OfferTranscribed,
    PaidEnginesAllowed,
    PaidEnginesStopped,
    PhraseCaptured,
    PhraseCleaned,
    PhraseDiscarded,
    PhraseGathered,
    PhraseOffered,
    PhraseOfferWithdrawn,
    RecommendationAnswered,
    RecommendationDelivered,
    RecommendationSent,
    RecommendationWithheld,
    SessionEnded,
    SessionResumed,
    SessionStarted,
    SpeechStarted,
    TranscriptCompared,
    TranscriptionFailed,
    TranscriptionReceived,
    TranscriptionRejected,
    TranscriptionRequested,
    TranscriptionStreamClosed,
    TranscriptionStreamOpened,
    UtteranceGathered,
)

RECENT: Final = 16
"""Recommendations that are said again to whoever takes a session up."""

ANSWERABLE: Final = 500
"""Recommendations whose answers are listened to: those of the last hours."""

_HEARD: Final = frozenset({"speaking", "captured", "transcribing"})
"""Stages in which a phrase's audio is needed."""

SETTLING: Final = 5 * SAMPLE_RATE
"""Samples after a bookmark within which a decoder's samples may differ from those of one that heard everything."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionState:
    """What a session must remember in order to decide. A new session is `SessionState()`."""

    session_id: str = ""
    position: int = 0
    """Events so far: the stream position of the last one."""
    encoding: str | None = None
    bytes_recorded: int = 0
    samples_recorded: int = 0
    phrases: int = 0
    """Phrases captured so far."""
    open_phrases: Mapping[int, PhraseState] = field(default_factory=dict)
    """Phrases under way, by number."""
    last_started: int = 0
    """Number of the last phrase whose onset was found."""
    last_closed: int = 0
    """Number of the last phrase that was captured or given up by the segmenter."""
    last_offer: int = 0
    recommendations: int = 0
    undelivered: Mapping[str, RecommendationSent] = field(default_factory=dict)
    """Recommendations sent that no socket has taken yet, by id, in order."""
    recent: tuple[RecommendationSent, ...] = ()
    """The last recommendations sent: who takes the session up may have missed them, delivered or not."""
    answers: Mapping[str, str | None] = field(default_factory=dict)
    """What the client said last of the latest recommendations, by id; None where it has said nothing."""
    epoch: int = 0
    """How often the session has been resumed."""
    closed_to: int = 0
    """Samples up to which every phrase has been found."""
    bookmarks: tuple[Bookmark, ...] = ()
    """Places from which the recording may have to be heard again, in order."""
    memory: Memory = field(default_factory=Memory)
    """Of the conversation at the counter."""
    rejected: bool = False
    """Whether the audio could not be decoded from some point on."""
    ended: bool = False
    terms: Terms = field(default_factory=Terms)
    """On which engines are asked."""
    paid_stopped: bool = False
    """Whether only free engines are asked, as the counter's budget of the day is spent."""
    comparing: tuple[ComparisonRequested, ...] = ()
    """Comparisons under way."""


def fold(events: Iterable[Event], state: SessionState | None = None) -> SessionState:
    """Return the state after events, from the given state or a new session's."""
    state = state or SessionState()
    position = state.position
    for event in events:
        state = _changed(_remembering(state, event), event)
        position += 1
    return changed(state, position=position)


def evolve(state: SessionState, event: Event) -> SessionState:
    """Return the state after one event. Total: an event that changes nothing only advances the position."""
    return fold((event,), state)


def _remembering(state: SessionState, event: Event) -> SessionState:
    phrase = state.open_phrases.get(getattr(event, "phrase", 0))
    memory = remember(state.memory, event, state.closed_to if phrase is None else phrase.sample_end)
    return state if memory is state.memory else changed(state, memory=memory)


def _changed(state: SessionState, event: Event) -> SessionState:
    """Return the state after one event, but for the position."""
    match event:
        case SessionStarted():
            return changed(state, session_id=event.session_id, terms=terms_of(event.settings))
        case SessionEnded():
            return changed(state, ended=True)
        case AudioFormatDetected():
            return changed(state, encoding=event.encoding)
        case AudioReceived():
            return changed(state, bytes_recorded=event.byte_end, samples_recorded=event.sample_end)
        case AudioBookmarked():
            return changed(state, bookmarks=_wanted((*state.bookmarks, event.bookmark), state))
        case AudioRejected():
            return changed(state, rejected=True)
        case RecommendationAnswered():
            return changed(state, answers=_answered(state, event.recommendation_id, event.answer))
        case SessionResumed():
            return changed(state, epoch=event.epoch)
        case PaidEnginesStopped() | PaidEnginesAllowed():
            return changed(state, paid_stopped=isinstance(event, PaidEnginesStopped))
        case ComparisonRequested():
            return changed(state, comparing=(*state.comparing, event))
        case TranscriptCompared() | ComparisonFailed():
            over = (event.phrase, event.provider)
            return changed(state, comparing=tuple(c for c in state.comparing if (c.phrase, c.provider) != over))
        case RecommendationSent():
            state = changed(
                state,
                recommendations=state.recommendations + 1,
                undelivered={**state.undelivered, event.recommendation_id: event},
                answers=_answered(state, event.recommendation_id, None),
                recent=(*state.recent, event)[-RECENT:],
            )
            return _without(state, event.phrase)
        case RecommendationDelivered():
            left = {key: sent for key, sent in state.undelivered.items() if key != event.recommendation_id}
            return changed(state, undelivered=left)
        case _:
            return _evolve_phrase(state, event)


def _answered(state: SessionState, recommendation_id: str, answer: str | None) -> Mapping[str, str | None]:
    answers = {**state.answers, recommendation_id: answer}
    return answers if len(answers) <= ANSWERABLE else dict(islice(answers.items(), len(answers) - ANSWERABLE, None))


def _evolve_phrase(state: SessionState, event: Event) -> SessionState:
    match event:
        case SpeechStarted():
            opened = PhraseState(sample_start=event.sample_start)
            return _with(changed(state, last_started=event.phrase), event.phrase, opened)
        case PhraseCaptured():
            state = changed(state, phrases=state.phrases + 1, last_closed=event.phrase, closed_to=event.sample_end)
            former = state.open_phrases.get(event.phrase, PhraseState())
            return _with(state, event.phrase, changed(_captured(event), offer=former.offer, live=former.live))
        case TranscriptionStreamOpened():
            return _change(state, event.phrase, live=event)
        case TranscriptionStreamClosed():
            return _change(state, event.phrase, live=None)
        case PhraseOffered():
            state = changed(state, last_offer=max(state.last_offer, event.offer))
            return _change(state, event.phrase, offer=Offer(event=event))
        case OfferTranscribed():
            offer = offer_of(state, event.phrase, event.offer)
            return state if offer is None else _change(state, event.phrase, offer=changed(offer, answer=event))
        case AttemptStarted():
            offer = offer_of(state, event.phrase, event.offer)
            if offer is None or offer.answer is not None:
                return state
            more = changed(offer, backups_usd=offer.backups_usd + event.may_cost_usd)
            return _change(state, event.phrase, offer=more)
        case PhraseOfferWithdrawn():
            current = offer_of(state, event.phrase, event.offer)
            return state if current is None else _change(state, event.phrase, offer=None)
        case PhraseCleaned():
            return _change(state, event.phrase, audio_for_stt=event.given_to_stt)
        case TranscriptionRequested():
            asked = {"engine": event.provider, "why": event.why}
            return _change(state, event.phrase, stage="transcribing", audio_ms=event.audio_ms, **asked)
        case TranscriptionReceived(role="chosen"):
            return _change(state, event.phrase, stage="gathering", text=event.text, attempt=0)
        case UtteranceGathered():
            texts = [state.open_phrases[n].text for n in event.phrases if n in state.open_phrases]
            return _change(state, event.phrase, text=joined(texts))
        case NormalisationRequested():
            return _change(state, event.phrase, stage="normalising", engine=event.engine)
        case NormalisationCompleted():
            return _change(state, event.phrase, entities=event.entities, attempt=0)
        case ClassificationRequested():
            return _change(state, event.phrase, stage="classifying", engine=event.engine)
        case TranscriptionFailed() | NormalisationFailed() | ClassificationFailed():
            return _after_failure(state, event.phrase)
        case PhraseDiscarded():
            closed = max(state.last_closed, event.phrase)
            closed_to = max(state.closed_to, event.sample_end)
            return _without(changed(state, last_closed=closed, closed_to=closed_to), event.phrase)
        case TranscriptionRejected() | RecommendationWithheld() | PhraseGathered():
            return _without(state, event.phrase)
        case _:
            return state


def offer_of(state: SessionState, number: int, offer: int) -> Offer | None:
    """Return a phrase's offer of that number; None where it has another one by now, or none."""
    phrase = state.open_phrases.get(number)
    current = None if phrase is None else phrase.offer
    return current if current is not None and current.event.offer == offer else None


def _captured(event: PhraseCaptured) -> PhraseState:
    captured = Captured(
        number=event.phrase,
        sample_start=event.sample_start,
        sample_end=event.sample_end,
        cut_reason=event.cut_reason,
        vad=event.vad,
    )
    return PhraseState(stage="captured", sample_start=event.sample_start, captured=captured)


def _wanted(bookmarks: tuple[Bookmark, ...], state: SessionState) -> tuple[Bookmark, ...]:
    """Return the bookmarks from the last one that listening could go on from now."""
    start = listen_from(needed_from(state))
    first = sum(bookmark.sample <= start - SETTLING for bookmark in bookmarks)
    return bookmarks[max(0, first - 1) :]


def needed_from(state: SessionState) -> int:
    """Return from which sample on the audio must be there again if the session went on in another life."""
    return min([state.samples_recorded, *(p.sample_start for p in state.open_phrases.values() if p.stage in _HEARD)])


def _after_failure(state: SessionState, number: int) -> SessionState:
    phrase = state.open_phrases.get(number)
    return state if phrase is None else _with(state, number, changed(phrase, attempt=phrase.attempt + 1))


def _with(state: SessionState, number: int, phrase: PhraseState) -> SessionState:
    return changed(state, open_phrases={**state.open_phrases, number: phrase})


def _change(state: SessionState, number: int, **changes: object) -> SessionState:
    phrase = state.open_phrases.get(number)
    # A closed phrase may still get late events, such as a comparison transcript.
    return state if phrase is None else _with(state, number, changed(phrase, **changes))  # type: ignore[arg-type] # callers above name fields of PhraseState


def _without(state: SessionState, number: int) -> SessionState:
    return changed(state, open_phrases={n: p for n, p in state.open_phrases.items() if n != number})
