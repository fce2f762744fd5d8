"""Gathering phrases into utterances: what waits for more words, and when it goes to be understood. Pure."""

from collections.abc import Sequence, Set
from typing import Final

from actors.session.inputs import GatherDue, Input, Policy, Progressed
from actors.session.phrase import PhraseState
from actors.session.saying import ENOUGH_WORDS, greets, hangs, is_no, is_question, joined, leave_taken, word_count
from actors.session.state import SessionState, fold
from events.catalogue import (
    CircumstancesDenied,
    CircumstancesNoted,
    ConversationEnd,
    ConversationEnded,
    Event,
    GatheringEnd,
    NormalisationRequested,
    PhraseGathered,
    TranscriptionReceived,
    UtteranceGathered,
)

MOST_PHRASES: Final = 4
"""An utterance of so many goes."""

_NOT_HEARD_YET: Final = frozenset({"speaking", "captured", "transcribing"})


def gathered(before: SessionState, decided: Sequence[Event], message: Input, policy: Policy) -> list[Event]:
    """Return what follows for the utterances that wait, once an input has been decided on.

    A phrase that says enough goes at once, with those before it that waited for it. Another waits for the phrase
    behind it, if that begins soon enough: until so much silence has been heard, or, where no audio comes, until a
    timer tells.
    """
    # Most inputs are audio while nothing waits.
    if not any(isinstance(event, TranscriptionReceived) for event in decided) and not waiting(before):
        return []
    state = fold(decided, before)
    fresh = {event.phrase for event in decided if isinstance(event, TranscriptionReceived)}
    heard_to = message.listened.sample_end if isinstance(message, Progressed) else state.samples_recorded
    due = message if isinstance(message, GatherDue) else None
    events: list[Event] = []
    runs = _runs(state, policy)
    for run, behind in zip(runs, [*runs, None][1:], strict=True):
        reason = _reason(state, run, fresh, max(heard_to, state.samples_recorded), due, policy)
        if reason is None and behind is not None and _leave(state, behind[0], policy):
            # What was said to a customer is understood before their leave is taken.
            reason = "overtaken"
        if reason is not None:
            events += _released(fold(events, state), run, reason, policy)
    return events


def waiting(state: SessionState) -> list[int]:
    """Return the numbers of the phrases that wait for more words."""
    if not state.open_phrases:
        return []
    return sorted(number for number, phrase in state.open_phrases.items() if phrase.stage == "gathering")


def _runs(state: SessionState, policy: Policy) -> list[list[int]]:
    """Return the phrases that wait, those together that are one utterance.

    Leave is never taken in the same utterance as what was said before: that belongs to the customer who goes.
    """
    runs: list[list[int]] = []
    for number in waiting(state):
        if runs and not _leave(state, number, policy) and _goes_on(state, runs[-1][-1], number, policy):
            runs[-1].append(number)
        else:
            runs.append([number])
    return runs


def _goes_on(state: SessionState, last: int, number: int, policy: Policy) -> bool:
    """Tell whether a later phrase belongs to the same utterance as one that waits."""
    between = any(last < other < number and each.stage != "gathering" for other, each in state.open_phrases.items())
    return not between and _follows(state.open_phrases[last], state.open_phrases[number], policy)


def _follows(last: PhraseState, later: PhraseState, policy: Policy) -> bool:
    return later.sample_start - last.sample_end <= policy.rules.gather_samples


def _reason(
    state: SessionState,
    run: Sequence[int],
    fresh: Set[int],
    heard_to: int,
    due: GatherDue | None,
    policy: Policy,
) -> GatheringEnd | None:
    last = run[-1]
    phrase = state.open_phrases[last]
    if policy.rules.gather_samples == 0 or len(run) >= MOST_PHRASES:
        return "words"
    if not fresh.isdisjoint(run) and (_says_enough(_text(state, run), policy) or _leave(state, run[0], policy)):
        return "words"
    if state.memory.heard > last:
        return "overtaken"
    told = due is not None and (due.last == last or due.forced)
    followed = any(
        number > last and each.stage in _NOT_HEARD_YET and _follows(phrase, each, policy)
        for number, each in state.open_phrases.items()
    )
    if followed and not (told and due is not None and due.forced):
        return None
    if due is not None and told:
        return due.reason
    return "pause" if heard_to - phrase.sample_end >= policy.rules.gather_samples else None


def _says_enough(text: str, policy: Policy) -> bool:
    if hangs(text):
        return False
    return word_count(text) >= ENOUGH_WORDS or policy.rules.names_something(text)


def _text(state: SessionState, run: Sequence[int]) -> str:
    return joined([state.open_phrases[number].text for number in run])


def _released(state: SessionState, run: Sequence[int], reason: GatheringEnd, policy: Policy) -> list[Event]:
    text, last, engine = _text(state, run), run[-1], policy.understandings[0]
    events: list[Event] = []
    # Of a phrase that goes at once there is nothing to tell.
    if len(run) > 1 or reason != "words":
        events.append(UtteranceGathered(phrase=last, phrases=tuple(run), reason=reason, word_count=word_count(text)))
        events += [PhraseGathered(phrase=number, into=last) for number in run[:-1]]
    events += _of_conversation(state, run, text, policy)
    return [*events, NormalisationRequested(phrase=last, engine=engine.name, model=engine.model)]


def _of_conversation(state: SessionState, run: Sequence[int], text: str, policy: Policy) -> list[Event]:
    """Record where the utterance ends a conversation, and what it says for the rest of one."""
    memory, last = state.memory, run[-1]
    events: list[Event] = []
    end = _leave(state, run[0], policy) or _others_turn(state, run, text, policy)
    if end is not None and memory.heard > max(memory.ends, default=0):
        reason, final = end
        events.append(ConversationEnded(phrase=last, last=final, reason=reason))
    circumstances = policy.rules.circumstances(text)
    if circumstances:
        events.append(CircumstancesNoted(phrase=last, circumstances=circumstances, asked=is_question(text)))
    elif memory.question and not events and is_no(text):
        events.append(CircumstancesDenied(phrase=last, circumstances=memory.question))
    return events


def _leave(state: SessionState, number: int, policy: Policy) -> tuple[ConversationEnd, int] | None:
    """Return how a phrase ends a conversation by its words, and the number of that conversation's last phrase."""
    text = state.open_phrases[number].text
    leave = leave_taken(text)
    if leave is None or policy.rules.names_something(text):
        return None
    return leave, number if leave == "farewell" else number - 1


def _others_turn(
    state: SessionState, run: Sequence[int], text: str, policy: Policy
) -> tuple[ConversationEnd, int] | None:
    """Return the same where it is the silence before the utterance that tells, or a greeting after thanks."""
    rules = policy.rules
    silence = state.open_phrases[run[0]].sample_start - state.memory.heard_to
    if silence >= rules.silence_samples:
        return "silence", run[0] - 1
    done = 0 < state.memory.thanked < run[0] or silence >= rules.greeting_samples
    return ("greeting", run[0] - 1) if done and greets(text) else None
