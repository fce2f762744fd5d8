"""Calls to further engines as decisions: on record before they are made, answered for when they are over."""

import asyncio
from collections.abc import Callable
from dataclasses import replace

import pytest

from actors.messages import AttemptDue
from actors.routing.attempts import Due, Ended
from actors.session.attempts import Gates
from actors.values import SpeechWentOn
from events.catalogue import AttemptEnded, AttemptStarted, Event, PhraseOfferWithdrawn
from tests.unit.session.given import (
    HEADACHE,
    Session,
    classified,
    names,
    normalised,
    policy,
    progressed,
    transcribed,
)
from tests.unit.session.test_offers import offering, session

__all__ = ["session"]  # the fixture: a session with a phrase under way, whose first engine costs 0.36 dollars an hour

BACKUP = Due(attempt=2, engine="ears1", model="m", why="slow", cost_usd=0.25)
SLOWER = Ended(attempt=1, engine="ears0", model="m", outcome="cancelled", code="slower", latency_ms=900.0, cost_usd=0.1)


def due(offer: int = 0, number: int = 1) -> AttemptDue:
    return AttemptDue(
        number=number, step="transcription", offer=offer, due=BACKUP, gate=asyncio.get_running_loop().create_future()
    )


async def test_a_backup_is_on_record_and_changes_nothing_else() -> None:
    one = Session(policy())
    one.to_transcribing()
    before = one.state.open_phrases
    (started,) = one.when(due())
    assert started == AttemptStarted(
        phrase=1, step="transcription", attempt=2, engine="ears1", model="m", why="slow", offer=0, may_cost_usd=0.25
    )
    assert one.state.open_phrases == before


async def test_for_a_phrase_that_is_over_there_is_none() -> None:
    one = Session(policy())
    one.to_transcribing()
    assert one.when(due(number=7)) == []


async def test_an_offer_that_is_taken_back_owes_for_its_backups_too(session: Session) -> None:
    offering(session)
    session.when(due(offer=1))
    (withdrawn,) = session.when(progressed(SpeechWentOn(number=1, offer=1), sample_end=26_000, byte_end=52_000))
    assert isinstance(withdrawn, PhraseOfferWithdrawn)
    # A second at the first engine's price, and the backup's.
    assert withdrawn.cost_usd == pytest.approx(0.36 / 3600 + 0.25)
    assert session.when(due(offer=1)) == []


@pytest.mark.parametrize(
    ("step", "drive", "answer"),
    [
        ("transcription", Session.to_transcribing, lambda s: s.when(replace(transcribed("ai"), others=(SLOWER,)))),
        ("transcription", Session.to_transcribing, lambda s: s.when(replace(transcribed(None), others=(SLOWER,)))),
        ("normalisation", Session.to_normalising, lambda s: s.when(replace(normalised(HEADACHE), others=(SLOWER,)))),
        ("normalisation", Session.to_normalising, lambda s: s.when(replace(normalised(), others=(SLOWER,)))),
        (
            "normalisation",
            Session.to_normalising,
            lambda s: s.when(replace(normalised(error="timeout"), others=(SLOWER,))),
        ),
        (
            "classification",
            Session.to_classifying,
            lambda s: s.when(replace(classified(), done=replace(classified().done, others=(SLOWER,)))),
        ),
    ],
)
def test_who_was_not_chosen_is_answered_for_before_the_answer(
    step: str, drive: Callable[[Session], None], answer: Callable[[Session], list[Event]]
) -> None:
    one = Session(policy())
    drive(one)
    first, *rest = answer(one)
    assert isinstance(first, AttemptEnded)
    assert (first.step, first.engine, first.outcome, first.cost_usd) == (step, "ears0", "cancelled", 0.1)
    assert "AttemptEnded" not in names(rest)


async def test_a_gate_opens_for_its_own_event_and_shuts_when_the_phrase_is_over() -> None:
    gates, first, second = Gates(), due(), due(number=2)
    gates.hold(first)
    gates.hold(second)
    one = Session(policy())
    one.to_transcribing()
    (started,) = one.when(first)
    assert isinstance(started, AttemptStarted)
    gates.open(started)
    assert (first.gate.result(), second.gate.done()) == (True, False)
    gates.refuse_all_but({1})
    assert second.gate.result() is False
