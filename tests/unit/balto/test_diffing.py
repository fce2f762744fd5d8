"""Two runs beside one another: what is the same, where they part first, and what explains it."""

from dataclasses import replace

from balto.replay.alignment import match_phrases
from balto.replay.contrast import Contrast
from balto.replay.diffing import Diff, diff
from balto.replay.inputs import Given
from balto.replay.run import Run
from events.catalogue import (
    ConsentRecorded,
    Event,
    OfferTranscribed,
    PhraseDiscarded,
    PhraseGathered,
    RecommendationWithheld,
    SpeechStarted,
    TranscriptionReceived,
    TranscriptionRejected,
    UtteranceGathered,
)
from events.envelope import UnknownEvent
from events.store import RecordingChunk
from tests.runs import OTHER, phrase, run, session, started

ONE, TWO, THREE = phrase(1, 1.0, "dor de cabeça"), phrase(2, 4.0, "tosse"), phrase(3, 8.0, "febre")
BASE = session(ONE, TWO, THREE)


def compared(a: list[Event], b: list[Event]) -> Diff:
    return diff(run(a), run(b, session=OTHER))


def first(found: Diff) -> Contrast:
    assert found.first is not None
    return found.first.contrast


def verdicts(found: Diff) -> dict[str, int]:
    return {verdict: count for verdict, count in found.counts.items() if verdict != "same"}


def swapped(events: list[Event], kind: type[Event], number: int, **changes: object) -> list[Event]:
    return [replace(e, **changes) if isinstance(e, kind) and getattr(e, "phrase", 0) == number else e for e in events]


def test_a_run_is_the_same_as_itself_whatever_the_clock_says() -> None:
    slower = swapped(BASE, TranscriptionReceived, 2, latency_ms=900.0, cost_usd=0.3, provider="elevenlabs")
    found = compared(BASE, slower)
    assert (found.same, found.first, verdicts(found)) == (True, None, {})
    assert found.hashes[0] == found.hashes[1]


def test_other_words_are_named_with_whose_answer_they_are() -> None:
    found = compared(BASE, swapped(BASE, TranscriptionReceived, 2, text="torce"))
    at = first(found)
    assert (at.pair.either.type, at.verdict) == ("TranscriptionReceived", "text")
    assert [(d.field, d.a, d.b) for d in at.differences] == [("text", "tosse", "torce")]
    assert found.first is not None
    assert found.first.explained_by == (Given("answer", "TranscriptionReceived", "local/base", "local/base"),)
    assert [each.type for each in found.first.chain] == ["SpeechStarted", "PhraseCaptured", "TranscriptionRequested"]


def test_an_answer_that_came_early_is_where_the_difference_came_from() -> None:
    def early(text: str) -> list[Event]:
        offer = OfferTranscribed(
            phrase=2, offer=7, provider="local", model="base", text=text, confidence=None, rejected=None,
            latency_ms=1.0, cost_usd=0.0,
        )  # fmt: skip
        events = swapped(TWO, TranscriptionReceived, 2, text=text, offer=7)
        return session(ONE, [events[0], offer, *events[1:]], THREE)

    found = compared(early("tosse"), early("torce"))
    assert found.first is not None
    assert [given.name for given in found.first.explained_by] == ["OfferTranscribed #14 and #14"]


def test_another_engine_is_what_explains_other_words() -> None:
    found = compared(
        BASE, swapped(BASE, TranscriptionReceived, 3, text="febril", provider="elevenlabs", model="scribe")
    )
    assert found.first is not None
    assert found.first.explained_by == (Given("engine", "TranscriptionReceived", "local/base", "elevenlabs/scribe"),)


def test_a_phrase_that_only_one_run_heard_is_found_by_its_samples_not_its_number() -> None:
    late = [replace(event, phrase=2) for event in THREE]  # type: ignore[call-arg]
    found = compared(BASE, session(ONE, late))
    at = first(found)
    assert (at.verdict, at.pair.either.type, at.pair.either.event) == ("only_a", "SpeechStarted", TWO[0])
    assert verdicts(found) == {"only_a": 7, "content": 1}, (
        "the seven of phrase two that count, and the counts at the end"
    )
    assert first(compared(session(ONE, late), BASE)).verdict == "only_b"


def test_phrases_of_other_numbers_that_are_named_in_events_are_the_same() -> None:
    def gathering(first_number: int) -> list[Event]:
        one, other = first_number, first_number + 1
        return [
            SpeechStarted(phrase=one, sample_start=64_000),
            SpeechStarted(phrase=other, sample_start=96_000),
            UtteranceGathered(phrase=other, phrases=(one, other), reason="words", word_count=4),
            PhraseGathered(phrase=one, into=other),
        ]

    found = compared(session(ONE, gathering(2)), session(gathering(1)))
    assert {each.pair.either.type for each in found.contrasts if each.verdict == "content"} == {"SessionEnded"}


