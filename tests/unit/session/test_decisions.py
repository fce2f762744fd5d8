"""What a session decides, and what it does not."""

import numpy as np
import pytest

from actors.messages import Decoded, DecodingFailed, Delivered, RecommendationReply
from actors.session.answering import recommendation_id
from actors.session.inputs import Drained, PhraseFailed, Resources
from actors.session.phrase import Stage
from actors.session.state import SessionState, fold
from actors.values import Cleaned, SpeechBegan, SpeechGivenUp, Withheld
from events.catalogue import (
    AudioReceived,
    PhraseCleaned,
    PhraseDiscarded,
    RecommendationSent,
    RecommendationWithheld,
    SessionEnded,
    TranscriptionRejected,
    TranscriptionRequested,
)
from tests.unit.session.given import (
    HEADACHE,
    SESSION,
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


@pytest.fixture
def session() -> Session:
    return Session(policy())


def test_a_session_starts_with_its_identity(session: Session) -> None:
    assert names(session.when(began())) == ["SessionStarted"]
    assert session.state.session_id == SESSION


def test_the_audio_format_is_announced_once(session: Session) -> None:
    session.when(began())
    first = Decoded(pcm=np.zeros(0, np.int16), byte_end=10, encoding="wav", sample_rate=16_000, channels=1)
    assert names(session.when(first)) == ["AudioFormatDetected"]
    assert session.when(first) == []


def test_bytes_are_recorded_about_once_a_second(session: Session) -> None:
    session.when(began())
    assert session.when(progressed(sample_end=8_000, byte_end=16_000)) == []
    (recorded,) = session.when(progressed(sample_end=16_000, byte_end=32_000))
    assert recorded == AudioReceived(byte_start=0, byte_end=32_000, sample_start=0, sample_end=16_000)
    assert session.when(progressed(sample_end=20_000, byte_end=40_000)) == []


def test_a_phrase_never_precedes_its_audio(session: Session) -> None:
    session.when(began())
    events = session.when(progressed(phrase(), sample_end=25_000, byte_end=50_000))
    assert names(events) == ["AudioReceived", "PhraseCaptured"]


def test_speech_that_turned_out_to_be_none_is_discarded_with_its_reason(session: Session) -> None:
    session.when(began())
    session.when(progressed(SpeechBegan(number=1, sample_start=0), sample_end=1_000, byte_end=2_000))
    assert 1 in session.state.open_phrases
    given_up = SpeechGivenUp(number=1, sample_start=0, sample_end=900, reason="too_short")
    assert names(session.when(progressed(given_up, sample_end=2_000, byte_end=4_000))) == ["PhraseDiscarded"]
    assert session.state.open_phrases == {}


def test_the_resources_of_the_moment_go_with_a_phrase(session: Session) -> None:
    session.when(began())
    message = progressed(phrase(), sample_end=25_000, byte_end=50_000)
    resources = Resources(
        cpu_percent=5, system_cpu_percent=9, rss_bytes=10**8, system_memory_percent=30, loop_lag_ms=0.1
    )
    events = session.when(type(message)(listened=message.listened, resources=resources))
    assert names(events) == ["AudioReceived", "PhraseCaptured", "ResourcesSampled"]


def test_a_clean_phrase_goes_to_speech_to_text_as_it_is(session: Session) -> None:
    session.to_transcribing()
    assert names(session.events)[-2:] == ["PhraseMeasured", "TranscriptionRequested"]
    assert session.state.open_phrases[1].audio_for_stt == "raw"
    assert isinstance(session.events[-1], TranscriptionRequested)
    assert session.events[-1].audio_ms == 1000.0


def test_a_cleaned_phrase_goes_to_speech_to_text_cleaned(session: Session) -> None:
    session.when(began())
    session.when(progressed(phrase(), sample_end=32_000, byte_end=64_000))
    cleaned = Cleaned(pcm=np.zeros(16_000, np.int16), method="stationary", noise_profile_ms=800.0, reduction_db=3.0)
    events = session.when(examined(cleaned=cleaned))
    assert isinstance(events[0], PhraseCleaned)
    assert session.state.open_phrases[1].audio_for_stt == "cleaned"


def test_the_whole_way_of_a_phrase(session: Session) -> None:
    session.to_classifying()
    session.when(classified())
    session.when(Delivered(number=1, recommendation_id=recommendation_id(SESSION, 1)))
    assert names(session.events) == [
        "SessionStarted",
        "AudioReceived",
        "PhraseCaptured",
        "PhraseMeasured",
        "TranscriptionRequested",
        "TranscriptionReceived",
        "NormalisationRequested",
        "NormalisationCompleted",
        "ClassificationRequested",
        "ClassificationCompleted",
        "BasketResolved",
        "RecommendationSent",
        "RecommendationDelivered",
    ]
    assert (session.state.open_phrases, session.state.undelivered) == ({}, {})


def test_a_delivery_is_noted_once(session: Session) -> None:
    session.to_classifying()
    session.when(classified())
    delivered = Delivered(number=1, recommendation_id=recommendation_id(SESSION, 1))
    assert names(session.when(delivered)) == ["RecommendationDelivered"]
    assert session.when(delivered) == []


def test_a_text_that_is_not_believed_goes_no_further(session: Session) -> None:
    session.to_transcribing()
    (rejected,) = session.when(transcribed("obrigado obrigado", rejected="repetition"))
    assert isinstance(rejected, TranscriptionRejected)
    assert session.state.open_phrases == {}


def test_an_empty_text_goes_no_further(session: Session) -> None:
    session.to_transcribing()
    (rejected,) = session.when(transcribed("  "))
    assert isinstance(rejected, TranscriptionRejected)
    assert rejected.reason == "empty"


def test_the_next_ears_are_asked_when_the_first_fail() -> None:
    session = Session(policy(transcribers=2))
    session.to_transcribing()
    failed, request = session.when(transcribed(None))
    assert names([failed, request]) == ["TranscriptionFailed", "TranscriptionRequested"]
    assert isinstance(request, TranscriptionRequested)
    assert (request.provider, request.audio_ms) == ("ears1", 1000.0)
    assert session.when(transcribed("late answer of the first", attempt=0)) == []
    assert names(session.when(transcribed("dor de cabeça", attempt=1)))[0] == "TranscriptionReceived"


def test_a_phrase_that_no_ears_heard_ends_in_an_explained_silence(session: Session) -> None:
    session.to_transcribing()
    events = session.when(transcribed(None))
    assert names(events) == ["TranscriptionFailed", "RecommendationWithheld"]
    assert session.state.open_phrases == {}


def test_small_talk_is_answered_with_silence(session: Session) -> None:
    session.to_normalising()
    completed, withheld = session.when(normalised())
    assert withheld == RecommendationWithheld(phrase=1, reason="nothing_asked")
    assert names([completed]) == ["NormalisationCompleted"]


def test_the_next_head_is_asked_when_the_first_fails_a_stage() -> None:
    session = Session(policy(understandings=2))
    session.to_normalising()
    assert names(session.when(normalised(error="timeout"))) == ["NormalisationFailed", "NormalisationRequested"]
    assert names(session.when(normalised(HEADACHE, attempt=1)))[-1] == "ClassificationRequested"
    assert names(session.when(classified(error="refused"))) == ["ClassificationFailed", "ClassificationRequested"]
    assert names(session.when(classified(attempt=1)))[-1] == "RecommendationSent"


@pytest.mark.parametrize("stage", ["normalising", "classifying"])
def test_a_phrase_that_no_head_understood_ends_in_an_explained_silence(session: Session, stage: str) -> None:
    if stage == "normalising":
        session.to_normalising()
        events = session.when(normalised(error="timeout"))
    else:
        session.to_classifying()
        events = session.when(classified(error="timeout"))
    assert events[-1] == RecommendationWithheld(phrase=1, reason="understanding_failed")


def test_what_the_basket_engine_withholds_is_withheld_for_its_reason() -> None:
    session = Session(policy(resolved=Withheld(reason="all_named_already")))
    session.to_classifying()
    assert session.when(classified())[-1] == RecommendationWithheld(phrase=1, reason="all_named_already")


def test_nobody_is_advised_who_has_left(session: Session) -> None:
    session.to_classifying()
    events = session.when(classified(client_present=False))
    assert names(events) == ["ClassificationCompleted", "BasketResolved", "RecommendationWithheld"]


def test_the_id_of_a_recommendation_is_the_same_whenever_it_is_decided() -> None:
    first, second = Session(policy()), Session(policy())
    ids = []
    for session in (first, second):
        session.to_classifying()
        sent = session.when(classified())[-1]
        assert isinstance(sent, RecommendationSent)
        ids.append(sent.recommendation_id)
    assert ids[0] == ids[1]


def test_an_answer_about_a_closed_phrase_changes_nothing(session: Session) -> None:
    session.to_classifying()
    session.when(classified())
    assert session.when(transcribed("again")) == []
    assert session.when(normalised(HEADACHE)) == []
    assert session.when(classified()) == []


def test_the_attendants_answer_is_noted_whenever_it_changes(session: Session) -> None:
    session.to_classifying()
    session.when(classified())
    sent = recommendation_id(SESSION, 1)
    assert names(session.when(RecommendationReply(sent, "exibida"))) == ["RecommendationAnswered"]
    assert session.when(RecommendationReply(sent, "exibida")) == []
    assert names(session.when(RecommendationReply(sent, "aceita"))) == ["RecommendationAnswered"]


def test_an_answer_to_what_was_never_sent_is_ignored(session: Session) -> None:
    session.when(began())
    assert session.when(RecommendationReply("invented", "aceita")) == []


def test_undecodable_audio_is_rejected_once(session: Session) -> None:
    session.when(began())
    failure = DecodingFailed(code="not_audio", byte_offset=7, byte_end=100)
    assert names(session.when(failure)) == ["AudioRejected"]
    assert session.when(failure) == []


def test_the_end_records_what_was_received_and_counts_what_was_done(session: Session) -> None:
    session.to_classifying()
    session.when(classified())
    recorded, ended = session.when(Drained(reason="client_left", byte_end=70_000))
    assert recorded == AudioReceived(byte_start=64_000, byte_end=70_000, sample_start=32_000, sample_end=32_000)
    assert ended == SessionEnded(
        reason="client_left", bytes_received=70_000, samples=32_000, phrases=1, recommendations=1
    )
    assert session.state.ended


def test_a_session_is_the_fold_of_its_events(session: Session) -> None:
    session.to_classifying()
    session.when(classified())
    assert fold(session.events) == session.state
    assert session.state.position == len(session.events)


def test_an_empty_stream_is_a_new_session() -> None:
    assert fold([]) == SessionState()


def failed(stage: Stage, number: int = 1) -> PhraseFailed:
    return PhraseFailed(number=number, sample_start=8_000, sample_end=24_000, stage=stage)


def test_a_phrase_that_broke_its_examiner_is_discarded(session: Session) -> None:
    session.when(began())
    session.when(progressed(phrase(), sample_end=32_000, byte_end=64_000))
    (discarded,) = session.when(failed("captured"))
    assert discarded == PhraseDiscarded(phrase=1, sample_start=8_000, sample_end=24_000, reason="failed")
    assert not session.state.open_phrases


def test_a_phrase_that_broke_an_engine_is_answered_with_silence(session: Session) -> None:
    session.to_transcribing()
    assert session.when(failed("transcribing")) == [RecommendationWithheld(phrase=1, reason="transcription_failed")]
    for number, stage in ((2, "normalising"), (3, "classifying")):
        one = Session(policy())
        one.to_normalising(number) if stage == "normalising" else one.to_classifying(number)
        (withheld,) = one.when(failed(stage, number))  # type: ignore[arg-type] # the two are stages
        assert withheld == RecommendationWithheld(phrase=number, reason="understanding_failed")


def test_a_breakdown_over_what_is_done_already_changes_nothing(session: Session) -> None:
    session.to_normalising()
    assert session.when(failed("transcribing")) == []
    assert session.when(failed("transcribing", number=9)) == []
