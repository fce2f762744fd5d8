"""Speech rate: of timed words only, in the clear beside the transcript, and null of what was recorded before."""

import pytest

from actors.messages import Transcribed
from actors.values import Transcript
from events.catalogue import TranscriptionReceived, Word
from events.catalogue.base import personal_fields
from events.codec import decode
from tests.unit.session.given import Session, policy

TIMED = tuple(
    Word(text=text, start_s=at, end_s=at + 0.3) for text, at in (("quero", 0.5), ("um", 1.0), ("xarope", 1.7))
)


def test_the_rate_is_of_the_time_from_the_first_word_to_the_end_of_the_last() -> None:
    assert Transcript(text="quero um xarope", words=TIMED).words_per_minute == pytest.approx(3 * 60 / 1.5)


@pytest.mark.parametrize(
    "words",
    [
        (),
        TIMED[:2],
        tuple(Word(text=word.text, confidence=0.9) for word in TIMED),
        tuple(Word(text=word.text, start_s=1.0, end_s=1.0) for word in TIMED),
    ],
)
def test_without_times_or_with_too_few_words_there_is_none(words: tuple[Word, ...]) -> None:
    assert Transcript(text="quero um xarope", words=words).words_per_minute is None


def test_the_transcripts_event_carries_the_rate_and_it_is_not_personal() -> None:
    session = Session(policy())
    session.to_transcribing()
    message = Transcribed(
        number=1,
        attempt=0,
        provider="ears0",
        model="m",
        transcript=Transcript(text="quero um xarope", words=TIMED),
        error=None,
        latency_ms=300.0,
    )
    received = session.when(message)[0]
    assert isinstance(received, TranscriptionReceived)
    assert received.words_per_minute == pytest.approx(120)
    assert "words_per_minute" not in personal_fields(TranscriptionReceived)


def test_a_transcript_of_the_first_version_is_read_without_a_rate() -> None:
    stored = (
        b'{"phrase":1,"provider":"p","model":"m","text":"sim","words":[],"confidence":null,"latency_ms":1,"cost_usd":0}'
    )
    received = decode("TranscriptionReceived", 1, stored)
    assert isinstance(received, TranscriptionReceived)
    assert (received.text, received.words_per_minute) == ("sim", None)