def test_the_same_words_at_other_samples_differ_in_timing() -> None:
    moved = swapped(swapped(BASE, type(TWO[0]), 2, sample_start=64_320), type(TWO[1]), 2, sample_start=64_320)
    assert verdicts(compared(BASE, moved)) == {"timing": 2}


def test_what_answers_to_what_where_decisions_part() -> None:
    refused = TranscriptionRejected(
        phrase=2, provider="local", model="base", reason="noise", text="tosse", latency_ms=1.0, cost_usd=0.0
    )
    found = compared(BASE, session(ONE, [*TWO[:3], refused], THREE))
    at = first(found)
    assert (at.verdict, at.pair.b and at.pair.b.type) == ("content", "TranscriptionRejected")
    withheld = RecommendationWithheld(phrase=2, reason="suggested_lately")
    decided = compared(BASE, session(ONE, [*TWO[:-2], withheld], THREE))
    assert first(decided).pair.either.type == "BasketResolved"
    assert verdicts(decided) == {"content": 1, "only_a": 1}
    given_up = PhraseDiscarded(phrase=2, sample_start=64_000, sample_end=80_000, reason="too_short")
    lost = compared(BASE, session(ONE, [TWO[0], given_up], THREE))
    assert (first(lost).pair.either.type, first(lost).verdict) == ("PhraseCaptured", "content")


def test_what_was_given_differently_makes_no_difference_by_itself() -> None:
    louder = started({"vad": {"threshold_multiplier": 2.0, "min_energy": 120.0}}, baskets="2")
    found = compared(BASE, session(ONE, TWO, THREE, start=louder))
    assert found.same
    assert found.inputs == (
        Given("setting", "vad.threshold_multiplier", 1.5, 2.0),
        Given("version", "baskets", "1", "2"),
    )


def test_only_what_an_event_depends_on_explains_it() -> None:
    louder = started({"vad": {"threshold_multiplier": 2.0, "min_energy": 120.0}}, baskets="2")
    deaf = compared(BASE, session(ONE, THREE, start=louder))
    assert deaf.first is not None
    assert [given.name for given in deaf.first.explained_by] == ["vad.threshold_multiplier"]
    other = phrase(2, 4.0, "tosse", item="Mel")
    advised = compared(BASE, session(ONE, other, THREE, start=louder))
    assert advised.first is not None
    assert (advised.first.contrast.pair.either.type, [g.name for g in advised.first.explained_by]) == (
        "BasketResolved",
        ["baskets"],
    )


def test_other_audio_is_told_by_byte_and_second() -> None:
    def heard(events: list[Event], data: bytes) -> Run:
        return run(
            events, audio=[RecordingChunk(byte_start=at, data=data[at : at + 99]) for at in range(0, 640_000, 99)]
        )

    data = bytes(640_000)
    found = diff(heard(BASE, data), heard(session(ONE, TWO), data[:320_000] + b"\x01" + data[320_001:]))
    assert found.inputs == (Given("audio", "from byte 320000, about 10.00 s, on", "640000 bytes", "640000 bytes"),)
    assert found.first is not None
    assert [given.kind for given in found.first.explained_by] == ["audio"]
    assert diff(heard(BASE, data), run(BASE)).inputs == (), "a replay has no audio of its own"


def test_what_the_client_did_is_an_input() -> None:
    consent = ConsentRecorded(purposes={"voz": True})
    found = compared(BASE, session([consent], ONE, TWO, THREE))
    assert [given.kind for given in found.inputs] == ["client"]
    assert {each.pair.either.type for each in found.contrasts if each.verdict != "same"} == {"SessionEnded"}


def test_erased_words_are_not_compared() -> None:
    b = run(BASE)
    gone = [
        each._replace(erased=True, event=replace(each.event, text=""))
        if isinstance(each.event, TranscriptionReceived)
        else each
        for each in b.recorded
    ]
    assert diff(run(BASE), replace(b, recorded=tuple(gone))).same


def test_events_that_the_program_does_not_know_are_compared_as_stored() -> None:
    mystery = UnknownEvent("PhraseWhispered", 4, {"phrase": 2, "volume": 0.5, "latency_ms": 3.0})
    a, b = session(ONE, [*TWO, mystery]), session(ONE, [*TWO, replace(mystery, data={**mystery.data, "volume": 0.7})])
    assert compared(a, a).same
    assert first(compared(a, b)).pair.either.type == "PhraseWhispered"


def test_a_long_day_is_matched_phrase_by_phrase() -> None:
    a = {n: (16_000 * n, 16_000 * n + 12_000) for n in range(1, 3_000)}
    b = {n - 1: (start + 160, end + 160) for n, (start, end) in a.items() if n != 700}
    matched = match_phrases(a, b)
    assert 700 not in matched
    assert len(matched) == len(b)
    assert all(other == n - 1 for n, other in matched.items())
    assert match_phrases({1: (0, 100)}, {1: (0, 20), 2: (25, 100)}) == {1: 2}
