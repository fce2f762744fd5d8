"""Phrases are gathered into utterances: an unfinished one waits for what follows, a whole one for nothing."""

from dataclasses import replace

import pytest

from actors.session.conversation import Rules
from actors.session.inputs import Drained, GatherDue, Policy
from actors.session.state import fold
from actors.values import SAMPLE_RATE, EarlyPhrase, Heard, SpeechBegan, SpeechGivenUp
from events.catalogue import (
    Event,
    NormalisationRequested,
    PhraseGathered,
    RecommendationWithheld,
    UtteranceGathered,
)
from tests.unit.session.given import HEADACHE, Session, began, examined, names, normalised, phrase, policy, progressed
from tests.unit.session.given import transcribed as heard_as

GATHER = int(1.5 * SAMPLE_RATE)
SECOND = SAMPLE_RATE


def gathering(**changes: object) -> Policy:
    rules = Rules(
        names_something=lambda text: "dor de cabeça" in text.lower() or "dipirona" in text.lower(),
        gather_samples=GATHER,
    )
    return policy(rules=replace(rules, **changes))  # type: ignore[arg-type] # fields of Rules


class Counter(Session):
    """A session in which phrases are captured one after another."""

    def __init__(self, rules: Policy | None = None) -> None:
        super().__init__(rules or gathering())
        self.when(began())

    def hears(self, *heard: Heard, to: int) -> list[Event]:
        return self.when(progressed(*heard, sample_end=to, byte_end=2 * to))

    def captures(self, number: int, start: int, end: int) -> None:
        self.hears(SpeechBegan(number=number, sample_start=start), to=start + SECOND // 10)
        self.hears(phrase(number, start, end), to=end + SECOND // 5)
        self.when(examined(number))

    def understands(self, number: int, text: str) -> list[Event]:
        return self.when(heard_as(text, number=number))

    def text_of(self, number: int) -> str:
        return self.state.open_phrases[number].text


def test_a_phrase_that_names_something_goes_at_once_and_nothing_is_recorded_of_gathering() -> None:
    counter = Counter()
    counter.captures(1, SECOND, 2 * SECOND)
    assert names(counter.understands(1, "Quero dipirona.")) == ["TranscriptionReceived", "NormalisationRequested"]


def test_a_phrase_of_enough_words_goes_at_once_whatever_it_is_about() -> None:
    counter = Counter()
    counter.captures(1, SECOND, 4 * SECOND)
    decided = counter.understands(1, "o senhor sabe se a loja do lado ainda está aberta?")
    assert names(decided) == ["TranscriptionReceived", "NormalisationRequested"]


def test_a_fragment_waits_and_is_understood_with_the_phrase_that_completes_it() -> None:
    counter = Counter()
    counter.captures(1, SECOND, 2 * SECOND)
    assert names(counter.understands(1, "Eu queria um remédio.")) == ["TranscriptionReceived"]
    counter.captures(2, 3 * SECOND, 4 * SECOND)
    _, gathered, first, request = counter.understands(2, "Pra dor de cabeça.")
    assert gathered == UtteranceGathered(phrase=2, phrases=(1, 2), reason="words", word_count=8)
    assert first == PhraseGathered(phrase=1, into=2)
    assert isinstance(request, NormalisationRequested)
    assert request.phrase == 2
    assert counter.text_of(2) == "Eu queria um remédio. Pra dor de cabeça."
    assert list(counter.state.open_phrases) == [2]


def test_silence_sends_a_fragment_as_it_is() -> None:
    counter = Counter()
    counter.captures(1, SECOND, 2 * SECOND)
    counter.understands(1, "Eu queria um remédio.")
    assert "UtteranceGathered" not in names(counter.hears(to=2 * SECOND + GATHER - 1))
    decided = counter.hears(to=2 * SECOND + GATHER)
    assert UtteranceGathered(phrase=1, phrases=(1,), reason="pause", word_count=4) in decided
    assert names(decided)[-1] == "NormalisationRequested"


def test_a_fragment_whose_silence_is_over_when_its_text_comes_waits_for_nothing() -> None:
    counter = Counter()
    counter.captures(1, SECOND, 2 * SECOND)
    counter.hears(to=5 * SECOND)
    assert names(counter.understands(1, "Bom dia."))[1:] == ["UtteranceGathered", "NormalisationRequested"]


def test_speech_that_begins_in_time_is_waited_for_however_long_it_lasts() -> None:
    counter = Counter()
    counter.captures(1, SECOND, 2 * SECOND)
    counter.understands(1, "Eu queria um remédio.")
    counter.hears(SpeechBegan(number=2, sample_start=3 * SECOND), to=3 * SECOND + 2_000)
    assert "UtteranceGathered" not in names(counter.hears(to=9 * SECOND))
    assert counter.when(GatherDue(last=1, reason="timer")) == []


def test_speech_that_begins_too_late_is_another_utterance() -> None:
    counter = Counter()
    counter.captures(1, SECOND, 2 * SECOND)
    counter.understands(1, "Obrigado.")
    late = 2 * SECOND + GATHER + 1
    decided = counter.hears(SpeechBegan(number=2, sample_start=late), to=late + 2_000)
    assert UtteranceGathered(phrase=1, phrases=(1,), reason="pause", word_count=1) in decided


def test_a_fragment_does_not_wait_for_what_was_no_phrase() -> None:
    counter = Counter()
    counter.captures(1, SECOND, 2 * SECOND)
    counter.understands(1, "Eu queria um remédio.")
    counter.hears(SpeechBegan(number=2, sample_start=3 * SECOND), to=3 * SECOND + 2_000)
    noise = SpeechGivenUp(number=2, sample_start=3 * SECOND, sample_end=3 * SECOND + 3_000, reason="too_short")
    decided = counter.hears(noise, to=2 * SECOND + GATHER)
    assert names(decided) == ["AudioReceived", "PhraseDiscarded", "UtteranceGathered", "NormalisationRequested"]
    assert UtteranceGathered(phrase=1, phrases=(1,), reason="pause", word_count=4) in decided


@pytest.mark.parametrize("reason", ["stock_phrase", "empty"])
def test_a_fragment_does_not_wait_for_what_was_not_believed(reason: str) -> None:
    counter = Counter()
    counter.captures(1, SECOND, 2 * SECOND)
    counter.understands(1, "Eu queria um remédio.")
    counter.captures(2, 3 * SECOND, 4 * SECOND)
    text = "" if reason == "empty" else "Legendas pela comunidade"
    decided = counter.when(heard_as(text, number=2, rejected=None if reason == "empty" else reason))
    assert names(decided) == ["TranscriptionRejected", "UtteranceGathered", "NormalisationRequested"]
    assert UtteranceGathered(phrase=1, phrases=(1,), reason="pause", word_count=4) in decided


def test_a_timer_sends_what_no_audio_comes_after() -> None:
    counter = Counter()
    counter.captures(1, SECOND, 2 * SECOND)
    counter.understands(1, "Eu queria um remédio.")
    assert counter.when(GatherDue(last=7, reason="timer")) == []
    decided = counter.when(GatherDue(last=1, reason="timer"))
    assert names(decided) == ["UtteranceGathered", "NormalisationRequested"]


def test_the_deadline_sends_a_fragment_that_is_being_gone_on_with() -> None:
    counter = Counter()
    counter.captures(1, SECOND, 2 * SECOND)
    counter.understands(1, "Eu queria um remédio.")
    counter.hears(SpeechBegan(number=2, sample_start=3 * SECOND), to=3 * SECOND + 2_000)
    decided = counter.when(GatherDue(last=1, reason="timer", forced=True))
    assert names(decided) == ["UtteranceGathered", "NormalisationRequested"]


def test_texts_that_come_in_another_order_are_gathered_in_that_of_speech() -> None:
    counter = Counter()
    counter.captures(1, SECOND, 2 * SECOND)
    counter.captures(2, 2 * SECOND + 8_000, 3 * SECOND)
    counter.captures(3, 3 * SECOND + 8_000, 4 * SECOND)
    assert names(counter.understands(3, "bem forte")) == ["TranscriptionReceived"]
    assert names(counter.understands(1, "queria uma")) == ["TranscriptionReceived"]
    decided = counter.understands(2, "coisa pra dor de cabeça")
    assert UtteranceGathered(phrase=3, phrases=(1, 2, 3), reason="words", word_count=9) in decided
    assert counter.text_of(3) == "queria uma coisa pra dor de cabeça, bem forte"


def test_a_whole_phrase_does_not_wait_for_one_before_it_whose_text_is_late() -> None:
    counter = Counter()
    counter.captures(1, SECOND, 2 * SECOND)
    counter.captures(2, 2 * SECOND + 8_000, 3 * SECOND)
    assert "NormalisationRequested" in names(counter.understands(2, "uma dipirona"))
    decided = counter.understands(1, "me vê")
    assert UtteranceGathered(phrase=1, phrases=(1,), reason="overtaken", word_count=2) in decided


def test_four_fragments_are_enough() -> None:
    counter = Counter()
    for number, text in enumerate(("é", "então", "assim"), start=1):
        counter.captures(number, number * SECOND, number * SECOND + 8_000)
        assert names(counter.understands(number, text)) == ["TranscriptionReceived"]
    counter.captures(4, 4 * SECOND, 4 * SECOND + 8_000)
    assert "NormalisationRequested" in names(counter.understands(4, "sei lá"))


def test_where_gathering_is_off_every_phrase_goes_by_itself() -> None:
    counter = Counter(gathering(gather_samples=0))
    counter.captures(1, SECOND, 2 * SECOND)
    assert names(counter.understands(1, "Bom dia.")) == ["TranscriptionReceived", "NormalisationRequested"]


def test_an_utterance_that_asks_for_nothing_is_answered_with_silence_once() -> None:
    counter = Counter()
    counter.captures(1, SECOND, 2 * SECOND)
    counter.understands(1, "Bom dia.")
    counter.captures(2, 3 * SECOND, 4 * SECOND)
    counter.understands(2, "Tudo bem?")
    counter.hears(to=7 * SECOND)
    decided = counter.when(normalised(number=2))
    assert decided[-1] == RecommendationWithheld(phrase=2, reason="nothing_asked")
    assert counter.state.open_phrases == {}
    assert fold(counter.events) == counter.state


def test_what_a_phrase_hangs_on_makes_it_wait_although_it_names_something() -> None:
    counter = Counter()
    counter.captures(1, SECOND, 2 * SECOND)
    assert names(counter.understands(1, "Uma dipirona e.")) == ["TranscriptionReceived"]
    counter.captures(2, 3 * SECOND, 4 * SECOND)
    counter.understands(2, "Algo pra dor de cabeça.")
    counter.when(normalised(HEADACHE, number=2))
    assert counter.text_of(2) == "Uma dipirona e Algo pra dor de cabeça."


@pytest.mark.parametrize("gather_samples", [GATHER, 0])
def test_a_session_that_breaks_down_leaves_no_phrase_without_an_outcome_and_records_nothing_behind_its_end(
    gather_samples: int,
) -> None:
    counter = Counter()
    counter.captures(1, SECOND, 2 * SECOND)
    counter.understands(1, "Eu queria um remédio.")
    counter.captures(2, 3 * SECOND, 4 * SECOND)
    counter.hears(SpeechBegan(number=3, sample_start=5 * SECOND), to=6 * SECOND)
    offer = EarlyPhrase(offer=1, phrase=phrase(3, 5 * SECOND, 6 * SECOND))
    counter.hears(offer, to=6 * SECOND + 1_000)
    counter.policy = gathering(gather_samples=gather_samples)
    first, second, withdrawn, third, end = counter.when(Drained(reason="failed", byte_end=12 * SECOND))
    assert first == RecommendationWithheld(phrase=1, reason="understanding_failed")
    assert second == RecommendationWithheld(phrase=2, reason="transcription_failed")
    assert names([withdrawn, third, end]) == ["PhraseOfferWithdrawn", "PhraseDiscarded", "SessionEnded"]
    assert counter.state.open_phrases == {}
