"""Where the time of phrases went, told from events alone, and what is said of totals that are not the sum of steps."""

from dataclasses import replace

import pytest

from balto.cli.timing import show_timeline
from balto.replay.timing import timeline_of
from events.catalogue import (
    Event,
    PhraseDiscarded,
    RecommendationDelivered,
    SpeechStarted,
    TranscriptionReceived,
    TranscriptionRejected,
)
from projections.rows import TimelineRow
from tests.runs import phrase, run, session


def rows(*events: Event) -> list[TimelineRow]:
    return timeline_of(run(session([*events])))


def test_the_transcript_that_counted_gives_the_latency_and_all_calls_the_cost() -> None:
    events = phrase(1, 0.1, "tosse")
    chosen = next(event for event in events if isinstance(event, TranscriptionReceived))
    late = replace(chosen, role="comparison", latency_ms=900.0, cost_usd=0.25)
    (row,) = rows(*events[:3], late, replace(chosen, cost_usd=0.5), *events[4:])
    assert (row.stt_ms, row.cost_usd) == (300.0, 0.75)


def test_the_first_outcome_of_a_phrase_is_its_outcome() -> None:
    captured, rejected = phrase(1, 0.1, "tosse")[:2], TranscriptionRejected(
        phrase=1, provider="local", model="base", reason="noise", text="", latency_ms=1.0, cost_usd=0.0
    )  # fmt: skip
    (row,) = rows(*captured, rejected, rejected)
    assert (row.outcome, row.stt_ms, row.total_ms) == ("rejected:noise", 1.0, None)


def test_a_phrase_that_was_discarded_has_its_length_and_nothing_else() -> None:
    (row,) = rows(
        SpeechStarted(phrase=4, sample_start=1_600),
        PhraseDiscarded(phrase=4, sample_start=1_600, sample_end=3_200, reason="too_short"),
    )
    assert (row.phrase, row.speech_ms, row.stt_ms, row.outcome) == (4, 100.0, None, "discarded:too_short")


@pytest.mark.parametrize(
    ("stt_ms", "said"),
    [
        (100.0, "1 of 1 totals are more than their steps, by 0.6 s at most: the phrase waited"),
        (2_000.0, "1 of 1 totals are less than their steps, by 1.3 s at most: speech-to-text was asked at the first"),
    ],
)
def test_totals_that_are_not_the_sum_of_their_steps_are_explained(
    stt_ms: float, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    events = phrase(1, 0.1, "tosse")
    told = [replace(e, latency_ms=stt_ms) if isinstance(e, TranscriptionReceived) else e for e in events]
    show_timeline(rows(*told, RecommendationDelivered(phrase=1, recommendation_id="r1")))
    shown = capsys.readouterr().out
    assert said in " ".join(shown.split())
    assert max(len(line.rstrip()) for line in shown.splitlines()) <= 80


@pytest.mark.parametrize(("speed", "said"), [(4.0, True), (1.0, False)])
def test_a_session_that_was_sent_faster_than_speech_is_told(
    speed: float, said: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    (row,) = rows(*phrase(1, 0.1, "tosse"))
    end = 16_000 * 20
    show_timeline([replace(row, sample_end=end, ahead_ms=20_000.0 * (1 - 1 / speed))])
    assert ("sent faster than speech" in " ".join(capsys.readouterr().out.split())) is said
