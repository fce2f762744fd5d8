"""The decisions on streams, given some events, when an input comes; all of it pure."""

from dataclasses import replace

import pytest

from actors.messages import Transcribed
from actors.routing.attempts import Ended
from actors.session.decisions import decide
from actors.session.inputs import (
    AudioLost,
    Drained,
    OfferFailed,
    PhraseFailed,
    Policy,
    Progressed,
    StreamingName,
    StreamsLost,
)
from actors.session.resuming import hearing_of
from actors.session.state import fold
from actors.values import EarlyPhrase, Heard, SpeechBegan, SpeechGivenUp, SpeechWentOn, Transcript
from events.catalogue import (
    Event,
    OfferTranscribed,
    PhraseCaptured,
    PhraseOffered,
    PhraseOfferWithdrawn,
    TranscriptionRequested,
    TranscriptionStreamClosed,
    TranscriptionStreamOpened,
)
from tests.unit.session.given import Session, began, examined, names, phrase, policy, progressed

USD_PER_HOUR = 3_600.0
"""A dollar a second."""
LIVE = StreamingName("ears0", "live", USD_PER_HOUR)
BEGAN = SpeechBegan(number=1, sample_start=8_000)


def with_streams(*, goes_on: bool = True) -> Policy:
    return replace(policy(), streaming=replace(LIVE, goes_on=goes_on))


def hears(*heard: Heard, at: int = 12_000, streaming: bool = True, final: bool = False) -> Progressed:
    return replace(progressed(*heard, sample_end=at, byte_end=2 * at, final=final), streaming=streaming)


def early(offer: int = 1, end: int = 24_000) -> EarlyPhrase:
    return EarlyPhrase(offer=offer, phrase=phrase(end=end))


def written(
    text: str | None = "dor de cabeça", *, model: str = "live", offer: int = 0, others: tuple[Ended, ...] = ()
) -> Transcribed:
    return Transcribed(
        number=1,
        attempt=0,
        provider="ears0",
        model=model,
        transcript=None if text is None else Transcript(text=text, cost_usd=0.0 if model == "live" else 0.25),
        error=None if text else "timeout",
        latency_ms=300.0,
        offer=offer,
        others=others,
    )


def only[E: Event](events: list[Event], kind: type[E]) -> E:
    (event,) = [event for event in events if isinstance(event, kind)]
    return event


@pytest.fixture
def session() -> Session:
    one = Session(with_streams())
    one.when(began())
    return one


def test_a_stream_is_opened_with_the_onset(session: Session) -> None:
    events = session.when(hears(BEGAN))
    assert names(events) == ["SpeechStarted", "TranscriptionStreamOpened"]
    opened = only(events, TranscriptionStreamOpened)
    assert (opened.phrase, opened.provider, opened.model, opened.sample_start) == (1, "ears0", "live", 8_000)


def test_none_is_opened_by_an_engine_that_is_ill_or_for_a_phrase_that_is_over(session: Session) -> None:
    assert names(session.when(hears(BEGAN, streaming=False))) == ["SpeechStarted"]
    later = SpeechBegan(number=2, sample_start=30_000)
    assert "TranscriptionStreamOpened" not in names(session.when(hears(later, phrase(2, 30_000, 40_000), at=50_000)))


def test_none_is_opened_again_for_an_onset_that_is_heard_again(session: Session) -> None:
    session.when(hears(BEGAN))
    assert session.when(hears(BEGAN)) == []


def test_none_is_opened_where_nobody_asked_for_it() -> None:
    one = Session(policy())
    one.when(began())
    assert names(one.when(hears(BEGAN))) == ["SpeechStarted"]


