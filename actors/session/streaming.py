"""The decisions on streams: when one is opened for a phrase, and when it is closed and counted. Pure."""

from collections.abc import Sequence

from actors.session.choosing import preferred
from actors.session.inputs import EngineName, Policy
from actors.session.phrase import PhraseState
from actors.session.state import SessionState, fold
from actors.values import SAMPLE_RATE, Heard, Phrase, SpeechBegan, SpeechGivenUp
from events.catalogue import (
    Event,
    OfferTranscribed,
    PhraseCaptured,
    PhraseDiscarded,
    PhraseOfferWithdrawn,
    SessionEnded,
    StreamOutcome,
    TranscriptionFailed,
    TranscriptionReceived,
    TranscriptionRejected,
    TranscriptionStreamClosed,
    TranscriptionStreamOpened,
)

_PAST_HEARING = frozenset({"gathering", "normalising", "classifying"})


def opened(
    state: SessionState, began: SpeechBegan, behind: Sequence[Heard], policy: Policy, *, ready: bool
) -> list[Event]:
    """Open a stream for a phrase that has begun, unless it is over already, or another engine is to hear it first.

    Args:
        state: whose counter prefers an engine, or has spent its budget.
        began: the onset.
        behind: what was heard right behind it.
        policy: names the engine.
        ready: whether the engine is not known to be ill.
    """
    engine = policy.streaming
    over = any(isinstance(each, Phrase | SpeechGivenUp) and each.number == began.number for each in behind)
    if engine is None or not ready or over or state.paid_stopped:
        return []
    if preferred(state.terms, policy) not in (None, engine.name):
        return []
    return [
        TranscriptionStreamOpened(
            phrase=began.number, provider=engine.name, model=engine.model, sample_start=began.sample_start
        )
    ]


def heard_by(phrase: PhraseState | None, policy: Policy) -> EngineName | None:
    """Return the engine that has heard a phrase already, if there is one: it is asked first for its text."""
    return None if phrase is None or phrase.live is None else policy.streaming


def closed(state: SessionState, events: list[Event], policy: Policy) -> list[Event]:
    """Add to what was decided the end of each stream that is over by that, whatever the reason.

    So no way out of a phrase can forget to count what its stream cost.
    """
    live = {number: phrase for number, phrase in state.open_phrases.items() if phrase.live is not None}
    if not (live and events):
        return events
    after = fold(events, state)
    ends: list[Event] = []
    for number, phrase in sorted(live.items()):
        now = after.open_phrases.get(number)
        if now is not None and now.live is None:
            continue
        outcome = _outcome(number, phrase, now, events, policy)
        if outcome is None and after.ended:
            outcome = "failed"
        if outcome is not None:
            ends.append(_close(number, now or phrase, events, outcome, policy, after.samples_recorded))
    last = events[-1:] if isinstance(events[-1], SessionEnded) else []
    return [*events[: len(events) - len(last)], *ends, *last]


def lost(state: SessionState, policy: Policy) -> list[Event]:
    """Close the streams that were open when the session's former life ended, and withdraw what was offered to them.

    Another engine would write such an offer down off the record, and its call would be counted for nobody.
    """
    events: list[Event] = []
    for number, phrase in sorted(state.open_phrases.items()):
        if phrase.offer is not None and phrase.offered_to_stream:
            asked = phrase.offer.event
            withdrawal = PhraseOfferWithdrawn(
                phrase=number,
                offer=asked.offer,
                reason="failed",
                cost_usd=phrase.offer.backups_usd,
                provider=asked.provider,
                model=asked.model,
            )
            events.append(withdrawal)
        if phrase.live is not None:
            events.append(_close(number, phrase, (), "lost", policy, state.samples_recorded))
    return events


def _outcome(
    number: int, phrase: PhraseState, now: PhraseState | None, events: Sequence[Event], policy: Policy
) -> StreamOutcome | None:
    """Return how a phrase's stream has ended by what was decided; None where it goes on."""
    assert phrase.live is not None  # noqa: S101 - the caller looked
    for event in events:
        if getattr(event, "phrase", None) != number:
            continue
        match event:
            case OfferTranscribed() | TranscriptionReceived() | TranscriptionRejected():
                if getattr(event, "role", "chosen") != "chosen":
                    continue
                if (event.provider, event.model) != (phrase.live.provider, phrase.live.model):
                    return "failed"
                if not isinstance(event, OfferTranscribed):
                    return "answered"
            case TranscriptionFailed() | PhraseOfferWithdrawn(reason="transcription_failed"):
                return "failed"
            case PhraseDiscarded() | PhraseCaptured(cut_reason="max_length"):
                return "discarded"
            case PhraseOfferWithdrawn(reason="speech_went_on"):
                if policy.streaming is None or not policy.streaming.goes_on:
                    return "discarded"
            case _:
                pass
    return "failed" if now is None or now.stage in _PAST_HEARING else None


def _close(
    number: int, phrase: PhraseState, events: Sequence[Event], outcome: StreamOutcome, policy: Policy, recorded: int
) -> TranscriptionStreamClosed:
    live = phrase.live
    assert live is not None  # noqa: S101 - only phrases that are heard live come here
    ends = [e.sample_end for e in events if isinstance(e, PhraseDiscarded | PhraseCaptured) and e.phrase == number]
    if phrase.captured is not None:
        ends.append(phrase.captured.sample_end)
    elif phrase.offer is not None:
        ends.append(phrase.offer.event.sample_end)
    # A phrase whose audio is lost is discarded without saying where it ended.
    known = [end for end in ends if end > live.sample_start]
    cut = any(isinstance(e, PhraseCaptured) and e.phrase == number and e.cut_reason == "max_length" for e in events)
    # What was cut at its quietest place had been sent beyond that place already.
    end = max(live.sample_start, recorded) if cut else max(live.sample_start, *(known or [recorded]))
    engine = policy.streaming
    usd_per_hour = 0.0 if engine is None else engine.usd_per_hour
    return TranscriptionStreamClosed(
        phrase=number,
        provider=live.provider,
        model=live.model,
        outcome=outcome,
        sample_end=end,
        cost_usd=(end - live.sample_start) / SAMPLE_RATE / 3600 * usd_per_hour,
    )
