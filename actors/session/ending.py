"""The decisions on a session's end: what becomes of the phrases that have no outcome yet, and the last event. Pure."""

from actors.session.comparing import abandoned
from actors.session.early import withdrawn
from actors.session.inputs import Drained, Policy
from actors.session.state import SessionState, fold
from events.catalogue import Event, PhraseDiscarded, RecommendationWithheld, SessionEnded


def ended(state: SessionState, message: Drained, policy: Policy) -> list[Event]:
    """Close what is still under way, and the session: behind its end nothing is recorded.

    Only one that breaks down has phrases under way by then.
    """
    events: list[Event] = []
    for number in sorted(state.open_phrases):
        events += _without_an_outcome(state, number, state.samples_recorded, policy)
    events += abandoned(state)
    state = fold(events, state)
    end = SessionEnded(
        reason=message.reason,
        bytes_received=state.bytes_recorded,
        samples=state.samples_recorded,
        phrases=state.phrases,
        recommendations=state.recommendations,
    )
    return [*events, end]


def never_found_again(state: SessionState, policy: Policy, end: int) -> list[Event]:
    """Close phrases whose onset a former life announced and whose end this one, with other ears, did not come to."""
    events: list[Event] = []
    for number, phrase in sorted(state.open_phrases.items()):
        if phrase.stage == "speaking":
            events += _without_an_outcome(state, number, end, policy)
    return events


def _without_an_outcome(state: SessionState, number: int, end: int, policy: Policy) -> list[Event]:
    phrase = state.open_phrases[number]
    match phrase.stage:
        case "speaking" | "captured":
            discarded = PhraseDiscarded(
                phrase=number,
                sample_start=phrase.sample_start,
                sample_end=end if phrase.captured is None else phrase.captured.sample_end,
                reason="failed",
            )
            return [*withdrawn(state, number, "discarded", policy), discarded]
        case "transcribing":
            withheld = RecommendationWithheld(phrase=number, reason="transcription_failed")
            return [*withdrawn(state, number, "discarded", policy), withheld]
        case "gathering" | "normalising" | "classifying":
            return [RecommendationWithheld(phrase=number, reason="understanding_failed")]