def test_the_text_of_an_offer_that_held_is_the_streams_and_counted_when_it_closes(session: Session) -> None:
    session.when(hears(BEGAN))
    offered = only(session.when(hears(early(), at=24_000)), PhraseOffered)
    assert offered.model == "live"
    wrote = only(session.when(written(offer=1)), OfferTranscribed)
    assert wrote.cost_usd == 0.0
    session.when(hears(phrase(), at=32_000))
    closed = only(session.when(examined()), TranscriptionStreamClosed)
    assert (closed.outcome, closed.sample_end, closed.cost_usd) == ("answered", 24_000, 1.0)


def test_a_phrase_that_was_never_offered_is_asked_of_its_stream(session: Session) -> None:
    session.when(hears(BEGAN))
    session.when(hears(phrase(), at=32_000))
    assert only(session.when(examined()), TranscriptionRequested).model == "live"
    assert only(session.when(written()), TranscriptionStreamClosed).outcome == "answered"


def test_speech_that_goes_on_costs_nothing_of_its_own_while_the_stream_hears_on(session: Session) -> None:
    session.when(hears(BEGAN))
    session.when(hears(early(), at=24_000))
    events = session.when(hears(SpeechWentOn(number=1, offer=1), at=25_000))
    assert only(events, PhraseOfferWithdrawn).cost_usd == 0.0
    assert "TranscriptionStreamClosed" not in names(events)
    assert only(session.when(hears(early(2, 40_000), at=40_000)), PhraseOffered).model == "live"


def test_an_upload_is_over_when_speech_goes_on_and_the_request_is_next() -> None:
    one = Session(with_streams(goes_on=False))
    one.when(began())
    one.when(hears(BEGAN))
    one.when(hears(early(), at=24_000))
    closed = only(one.when(hears(SpeechWentOn(number=1, offer=1), at=25_000)), TranscriptionStreamClosed)
    assert (closed.outcome, closed.cost_usd) == ("discarded", 1.0)
    assert only(one.when(hears(early(2, 40_000), at=40_000)), PhraseOffered).model == "m"


def test_a_stream_whose_place_another_engine_took_has_failed(session: Session) -> None:
    session.when(hears(BEGAN))
    session.when(hears(early(), at=24_000))
    slow = Ended(
        attempt=1, engine="ears0", model="live", outcome="cancelled", code="slower", latency_ms=900.0, cost_usd=0.0
    )
    events = session.when(written(model="m", offer=1, others=(slow,)))
    assert names(events) == ["AttemptEnded", "OfferTranscribed", "TranscriptionStreamClosed"]
    assert only(events, TranscriptionStreamClosed).outcome == "failed"
    assert only(events, OfferTranscribed).cost_usd == 0.25
    session.when(hears(phrase(), at=32_000))
    assert "TranscriptionStreamClosed" not in names(session.when(examined()))


def test_a_race_that_everybody_lost_ends_the_stream_and_the_next_is_the_requests(session: Session) -> None:
    session.when(hears(BEGAN))
    session.when(hears(early(), at=24_000))
    assert only(session.when(written(None, offer=1)), TranscriptionStreamClosed).outcome == "failed"
    session.when(hears(phrase(), at=32_000))
    assert only(session.when(examined()), TranscriptionRequested).model == "m"


def test_what_was_no_phrase_is_paid_for_all_the_same(session: Session) -> None:
    session.when(hears(BEGAN))
    given_up = SpeechGivenUp(number=1, sample_start=8_000, sample_end=16_000, reason="too_short")
    closed = only(session.when(hears(given_up, at=20_000)), TranscriptionStreamClosed)
    assert (closed.outcome, closed.sample_end, closed.cost_usd) == ("discarded", 16_000, 0.5)


def test_a_phrase_that_was_cut_in_the_middle_is_asked_of_the_requests_engine(session: Session) -> None:
    session.when(hears(BEGAN))
    cut = replace(phrase(), cut_reason="max_length")
    behind = SpeechBegan(number=2, sample_start=24_000)
    events = session.when(hears(cut, behind, at=32_000))
    closed = only(events, TranscriptionStreamClosed)
    # The phrase was cut at 24 000, when all up to 32 000 had been sent.
    assert (closed.outcome, closed.sample_end, closed.cost_usd) == ("discarded", 32_000, 1.5)
    assert only(events, PhraseCaptured).phrase == 1
    assert only(events, TranscriptionStreamOpened).phrase == 2
    assert only(session.when(examined()), TranscriptionRequested).model == "m"


