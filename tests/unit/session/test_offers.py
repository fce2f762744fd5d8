"""Speculative endpointing as decisions: what is offered early, when it is taken back, when its text is taken over."""

from dataclasses import replace

import pytest

from actors.messages import Transcribed
from actors.session.inputs import EngineName, OfferFailed, PhraseFailed
from actors.session.state import fold
from actors.values import EarlyPhrase, SpeechBegan, SpeechGivenUp, SpeechWentOn, Transcript
from events.catalogue import (
    Event,
    OfferTranscribed,
    PhraseCaptured,
    PhraseOffered,
    PhraseOfferWithdrawn,
    TranscriptionReceived,
    TranscriptionRejected,
)
from tests.unit.session.given import (
    HEADACHE,
    Session,
    began,
    classified,
    examined,
    names,
    normalised,
    phrase,
    policy,
    progressed,
    transcribed,
)


def early(offer: int = 1, number: int = 1, end: int = 24_000) -> EarlyPhrase:
    return EarlyPhrase(offer=offer, phrase=phrase(number, end=end))


def offering(session: Session, offer: int = 1, end: int = 24_000) -> list[Event]:
    return session.when(progressed(early(offer, end=end), sample_end=end + 100, byte_end=2 * end))


@pytest.fixture
def session() -> Session:
    session = Session(
        replace(policy(transcribers=2), transcribers=(EngineName("ears0", "m", 0.36), EngineName("b", "m")))
    )
    session.when(began())
    session.when(progressed(SpeechBegan(number=1, sample_start=8_000), sample_end=12_000, byte_end=24_000))
    return session


def capture(session: Session, end: int = 24_000) -> list[Event]:
    return session.when(progressed(phrase(end=end), sample_end=30_000, byte_end=60_000))


def written(
    text: str | None = "estou com dor de cabeça", *, offer: int = 1, rejected: str | None = None
) -> Transcribed:
    return replace(transcribed(text, rejected=rejected), offer=offer)


def test_a_phrase_is_offered_with_its_audio_before_it(session: Session) -> None:
    recorded, offered = offering(session)
    assert names([recorded]) == ["AudioReceived"]
    assert offered == PhraseOffered(
        phrase=1, offer=1, sample_start=8_000, sample_end=24_000, provider="ears0", model="m"
    )
    assert session.state.open_phrases[1].stage == "speaking"


def test_the_text_of_an_offer_goes_no_further_until_the_phrase_is_over(session: Session) -> None:
    offering(session)
    assert names(session.when(written())) == ["OfferTranscribed"]
    assert session.when(written()) == []


def test_a_phrase_that_is_what_was_offered_takes_its_text_over(session: Session) -> None:
    offering(session)
    session.when(written())
    assert names(capture(session)) == ["AudioReceived", "PhraseCaptured"]
    assert names(session.when(examined())) == ["PhraseMeasured", "TranscriptionReceived", "NormalisationRequested"]
    received = session.events[-2]
    assert isinstance(received, TranscriptionReceived)
    assert (received.text, received.latency_ms) == ("estou com dor de cabeça", 300.0)
    session.when(normalised(HEADACHE))
    assert names(session.when(classified()))[-1] == "RecommendationSent"
    assert session.state.open_phrases == {}


def test_a_text_that_comes_between_the_end_and_its_examination_is_taken_over(session: Session) -> None:
    offering(session)
    capture(session)
    assert names(session.when(written())) == ["OfferTranscribed"]
    assert names(session.when(examined()))[-2:] == ["TranscriptionReceived", "NormalisationRequested"]


def test_a_call_that_is_still_under_way_becomes_the_phrases(session: Session) -> None:
    offering(session)
    capture(session)
    assert names(session.when(examined())) == ["PhraseMeasured", "TranscriptionRequested"]
    assert names(session.when(written())) == ["TranscriptionReceived", "NormalisationRequested"]


def test_a_call_that_became_the_phrases_fails_over_to_the_next_engine(session: Session) -> None:
    offering(session)
    capture(session)
    session.when(examined())
    assert names(session.when(written(None))) == ["TranscriptionFailed", "TranscriptionRequested"]


def test_an_offer_is_withdrawn_when_speech_goes_on_and_what_its_call_may_cost_is_counted(session: Session) -> None:
    offering(session)
    gone_on = progressed(SpeechWentOn(number=1, offer=1), sample_end=26_000, byte_end=52_000)
    (withdrawn,) = session.when(gone_on)
    assert isinstance(withdrawn, PhraseOfferWithdrawn)
    assert (withdrawn.offer, withdrawn.reason) == (1, "speech_went_on")
    # one second of audio at 0.36 US$ an hour
    assert withdrawn.cost_usd == pytest.approx(1e-4)
    assert session.when(gone_on) == []
    assert session.when(written()) == []
    capture(session, end=29_000)
    assert names(session.when(examined())) == ["PhraseMeasured", "TranscriptionRequested"]


def test_what_an_answered_offer_cost_is_counted_once(session: Session) -> None:
    offering(session)
    answer = replace(written(), transcript=Transcript(text="com febre", cost_usd=0.002))
    session.when(answer)
    session.when(progressed(SpeechWentOn(number=1, offer=1), sample_end=26_000, byte_end=52_000))
    offering(session, offer=2, end=27_000)
    session.when(replace(answer, offer=2))
    capture(session, end=27_000)
    session.when(examined())
    costs = [getattr(event, "cost_usd", 0.0) for event in session.events]
    assert sum(costs) == pytest.approx(2 * 0.002)