def test_a_session_that_lives_again_closes_what_its_former_life_had_open(session: Session) -> None:
    session.when(hears(BEGAN))
    session.when(hears(at=40_000))
    closed = only(session.when(StreamsLost()), TranscriptionStreamClosed)
    assert (closed.outcome, closed.sample_end, closed.cost_usd) == ("lost", 40_000, 2.0)
    assert session.when(StreamsLost()) == []
    assert only(session.when(hears(early(), at=41_000)), PhraseOffered).model == "m"


def test_what_was_offered_to_a_stream_of_a_former_life_is_withdrawn_and_offered_again(session: Session) -> None:
    session.when(hears(BEGAN))
    session.when(hears(early(), at=24_000))
    assert hearing_of(session.state).resumption.offered is None
    withdrawn, closed = session.when(StreamsLost())
    assert isinstance(withdrawn, PhraseOfferWithdrawn)
    assert (withdrawn.offer, withdrawn.reason, withdrawn.cost_usd, withdrawn.model) == (1, "failed", 0.0, "live")
    assert isinstance(closed, TranscriptionStreamClosed)
    assert (closed.outcome, closed.sample_end, closed.cost_usd) == ("lost", 24_000, 1.0)
    again = only(session.when(hears(early(2), at=24_000)), PhraseOffered)
    assert (again.offer, again.model) == (2, "m")


def test_an_offer_that_a_stream_of_a_former_life_wrote_down_is_kept(session: Session) -> None:
    session.when(hears(BEGAN))
    session.when(hears(early(), at=24_000))
    session.when(written(offer=1))
    assert hearing_of(session.state).resumption.offered is not None
    assert names(session.when(StreamsLost())) == ["TranscriptionStreamClosed"]


def test_a_phrase_that_was_over_in_a_former_life_is_asked_of_an_engine_on_record(session: Session) -> None:
    session.when(hears(BEGAN))
    session.when(hears(early(), at=24_000))
    session.when(hears(phrase(), at=32_000))
    assert names(session.when(StreamsLost())) == ["PhraseOfferWithdrawn", "TranscriptionStreamClosed"]
    assert only(session.when(examined()), TranscriptionRequested).model == "m"


@pytest.mark.parametrize(
    "end",
    [
        AudioLost(1),
        PhraseFailed(number=1, sample_start=8_000, sample_end=24_000, stage="speaking"),
        Drained(reason="failed", byte_end=80_000),
        hears(at=48_000, final=True),
    ],
    ids=["audio lost", "an actor broke", "session failed", "never found again"],
)
def test_no_way_out_forgets_the_bill(session: Session, end: AudioLost | PhraseFailed | Drained | Progressed) -> None:
    session.when(hears(BEGAN))
    session.when(hears(at=30_000))
    events = session.when(end)
    assert only(events, TranscriptionStreamClosed).cost_usd > 0
    assert names(events)[-1] == ("SessionEnded" if isinstance(end, Drained) else "TranscriptionStreamClosed")


def test_an_actor_that_breaks_over_the_call_leaves_the_stream_for_the_next(session: Session) -> None:
    session.when(hears(BEGAN))
    session.when(hears(early(), at=24_000))
    assert names(session.when(OfferFailed(number=1, offer=1))) == ["PhraseOfferWithdrawn"]
    session.when(hears(phrase(), at=32_000))
    assert only(session.when(examined()), TranscriptionRequested).model == "live"


def test_deciding_changes_nothing_by_itself(session: Session) -> None:
    session.when(hears(BEGAN))
    before = session.state
    decide(before, hears(early(), at=24_000), session.policy)
    assert session.state == before == fold(session.events)