def test_a_later_offer_takes_the_place_of_a_withdrawn_one(session: Session) -> None:
    offering(session)
    session.when(progressed(SpeechWentOn(number=1, offer=1), sample_end=26_000, byte_end=52_000))
    assert names(offering(session, offer=2, end=27_000))[-1] == "PhraseOffered"
    assert session.when(written(offer=1)) == []
    assert names(session.when(written("com febre", offer=2))) == ["OfferTranscribed"]
    capture(session, end=27_000)
    received = session.when(examined())[1]
    assert isinstance(received, TranscriptionReceived)
    assert received.text == "com febre"


def test_an_offer_that_is_overtaken_at_once_is_not_made(session: Session) -> None:
    gone_on = progressed(early(), SpeechWentOn(number=1, offer=1), sample_end=26_000, byte_end=52_000)
    assert names(session.when(gone_on)) == ["AudioReceived"]
    assert names(session.when(progressed(early(2), phrase(), sample_end=30_000, byte_end=60_000))) == [
        "AudioReceived",
        "PhraseCaptured",
    ]


def test_a_phrase_cut_elsewhere_than_offered_is_asked_for_anew(session: Session) -> None:
    offering(session)
    session.when(written())
    events = capture(session, end=23_000)
    assert names(events) == ["AudioReceived", "PhraseOfferWithdrawn", "PhraseCaptured"]
    assert isinstance(events[1], PhraseOfferWithdrawn)
    assert (events[1].reason, events[1].cost_usd) == ("cut_elsewhere", 0.0)
    assert names(session.when(examined()))[-1] == "TranscriptionRequested"


def test_the_offer_of_what_is_given_up_is_withdrawn(session: Session) -> None:
    offering(session)
    given_up = SpeechGivenUp(number=1, sample_start=8_000, sample_end=24_000, reason="too_quiet")
    events = session.when(progressed(given_up, sample_end=30_000, byte_end=60_000))
    assert names(events) == ["PhraseOfferWithdrawn", "PhraseDiscarded"]
    assert session.state.open_phrases == {}
    assert session.when(written()) == []


def test_an_offer_whose_engine_fails_is_withdrawn_and_the_phrase_asked_for_when_it_is_over(session: Session) -> None:
    offering(session)
    (withdrawn,) = session.when(written(None))
    assert isinstance(withdrawn, PhraseOfferWithdrawn)
    assert (withdrawn.reason, withdrawn.cost_usd) == ("transcription_failed", 0.0)
    capture(session)
    assert names(session.when(examined()))[-1] == "TranscriptionRequested"


@pytest.mark.parametrize(("text", "rejected", "reason"), [("obrigado", "noise", "noise"), (" ", None, "empty")])
def test_a_text_that_is_not_believed_is_the_end_of_the_phrase_only_once_it_is_over(
    session: Session, text: str, rejected: str | None, reason: str
) -> None:
    offering(session)
    (answer,) = session.when(written(text, rejected=rejected))
    assert isinstance(answer, OfferTranscribed)
    assert answer.rejected == reason
    assert 1 in session.state.open_phrases
    capture(session)
    last = session.when(examined())[-1]
    assert isinstance(last, TranscriptionRejected)
    assert last.reason == reason
    assert session.state.open_phrases == {}


def test_an_offer_that_breaks_an_actor_is_withdrawn_and_the_phrase_goes_on(session: Session) -> None:
    offering(session)
    assert names(session.when(OfferFailed(1, 1))) == ["PhraseOfferWithdrawn"]
    assert session.when(OfferFailed(1, 1)) == []
    capture(session)
    assert names(session.when(examined()))[-1] == "TranscriptionRequested"


def test_a_phrase_whose_early_call_breaks_the_ears_is_skipped(session: Session) -> None:
    offering(session)
    capture(session)
    session.when(examined())
    assert names(session.when(OfferFailed(1, 1))) == ["RecommendationWithheld"]
    failed = PhraseFailed(number=1, sample_start=8_000, sample_end=24_000, stage="transcribing")
    assert session.when(failed) == []


def test_a_resumed_session_offers_nothing_twice_and_captures_nothing_twice(session: Session) -> None:
    offering(session)
    session.when(progressed(SpeechWentOn(number=1, offer=1), sample_end=26_000, byte_end=52_000))
    offering(session, offer=2, end=27_000)
    session.when(written(offer=2))
    again = Session(session.policy)
    again.state = fold(session.events)
    for heard in (
        SpeechBegan(number=1, sample_start=8_000),
        early(1),
        SpeechWentOn(number=1, offer=1),
        early(2, end=27_000),
    ):
        assert again.when(progressed(heard, sample_end=27_100, byte_end=54_000)) == []
    assert names(capture(again, end=27_000)) == ["AudioReceived", "PhraseCaptured"]
    assert again.when(progressed(phrase(end=27_000), sample_end=30_000, byte_end=60_000)) == []
    assert names(again.when(examined()))[1:] == ["TranscriptionReceived", "NormalisationRequested"]


def test_the_same_events_give_the_same_state_and_the_same_inputs_the_same_events(session: Session) -> None:
    offering(session)
    session.when(written())
    capture(session)
    session.when(examined())
    assert fold(session.events) == session.state
    assert any(isinstance(event, PhraseCaptured) for event in session.events)


def test_an_examination_that_comes_twice_changes_nothing(session: Session) -> None:
    capture(session)
    session.when(examined())
    assert session.when(examined()) == []


def test_an_onset_that_is_never_found_again_is_discarded_with_its_offer_at_the_end_of_the_audio(
    session: Session,
) -> None:
    offering(session)
    told = session.when(progressed(sample_end=40_000, byte_end=80_000, final=True))
    assert names(told)[-2:] == ["PhraseOfferWithdrawn", "PhraseDiscarded"]
    assert session.state.open_phrases == {}
